"""A Space with ZeroGPU: what is loaded before the launch, in which thread, and which PyTorch it takes."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import app
from hub_config.settings import Settings, SettingsError

VERSION = torch.__version__.partition("+")[0]
EMULATED = """
import json, sys, threading, torch
torch.version.cuda = torch.version.cuda or "12.8"  # a CPU build lacks three names that the emulation asks for
torch._C._cuda_init = getattr(torch._C, "_cuda_init", None)
torch.cuda._is_in_bad_fork = bool
import app
from hub_config.settings import Settings
from interface.models.checkpoints import Checkpoints

models = Checkpoints([app._host(Settings((sys.argv[1],)), sys.argv[1])])
models.load()
late = Checkpoints([app._host(Settings((sys.argv[1],)), sys.argv[1])])
thread = threading.Thread(target=late.load)
thread.start(), thread.join()
from spaces.zero.torch import pack

(host,) = models.hosts
weights = sum(p.numel() * p.element_size() for p in host.pipeline.model.state_dict().values())
told = {"here": host.state.device, "elsewhere": late.hosts[0].state.phase, "weights": weights}
print(json.dumps(told | {"phase": host.state.phase, "handed_on": pack()}))
"""


class Launched(Exception):
    """The page was launched."""


def test_with_zerogpu_the_checkpoints_are_loaded_before_the_launch_in_the_main_thread(monkeypatch):
    done = []

    class Models:
        def load(self):
            done.append(threading.current_thread())

    def launch(*_, **__):
        assert done == [threading.main_thread()]
        raise Launched

    monkeypatch.setattr(app, "zero_gpu", lambda: lambda work: work)
    monkeypatch.setattr(app, "build", lambda _: (None, Models(), None))
    monkeypatch.setattr(app, "share_heaps", lambda: None)
    monkeypatch.setattr(app, "launch", launch)
    monkeypatch.setitem(app.ZERO_GPU_TORCH, VERSION, "any")
    with pytest.raises(Launched):
        app.serve(Settings(("toy",)))
    monkeypatch.delitem(app.ZERO_GPU_TORCH, VERSION)
    with pytest.raises(SettingsError, match=rf"2\.11\.0, not {VERSION}; publish .* --hardware zero-gpu"):
        app.serve(Settings(("toy",)))


@pytest.mark.slow
def test_the_emulation_of_the_real_package_hands_on_what_is_loaded_in_the_main_thread(
    checkpoint: Path, tmp_path: Path, root: Path
):
    if importlib.util.find_spec("spaces") is None:
        pytest.skip("the package 'spaces' is not installed")
    if not os.access("/proc/self/map_files", os.R_OK):
        pytest.skip("the emulation reads /proc/self/map_files, which is closed here")
    env = {"SPACES_ZERO_GPU": "1", "SPACES_ZERO_DEVICE_API_URL": "http://127.0.0.1:9"}
    env |= {"ZEROGPU_OFFLOAD_DIR": str(tmp_path / "tensors"), "PYTHONPATH": str(root)}
    run = subprocess.run(
        [sys.executable, "-c", EMULATED, str(checkpoint)],
        env={**os.environ, **env},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert (told["phase"], told["here"], told["elsewhere"]) == ("ready", "cuda", "failed")
    assert told["handed_on"] >= 0.9 * told["weights"]
