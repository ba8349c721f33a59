"""A MongoDB-compatible server as a process of its own, for tests that speak to it over TCP."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

USER, PASSWORD = "reader", "p@ss/w:rd?#é%"
ENCODED = quote(PASSWORD, safe="")


class MongoServer:
    """One `secantusd-py` on a free port of 127.0.0.1, started as a context; it can stop and start again."""

    def __init__(self, folder: Path, *options: str, patience: float = 60.0) -> None:
        """
        Args:
            patience: seconds to wait for it; a folder with 50,000 films takes it more than a minute.
        """
        self.folder, self.options, self._patience = folder, list(options), patience
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Its address, without a database."""
        return f"mongodb://127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> "MongoServer":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        program = Path(sys.executable).with_name("secantusd-py")
        command = [str(program), "--port", str(self.port), "--storage-path", str(self.folder), *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "secantusd-py ended as soon as it began"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"secantusd-py took no connection within {self._patience:.0f} s")

    def stop(self) -> None:
        """End it in good order, so that its files are complete."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)
        self._process = None

    def kill(self) -> None:
        """End it whatever it is doing; once more does no harm."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
