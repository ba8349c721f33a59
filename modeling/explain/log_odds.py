"""The one number that is explained: log-odds of the target's class against its alternative.

Everything that explains, checks or proves asks here, so that an account, its delta, Shapley values, occlusion
and removals speak of the same number.

Shape letters: B studies, K classes.
"""

import torch
from torch import Tensor

from modeling.labels import NOTHING, REST, TASKS, Target


def log_odds(logits: Tensor, target: Target) -> Tensor:
    """Logits (B, K) of the target's task, before calibration -> (B,) log-odds, in logits.

    Against a class: log p(class) - log p(alternative). Against the rest: log p(class) - log(1 - p(class)).
    Against nothing: the logit itself.
    """
    task = TASKS[target.task]
    column = task.index(target.class_name)
    own = logits[:, column]
    if target.against == NOTHING:
        return own
    if target.against == REST:
        others = torch.cat([logits[:, :column], logits[:, column + 1 :]], dim=1)
        return own - torch.logsumexp(others, dim=1)
    return own - logits[:, task.index(target.against)]
