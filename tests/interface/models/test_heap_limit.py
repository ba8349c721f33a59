"""Threads share heaps, so that memory does not grow with the number of readers."""

import subprocess
import sys
import textwrap

import pytest

_MEASURE = """
    import resource, sys, threading
    import numpy as np
    from interface.models.heap_limit import share_heaps

    if sys.argv[1] == "shared":
        assert share_heaps()

    def work():
        parts = [np.ones(30_000, np.float32) for _ in range(400)]  # below the size that is mapped apart
        done.append(sum(len(part) for part in parts))

    done = []
    for _ in range(4):
        others = [threading.Thread(target=work) for _ in range(12)]
        for one in others: one.start()
        for one in others: one.join()
    print(open("/proc/self/status").read().split("VmRSS:")[1].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_heaps_can_be_shared_and_work_goes_on():
    def run(how: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(_MEASURE), how]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    # A busy machine lets threads come one after another now and then, and then they need little anyway.
    shared, usual = (sorted(run(how) for _ in range(2)) for how in ("shared", "usual"))
    assert shared[0] < 1.1 * usual[-1]


def test_another_platform_is_left_alone(monkeypatch):
    from interface.models import heap_limit as memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.share_heaps() is False


def test_the_collector_passes_over_what_is_loaded():
    command = (
        "import gc; from interface.models.heap_limit import spare_what_is_loaded as spare; import fastapi;"
    )
    command += (
        "before = gc.get_freeze_count(); spare(); print(before, gc.get_freeze_count(), len(gc.get_objects()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, timeout=60
    )
    before, frozen, walked = map(int, run.stdout.split())
    assert before == 0 and frozen > 10_000 and walked < frozen / 10
