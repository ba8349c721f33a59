"""Files of a Hugging Face Hub repo, all of one commit, and one sentence for whatever keeps them away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from modeling.errors import ViewboxError
from modeling.sentence import Names, Sentence

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Repo:
    """A repo (owner/name) at a revision: commit, branch or tag; None for the newest commit.

    `setting` is the prefix of the variables that name it, for sentences: `MODEL` for `MODEL_REPO`; "" where
    none does.
    """

    name: str
    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    kind: Literal["model", "dataset"] = "model"
    setting: str = "MODEL"


def fetched(repo: Repo, wanted: Sequence[str], error: type[ViewboxError]) -> tuple[str, Path]:
    """The commit and the folder of a repo's files on this machine.

    An unpinned revision (a branch, or none) is resolved to a commit hash first, so that all files belong
    to one commit and the page can show which. Files that match no `wanted` pattern are left there; `error` is
    raised where those wanted cannot be had.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HTTPError  # the client's own transport error: not always httpx's

    at = {"revision": repo.revision, "repo_type": repo.kind}
    try:
        if repo.revision is None or not _COMMIT.fullmatch(repo.revision):
            at["revision"] = HfApi(token=repo.token).repo_info(repo.name, **at).sha
        folder = snapshot_download(repo.name, token=repo.token, allow_patterns=list(wanted), **at)
    except (HTTPError, OSError, ValueError) as exc:
        raise error(_why_not_fetched(repo, exc)) from exc
    return str(at["revision"]), Path(folder)


def _why_not_fetched(repo: Repo, exc: Exception) -> Sentence:
    """The reader's sentence for what the Hub's client raised; never holds the token or an address."""
    from huggingface_hub import errors

    name, setting = repo.name, repo.setting
    if isinstance(exc.__cause__, errors.HfHubHTTPError):  # "not in the cache either" hides what the Hub said
        exc = exc.__cause__
    if isinstance(exc, errors.HFValidationError):
        no_name = "'{name}' is no name of a Hub repo; give a folder or a Hub repo as owner/name."
        return Sentence(no_name, name=name)
    if isinstance(exc, errors.GatedRepoError):
        gated = "{name} is gated; accept its terms and set HF_TOKEN to a token that may read it."
        return Sentence(gated, name=name)
    if isinstance(exc, errors.RevisionNotFoundError):
        if not setting:
            unnamed = "{name} has no revision '{revision}'; name one of its commits, branches or tags."
            return Sentence(unnamed, name=name, revision=repo.revision)
        no_such = "{name} has no revision '{revision}'; set {setting}_REVISION to one of its commits."
        return Sentence(no_such, name=name, revision=repo.revision, setting=setting)
    if isinstance(exc, errors.RepositoryNotFoundError):
        if not setting:
            absent = "The Hub has no {kind} '{name}', or it is private; check the name and HF_TOKEN."
            return Sentence(absent, kind=Names("file", repo.kind), name=name)
        no_repo = "The Hub has no {kind} '{name}', or it is private; check {setting}_REPO and HF_TOKEN."
        return Sentence(no_repo, kind=Names("file", repo.kind), name=name, setting=setting)
    if isinstance(exc, errors.HfHubHTTPError):
        status = exc.response.status_code
        if status in (401, 403):
            refused = "The Hub refused the login for {name}; set HF_TOKEN to a token that may read it."
            return Sentence(refused, name=name)
        answered = "The Hub answered {status} for {name}; try again in a minute."
        return Sentence(answered, status=status, name=name)
    unfetched = "{name} could not be fetched whole from the Hub; check the network and try again."
    return Sentence(unfetched, name=name)
