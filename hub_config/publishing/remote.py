"""A repo on the Hub beside the files that should be in it: what differs, and one commit that ends it.

Nothing is uploaded to find out: a file is the same where its git blob hash, or its LFS sha256, is.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
)

from modeling.errors import ViewboxError
from modeling.sentence import Sentence


class PublishError(ViewboxError):
    """Something cannot be published, and what to do about it."""


RepoType = Literal["model", "space", "dataset"]
Files = Mapping[str, Path | bytes]
"""Path in the repo -> the file here, or its content."""

KEPT = (".gitattributes",)
"""Files that the Hub itself puts into a repo."""


@dataclass(frozen=True)
class Difference:
    """The changes of a commit, by path."""

    head: str | None  # the repo's newest commit; None where there is no repo yet
    add: tuple[str, ...]  # the repo lacks them
    change: tuple[str, ...]  # the repo holds them with other content
    extra: tuple[str, ...]  # of the repo, and not among the files
    size: int  # bytes to be uploaded at most


class RemoteRepo:
    """One repo of the Hub, seen with one token."""

    def __init__(self, repo: str, kind: RepoType, token: str | None) -> None:
        """Without a token it looks without any: what this machine may have stored elsewhere is not used."""
        self.repo, self.kind = repo, kind
        self._api = HfApi(token=token or False)

    def difference(self, files: Files) -> Difference:
        """Compare the repo with files by their path in it.

        Raises:
            PublishError: the Hub does not answer or refuses.
        """
        head = self.head()
        there = self._tree(head) if head else {}
        add = tuple(sorted(files.keys() - there))
        change = tuple(path for path in sorted(files.keys() & there) if not _same(files[path], there[path]))
        extra = tuple(sorted(there.keys() - files - set(KEPT)))
        size = sum(len(content_of(files[path])) for path in (*add, *change))
        return Difference(head, add, change, extra, size)

    def push(
        self,
        files: Files,
        difference: Difference,
        message: str,
        *,
        private: bool = False,
        prune: bool = False,
    ) -> str:
        """Make the repo where it is not there, and commit what differs; returns the revision.

        `private`: a repo that is made now; one that is there stays as it is. `prune`: delete what is not
        among the files, too.

        Raises:
            PublishError: the Hub does not answer or refuses, or the repo has changed meanwhile.
        """
        changed = (*difference.add, *difference.change)
        operations: list[Any] = [CommitOperationAdd(path, files[path]) for path in changed]
        if prune:
            operations += [CommitOperationDelete(path) for path in difference.extra]
        if difference.head is None:
            more = {"private": private} | ({"space_sdk": "gradio"} if self.kind == "space" else {})
            self._asked(self._api.create_repo, exist_ok=True, **more)
        about = {"commit_message": message, "parent_commit": difference.head}
        return str(self._asked(self._api.create_commit, operations=operations, **about).oid)

    def head(self) -> str | None:
        """The newest commit; None where there is no such repo. Raises PublishError as `difference` does."""

        def newest(**repo: Any) -> str | None:
            try:
                return self._api.repo_info(**repo).sha
            except GatedRepoError:
                raise
            except RepositoryNotFoundError:
                return None

        return self._asked(newest)

    def _tree(self, revision: str) -> dict[str, RepoFile]:
        def listed(**repo: Any) -> list[Any]:
            return list(self._api.list_repo_tree(recursive=True, revision=revision, **repo))

        return {entry.path: entry for entry in self._asked(listed) if isinstance(entry, RepoFile)}

    def _asked(self, ask: Callable[..., Any], **more: Any) -> Any:
        try:
            return ask(repo_id=self.repo, repo_type=self.kind, **more)
        except (HTTPError, OSError, ValueError, RuntimeError) as exc:  # RuntimeError: a file's upload failed
            raise PublishError(_why_not(self.repo, exc)) from exc


def content_of(file: Path | bytes) -> bytes:
    """The bytes of a file."""
    return file if isinstance(file, bytes) else file.read_bytes()


def _same(file: Path | bytes, entry: RepoFile) -> bool:
    """Whether a file is what the repo holds, by the hash that the repo names."""
    content = content_of(file)
    if entry.lfs is not None:
        return hashlib.sha256(content).hexdigest() == entry.lfs.sha256
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == entry.blob_id


_REFUSALS = {
    401: "The Hub refused the login for {repo}; set HF_TOKEN to a valid token.",
    402: "This token may not write to {repo}; set HF_TOKEN to one that may, or name another repo.",
    404: "The Hub has no {repo}, or this token may not see it; check --repo and HF_TOKEN.",
    409: "{repo} was changed by someone else meanwhile; look at it and publish again.",
}
_REFUSALS |= {403: _REFUSALS[402], 412: _REFUSALS[409]}
"""HTTP status -> what it means and what to do."""


def _why_not(repo: str, exc: Exception) -> str:
    """The sentence for what the Hub's client raised; never holds the token or an address."""
    if isinstance(exc, HFValidationError):
        return Sentence("'{repo}' is no name of a Hub repo; write it as owner/name.", repo=repo)
    if isinstance(exc, GatedRepoError):
        template = "{repo} is gated and this token may not read it; accept its terms or name another repo."
        return Sentence(template, repo=repo)
    found: BaseException | None = exc
    while found is not None and not isinstance(found, HfHubHTTPError):  # an upload's error wraps the Hub's
        found = found.__cause__
    if found is None:
        return Sentence("The Hub cannot be reached for {repo}; check the network and try again.", repo=repo)
    status = found.response.status_code
    template = _REFUSALS.get(status, "The Hub answered {status} for {repo}; try again in a minute.")
    return Sentence(template, status=status, repo=repo)
