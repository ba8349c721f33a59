"""Portions of cases spread over a Ray cluster; a portion whose worker dies is given to another.

Every machine of the cluster needs this tree, its packages and the checkpoint at the same path, and must
reach the store. Ray itself is optional: `pip install` the version that `requirements-dev.txt` names.
"""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cases.store import Result
from modeling.errors import ViewboxError

RETRIES = 20
"""Workers that may die over one portion before the scoring gives up: a portion may be at fault itself."""
AHEAD = 2
"""Portions that wait for every processor, so that none is idle and few are lost with the driver."""
Job = TypeVar("Job")


def run(
    work: Callable[[Job, list[str]], list[Result]],
    job: Job,
    portions: Iterator[list[str]],
    *,
    address: str | None = None,
    gpus: float = 0.0,
) -> Iterator[list[Result]]:
    """Results of every portion, in the order in which they are ready.

    Args:
        work: a function of a module that every machine has.
        address: of a running cluster ("auto" for the one on this machine); None starts one here.
        gpus: share of a GPU that each worker takes.

    Raises:
        ViewboxError: Ray is not installed, the cluster is not there, or a portion killed every worker.
    """
    if importlib.util.find_spec("ray") is None:
        raise ViewboxError("Ray is not installed; install it, or score with --engine process.")
    import ray

    started_here = not ray.is_initialized()
    try:
        if started_here:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="error")
        remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(work)
        yield from _spread(ray, remote, ray.put(job), portions)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError) as exc:
        raise _told(exc) from exc
    finally:
        if started_here and ray.is_initialized():
            ray.shutdown()


def _told(exc: Exception) -> ViewboxError:
    """A worker's own error, if a reader may see it; else that a worker or the cluster failed."""
    from ray.exceptions import RayTaskError

    if not isinstance(exc, RayTaskError):
        lost = "The Ray cluster was lost ({error}); start it and score again; results stay."
        return ViewboxError(lost, error=type(exc).__name__)
    if isinstance(exc.cause, ViewboxError):
        return exc.cause
    failed = "A worker failed ({error}); see Ray's logs and score again."
    return ViewboxError(failed, error=type(exc.cause).__name__)


def _spread(ray: Any, remote: Any, job: Any, portions: Iterator[list[str]]) -> Iterator[list[Result]]:
    """At most `AHEAD` portions a processor are under way, however large the lake and the cluster grow."""
    under_way: list[Any] = []
    for portion in portions:
        under_way.append(remote.remote(job, portion))
        while len(under_way) >= AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1))):
            ready, under_way = ray.wait(under_way, num_returns=1)
            yield from ray.get(ready)
    while under_way:
        ready, under_way = ray.wait(under_way, num_returns=1)
        yield from ray.get(ready)
