"""Several paths to one study, each from a baseline of its own, as one account.

Source: expected gradients, Erion et al., Nature Machine Intelligence 2021: the mean over baselines is an
account too, of F(x) - the mean of F(baseline).
"""

import math
from collections.abc import Iterator, Sequence

from modeling.explain.integrated_gradients import PathAttribution


def averaged(refinements: Sequence[Iterator[PathAttribution]]) -> Iterator[PathAttribution]:
    """The mean of what several refinements have reached, whenever all of them moved on or ended.

    Args:
        refinements: of paths that end at the same input; one is handed through as it is.
    """
    if len(refinements) == 1:
        yield from refinements[0]
        return
    reached: list[PathAttribution | None] = [None] * len(refinements)
    running = set(range(len(refinements)))
    while running:
        for i in sorted(running):
            account = next(refinements[i], None)
            if account is None:
                running.discard(i)
            else:
                reached[i] = account
        if running:
            yield _mean([account for account in reached if account is not None])


def _mean(accounts: Sequence[PathAttribution]) -> PathAttribution:
    count = len(accounts)
    together = zip(*(account.attributions for account in accounts), strict=True)
    return PathAttribution(
        tuple(sum(parts) / count for parts in together),
        math.fsum(a.output for a in accounts) / count,
        math.fsum(a.baseline_output for a in accounts) / count,
        sum(a.evaluations for a in accounts),
        max(a.seconds for a in accounts),
        math.fsum(a.piece_error for a in accounts) / count,
        max(a.map_change for a in accounts),
    )
