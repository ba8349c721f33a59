"""What is known of findings as vectors, and tuned on itself: no report is needed for that.

Words for one finding are drawn together and its definition with them, where asked for also those of its
kin (by the share of the hierarchy that both have), and all that deny something are pushed away: "no
pneumothorax" is no pneumothorax. The loss is supervised contrastive (Khosla et al. 2020) with soft targets.

Shape letters: K findings, P phrases, D width.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from modeling.findings.knowledge import Knowledge
from training.knowledge.encoder import Encode

TEMPERATURE = 0.07
STEPS, RATE, DECAY = 100, 0.003, 1e-2
KIN = 0.1
"""Weight of kin beside the finding's own words, 1, where kin are drawn together too."""


@dataclass(frozen=True, eq=False)
class KnownTexts:
    """The texts' vectors, of length 1.

    Attributes:
        phrases: (P, D), names and synonyms; `owner` (P,) says whose.
        names: (K,) the place of each finding's name among the phrases.
        definitions: (K, D).
        denials: (P, D) of "no" before each phrase.
        kinship: (K, K) share of the hierarchy that two findings have in common, 0 to 1.
    """

    phrases: Tensor
    owner: Tensor
    names: Tensor
    definitions: Tensor
    denials: Tensor
    kinship: Tensor

    def weights(self, projection: Tensor, *, names_alone: bool = False) -> Tensor:
        """(K, D) a finding's words, projected and averaged, at length 1: the classifier's weights."""
        projected = self.phrases + self.phrases @ projection
        if names_alone:
            return functional.normalize(projected[self.names], dim=1)
        sums = torch.zeros(len(self.names), projected.shape[1]).index_add(0, self.owner, projected)
        return functional.normalize(sums, dim=1)


def known_texts(known: Knowledge, encode: Encode) -> KnownTexts:
    """Names, synonyms, definitions and denials of all findings, encoded."""
    findings = list(known.findings.values())
    phrases = [phrase.lower() for one in findings for phrase in one.phrases]
    owner = [k for k, one in enumerate(findings) for _ in one.phrases]
    definitions = [one.definition.lower() for one in findings]
    denials = [f"no {phrase}" for phrase in phrases]
    vectors = torch.tensor(encode([*phrases, *definitions, *denials]), dtype=torch.float32)
    parts = vectors.split([len(phrases), len(definitions), len(denials)])
    lines = [{*known.ancestors(one), str(one.name)} for one in findings]
    kinship = torch.tensor([[len(a & b) / len(a | b) for b in lines] for a in lines])
    firsts = np.unique(owner, return_index=True)[1]
    return KnownTexts(parts[0], torch.tensor(owner), torch.tensor(firsts), parts[1], parts[2], kinship)


def tuned(texts: KnownTexts, kin: float = 0.0, steps: int = STEPS) -> Tensor:
    """(D, D) what is added to the identity to bring a finding's words together, and with `kin` its kin."""
    every = torch.cat([texts.phrases, texts.definitions])
    owner = torch.cat([texts.owner, torch.arange(len(texts.definitions))])
    same = (owner[:, None] == owner[None]).float()
    target = same + kin * texts.kinship[owner][:, owner] * (1 - same)
    target = target.fill_diagonal_(0.0)
    target = target / target.sum(1, keepdim=True)
    own = 1e9 * torch.eye(len(every))
    added = torch.zeros(every.shape[1], every.shape[1], requires_grad=True)
    optimiser = torch.optim.Adam([added], RATE)
    for _ in range(steps):
        here, denied = (functional.normalize(x + x @ added, dim=1) for x in (every, texts.denials))
        alike = torch.cat([here @ here.T / TEMPERATURE - own, here @ denied.T / TEMPERATURE], dim=1)
        chosen = functional.log_softmax(alike, dim=1)[:, : len(every)].clamp(min=-50.0)
        loss = -(target * chosen).sum(1).mean() + DECAY * added.square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return added.detach()
