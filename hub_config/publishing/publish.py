"""Put a checkpoint, the Space or a set of cases on the Hub: what `viewbox publish` does.

Publishing what is there already pushes nothing. The token comes from HF_TOKEN; a dry run needs none for a
public repo. The Space gets what the app needs and nothing else: no tests, no training runs, nothing hidden.
"""

from pathlib import Path

from hub_config.cards.case_card import case_card
from hub_config.errors import PublishError
from hub_config.publishing.front_matter import Kind, check_card
from hub_config.publishing.remote import Difference, Files, RemoteRepo, RepoType, content_of
from hub_config.settings import BUNDLED
from modeling.model.checkpoint import Origin, read_configuration, sha256_of

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "hub_config" / "cases"
CARD = "README.md"
REPO_TYPES: dict[Kind, RepoType] = {"model": "model", "space": "space", "cases": "dataset"}
APP = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "app.py", "docs",
       "requirements.txt", "packages.txt", "cases", "hub_config", "interface", "modeling")  # fmt: skip
"""The parts of this tree that make the Space; one that is not there is left out."""


def model_files(folder: Path) -> Files:
    """The files of a checkpoint folder, whose configuration must be whole.

    Raises:
        ViewboxError: the folder is no checkpoint, or its processor is not the one of its weights.
    """
    weights = folder / "model.safetensors"
    if not weights.is_file():
        template = "{folder} has no {weights}; name a checkpoint's folder."
        raise PublishError(template, folder=folder.name, weights=weights.name)
    read_configuration(Origin(folder.name, f"sha256:{sha256_of(weights)}", folder, pinned=False))
    return _files_of(folder)


def space_files(root: Path | None = None) -> Files:
    """The files of this tree that make the Space."""
    root = root or ROOT
    found: dict[str, Path] = {}
    for name in APP:
        path = root / name
        if path.is_dir():
            found |= {f"{name}/{inner}": file for inner, file in _files_of(path).items()}
        elif path.is_file():
            found[name] = path
    return found


def case_files(folder: Path) -> Files:
    """The shards of an embedded store and its card: the folder's own, or one made from the cases.

    Raises:
        ViewboxError: no cases in the folder, or some that may not be passed on.
    """
    made, own = case_card(folder).encode(), folder / CARD
    shards = {path.name: path for path in sorted(folder.glob("cases-*.parquet"))}
    return {**shards, CARD: own if own.is_file() else made}


def _files_of(folder: Path) -> dict[str, Path]:
    """Path below the folder -> file; what is hidden or compiled stays here."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    hidden = {inner for inner in files if any(p.startswith(".") or p == "__pycache__" for p in inner.parts)}
    return {inner.as_posix(): path for inner, path in files.items() if inner not in hidden}


def plan(difference: Difference, *, prune: bool) -> list[str]:
    """The changes of a push, a line each."""
    lines = [f"+ {path}" for path in difference.add] + [f"~ {path}" for path in difference.change]
    if prune:
        return lines + [f"- {path}" for path in difference.extra]
    if difference.extra:
        lines.append(f"  {len(difference.extra)} more files are there; --prune would delete them")
    return lines


def publish(
    kind: Kind,
    repo: str,
    files: Files,
    token: str | None,
    *,
    dry_run: bool = False,
    private: bool = False,
    prune: bool = False,
) -> tuple[str | None, Difference]:
    """Compare, and push what differs: the revision to pin (None where a dry run would make it), and that.

    Raises:
        PublishError: the card is not as the Hub wants it, there is no token, or the Hub refuses.
    """
    if CARD not in files:
        raise PublishError("There is no {card} to publish; write the card first (viewbox cards).", card=CARD)
    check_card(kind, content_of(files[CARD]).decode(), files)
    if token is None and not dry_run:
        template = "Publishing needs a token; set HF_TOKEN to one that may write to {repo}."
        raise PublishError(template, repo=repo)
    remote = RemoteRepo(repo, REPO_TYPES[kind], token)
    difference = remote.difference(files)
    changed = difference.add or difference.change or (prune and difference.extra)
    if not changed:
        return difference.head, difference
    if dry_run:
        return None, difference
    message = f"Publish {kind}"
    return remote.push(files, difference, message, private=private, prune=prune), difference


def report(repo: str, revision: str | None, difference: Difference, *, prune: bool) -> str:
    """The changes made, or to be made, and the revision to pin, as lines of text."""
    lines = plan(difference, prune=prune)
    size = f"{len(difference.add) + len(difference.change)} files, {difference.size / 1e6:.1f} MB"
    made = " (it would be made)" if difference.head is None else ""
    if revision is None:
        lines.append(f"{repo}{made} would get {size}; nothing pushed, because this is a dry run.")
    elif revision == difference.head:
        lines.append(f"{repo} holds all of it already; nothing pushed.")
    else:
        lines.append(f"{repo} got {size}.")
    return "\n".join(lines if revision is None else [*lines, f"revision {revision}"])


def files_of(kind: Kind, folder: Path | None) -> Files:
    """The files to publish: of a folder, or those that ship.

    Raises:
        ViewboxError: there is no such folder, or it may not be published.
    """
    if kind == "space":
        if folder is not None:
            raise PublishError("The Space is this tree; leave out --folder.")
        return space_files()
    if folder is not None and not folder.is_dir():
        raise PublishError("There is no folder {folder}; correct --folder.", folder=folder)
    return model_files(folder or BUNDLED / "film") if kind == "model" else case_files(folder or CASES)
