"""The settings of the environment, the only reader of `os.environ`, and the folder of cases they name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from modeling.errors import CaseStoreError, ViewboxError
from modeling.model.hub import Repo, fetched

Device = Literal["auto", "cpu", "cuda"]
BUNDLED = Path(__file__).parent / "checkpoints"
STUDY_CHECKPOINT = Path(__file__).parent / "study_checkpoints" / "teaching"
"""Of `modeling.model.study_fusion`: it reads several films of a study, which the page does not show yet."""
SPACE_CHECKPOINT = Path(__file__).parent / "space_checkpoints" / "teaching"
"""Of `modeling.model.shared_space`: film, table and words in one space."""
FINDING_CLASSIFIER = Path(__file__).parent / "finding_classifiers" / "words"
"""Of `modeling.findings.reader`: it reads reports for 160 findings."""
PREFERRED = ("film", "teaching")
CASE_FILES = ("cases-*.parquet", "NOTICE.md", "README.md")
SPACE_PORTS = (80, 443, 8080)
"""Where a Space may reach to (Hugging Face Spaces documentation, "Networking")."""
SPACE_FRAMES = "'self' https://huggingface.co https://*.hf.space"
ZERO_GPU_TORCH = {"2.8.0": "0.23.0", "2.9.1": "0.24.1", "2.10.0": "0.25.0", "2.11.0": "0.26.0"}
"""The versions of PyTorch that ZeroGPU lists (Hugging Face Spaces documentation, "ZeroGPU", August 2026), and
the torchvision that goes with each; the last one is what a Space with ZeroGPU is published with."""


class SettingsError(ViewboxError):
    """A variable of the environment has a value that means nothing."""


@dataclass(frozen=True)
class Settings:
    """Where the checkpoint and the cases are, and where the page is served.

    `models`: checkpoint folders, or one Hub repo as owner/name; the first one suits an unknown source.
    """

    models: tuple[str, ...]
    revision: str | None = None  # commit, branch or tag of the repo; None for its newest commit
    hf_token: str | None = field(default=None, repr=False)
    mongodb_uri: str | None = field(default=None, repr=False)  # None: an embedded store; may hold a password
    mongodb_database: str | None = None
    cases_folder: str | None = None  # another embedded store than the one that ships with Viewbox
    cases_repo: str | None = None  # a Hub data set with cases, as owner/name, at `cases_revision`
    cases_revision: str | None = None
    cases_source: str | None = None  # what the student documents of the MongoDB are that name no set
    device: Device = "auto"
    server_name: str = "127.0.0.1"
    server_port: int = 7860
    sessions_per_address: int = 200  # that are kept of one address, behind which a whole class may be
    frame_ancestors: str = "'self'"  # pages that may show this one in a frame
    noindex: bool = False  # ask search engines to leave the page out
    report_url: str | None = None  # where readers report a problem: a page for a new issue or discussion
    on_space: bool = False  # whether this runs in a Hugging Face Space

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the variables that docs/deploy.md lists, or what stands in for `os.environ`; empty is unset.

        Raises:
            SettingsError: a value that means nothing, or no checkpoint at all.
        """
        given = {k: v.strip() for k, v in (os.environ if environ is None else environ).items() if v.strip()}
        on_space = "SPACE_ID" in given
        plain = (
            "hf_token",
            "mongodb_database",
            "cases_folder",
            "cases_repo",
            "cases_revision",
            "cases_source",
        )
        return cls(
            models=(given["MODEL_REPO"],) if "MODEL_REPO" in given else bundled_checkpoints(),
            revision=given.get("MODEL_REVISION"),
            mongodb_uri=_mongodb_uri(given.get("MONGODB_URI")),
            device=_device(given.get("DEVICE", "auto")),
            server_name=given.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1"),
            server_port=_port(given.get("GRADIO_SERVER_PORT", "7860")),
            sessions_per_address=_sessions(given.get("SESSIONS_PER_ADDRESS", "200")),
            frame_ancestors=_frame_ancestors(
                given.get("FRAME_ANCESTORS", SPACE_FRAMES if on_space else "'self'")
            ),
            noindex="NOINDEX" in given,
            report_url=_report_url(given),
            on_space=on_space,
            **{name: given.get(name.upper()) for name in plain},
        )

    @property
    def store(self) -> str | None:
        """The store to open: MongoDB, else a folder, else None for the cases that ship."""
        return self.mongodb_uri or self.cases_folder

    @property
    def reachable_ports(self) -> tuple[int, ...] | None:
        """Outside ports that this machine can reach; None where there is no such limit."""
        return SPACE_PORTS if self.on_space else None


def bundled_checkpoints() -> tuple[str, ...]:
    """The folders of the checkpoints that ship with Viewbox: `PREFERRED` first, then by name.

    Where none is there the first preferred name all the same: loading it says what is missing.
    """
    rank = {name: place for place, name in enumerate(PREFERRED)}
    present = sorted(p.parent.name for p in BUNDLED.glob("*/config.json"))
    names = sorted(present, key=lambda name: rank.get(name, len(rank))) or PREFERRED[:1]
    return tuple(str(BUNDLED / name) for name in names)


def _mongodb_uri(uri: str | None) -> str | None:
    if uri is None or uri.startswith(("mongodb://", "mongodb+srv://")):
        return uri
    # The value itself may hold a password, so it is not repeated.
    raise SettingsError("MONGODB_URI must begin with mongodb:// or mongodb+srv://; correct it or unset it.")


def _report_url(given: Mapping[str, str]) -> str | None:
    url = given.get("REPORT_URL")
    if url is None:
        space = given.get("SPACE_ID")
        return space and f"https://huggingface.co/spaces/{space}/discussions/new"
    if url.startswith(("https://", "http://")):
        return url
    raise SettingsError("REPORT_URL cannot be '{url}'; set it to an address with https://.", url=url)


def _device(name: str) -> Device:
    if name in ("auto", "cpu", "cuda"):
        return name
    raise SettingsError("DEVICE cannot be '{name}'; set it to auto, cpu or cuda.", name=name)


def _sessions(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    template = "SESSIONS_PER_ADDRESS cannot be '{text}'; set it to a number from 1 on."
    raise SettingsError(template, text=text)


def _frame_ancestors(text: str) -> str:
    if text.isascii() and text.isprintable() and not set(text) & {";", ","}:
        return text
    template = "FRAME_ANCESTORS cannot be '{text}'; set it to addresses with spaces between them."
    raise SettingsError(template, text=text)


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    template = "GRADIO_SERVER_PORT cannot be '{text}'; set it to a number from 1 to 65535."
    raise SettingsError(template, text=text)


def case_folder(settings: Settings) -> str | None:
    """The folder of the cases that the settings name, fetched where it is a Hub repo; else their store.

    From a repo they are read only, and all of one commit.

    Raises:
        CaseStoreError: the repo cannot be fetched, or holds no cases.
    """
    if settings.cases_repo is None or settings.mongodb_uri:
        return settings.store
    repo = Repo(settings.cases_repo, settings.cases_revision, settings.hf_token, "dataset", "CASES")
    _, folder = fetched(repo, CASE_FILES, CaseStoreError)
    if not any(Path(folder).glob("cases-*.parquet")):
        template = "The data set {repo} has no cases-*.parquet; publish cases there with 'viewbox publish'."
        raise CaseStoreError(template, repo=repo.name)
    return str(folder)
