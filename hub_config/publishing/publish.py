"""Put a checkpoint, the Space or a set of cases on the Hub: what `viewbox publish` does.

Publishing what is there already pushes nothing. The token comes from HF_TOKEN; a dry run needs none for a
public repo. The Space gets what the app needs and nothing else: no tests, no training runs, nothing hidden.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonschema import Draft202012Validator, ValidationError
from pyarrow import ArrowInvalid, parquet

from cases.export.export import Account, card
from cases.importers.chosen import NOTICE
from hub_config.publishing.remote import Difference, Files, PublishError, RemoteRepo, RepoType, content_of
from hub_config.settings import BUNDLED, ZERO_GPU_TORCH, bundled_checkpoints
from modeling.model.checkpoint import Origin, read_configuration, sha256_of
from modeling.model.film_branch import ONNX_FILE, film_branch_files
from modeling.sentence import Sentence

Kind = Literal["model", "space", "cases"]
Hardware = Literal["cpu", "gpu", "zero-gpu"]
"""Of a Space: which builds of PyTorch it installs."""
SCHEMA = Path(__file__).with_name("front_matter.json")
"""Of the front matter: a wrong value is refused, a key that the Hub does not document is told of."""
ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "hub_config" / "cases"
CARD = "README.md"
REPO_TYPES: dict[Kind, RepoType] = {"model": "model", "space": "space", "cases": "dataset"}
APP = (
    "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "app.py",
    "docs", "pyproject.toml", "packages.txt", "cases", "evaluation", "hub_config", "interface", "modeling",
    "training", "viewbox",
)  # fmt: skip
"""The parts of this tree that make the Space, and the package that `pip install git+...` finds there, besides
its requirements; one that is not there is left out."""


def model_files(folder: Path) -> Files:
    """The files of a checkpoint folder, whose configuration must be whole.

    Where its card names the film branch as ONNX, that is made, too.

    Raises:
        ViewboxError: the folder is no checkpoint, its processor is not the one of its weights, or what writes
            ONNX is not installed.
    """
    weights = folder / "model.safetensors"
    if not weights.is_file():
        template = "{folder} has no {weights}; name a checkpoint's folder."
        raise PublishError(template, folder=folder.name, weights=weights.name)
    read_configuration(Origin(folder.name, f"sha256:{sha256_of(weights)}", folder, pinned=False))
    files: dict[str, Path | bytes] = {**_files_of(folder)}
    if CARD in files and ONNX_FILE in files[CARD].read_text(encoding="utf-8"):
        try:
            files |= film_branch_files(folder)
        except ImportError as exc:
            template = "The card names {file}, which needs onnxscript to be made; pip install '.[onnx]'."
            raise PublishError(template, file=ONNX_FILE) from exc
    return files


def space_files(root: Path | None = None, hardware: Hardware = "cpu") -> Files:
    """The files of this tree that make the Space, with the requirements that its hardware wants.

    `pre-requirements.txt` is installed first and holds the CPU builds of PyTorch.
    """
    root = root or ROOT
    found: dict[str, Path | bytes] = {}
    for name in (*APP, *(path.name for path in sorted(root.glob("*requirements*.txt")))):
        path = root / name
        if path.is_dir():
            found |= {f"{name}/{inner}": file for inner, file in _files_of(path).items()}
        elif path.is_file():
            found[name] = path
    if hardware != "cpu":
        found["pre-requirements.txt"] = b"# None: this Space has a GPU.\n"
    if hardware == "zero-gpu":
        pinned = (root / "requirements.txt").read_text(encoding="utf-8")
        for package, version in zip(("torch", "torchvision"), [*ZERO_GPU_TORCH.items()][-1], strict=True):
            pinned = re.sub(rf"(?m)^{package}==.*$", f"{package}=={version}", pinned)
        found["requirements.txt"] = pinned.encode()
    return found


def case_files(folder: Path) -> Files:
    """The shards of an embedded store, its notice, and its card: its own, or one made from the cases.

    Raises:
        ViewboxError: no cases in the folder, or some that may not be passed on.
    """
    card, own, notice = case_card(folder), folder / CARD, folder / NOTICE
    card = own.read_text(encoding="utf-8") if own.is_file() else card
    files: dict[str, Path | bytes] = {path.name: path for path in sorted(folder.glob("cases-*.parquet"))}
    if notice.is_file():
        files[NOTICE] = notice
        if "\nlicense_link:" not in card:
            card = re.sub(r"(?m)^license_name: .*$", rf"\g<0>\nlicense_link: {NOTICE}", card, count=1)
    return {**files, CARD: card.encode()}


def _files_of(folder: Path) -> dict[str, Path]:
    """Path below the folder -> file; what is hidden or compiled stays here."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    hidden = {inner for inner in files if any(p.startswith(".") or p == "__pycache__" for p in inner.parts)}
    return {inner.as_posix(): path for inner, path in files.items() if inner not in hidden}


def publish(
    kind: Kind,
    repo: str,
    files: Files,
    token: str | None,
    *,
    dry_run: bool = False,
    private: bool = False,
    prune: bool = False,
) -> tuple[str | None, Difference, tuple[Sentence, ...]]:
    """Compare, and push what differs.

    Returns the revision to pin (None where a dry run would make it), what differs, and doubts about the card.

    Raises:
        PublishError: the card is not as the Hub wants it, there is no token, or the Hub refuses.
    """
    if CARD not in files:
        raise PublishError("There is no {card} to publish; write the card first (viewbox cards).", card=CARD)
    card = _with_names(content_of(files[CARD]).decode(), kind, repo)
    if kind == "space":
        card = _with_models(card, repo, token)
    files = {**files, CARD: card.encode()}
    doubts = check_card(kind, card, files)
    if token is None and not dry_run:
        template = "Publishing needs a token; set HF_TOKEN to one that may write to {repo}."
        raise PublishError(template, repo=repo)
    remote = RemoteRepo(repo, REPO_TYPES[kind], token)
    difference = remote.difference(files)
    changed = difference.add or difference.change or (prune and difference.extra)
    if not changed:
        return difference.head, difference, doubts
    if dry_run:
        return None, difference, doubts
    message = f"Publish {kind}"
    return remote.push(files, difference, message, private=private, prune=prune), difference, doubts


def report(repo: str, revision: str | None, difference: Difference, *, prune: bool) -> str:
    """The changes made, or to be made, and the revision to pin, as lines of text."""
    lines = [f"+ {path}" for path in difference.add] + [f"~ {path}" for path in difference.change]
    if prune:
        lines += [f"- {path}" for path in difference.extra]
    elif difference.extra:
        lines.append(f"  {len(difference.extra)} more files are there; --prune would delete them")
    size = f"{len(difference.add) + len(difference.change)} files, {difference.size / 1e6:.1f} MB"
    made = " (it would be made)" if difference.head is None else ""
    if revision is None:
        lines.append(f"{repo}{made} would get {size}; nothing pushed, because this is a dry run.")
    elif revision == difference.head:
        lines.append(f"{repo} holds all of it already; nothing pushed.")
    else:
        lines.append(f"{repo} got {size}.")
    return "\n".join(lines if revision is None else [*lines, f"revision {revision}"])


def files_of(kind: Kind, folder: Path | None, hardware: Hardware = "cpu") -> Files:
    """The files to publish: of a folder, or those that ship.

    Raises:
        ViewboxError: there is no such folder, or it may not be published.
    """
    if kind == "space":
        if folder is not None:
            raise PublishError("The Space is this tree; leave out --folder.")
        return space_files(hardware=hardware)
    if folder is not None and not folder.is_dir():
        raise PublishError("There is no folder {folder}; correct --folder.", folder=folder)
    return model_files(folder or BUNDLED / "film") if kind == "model" else case_files(folder or CASES)


# --- cards


def front_matter(card: str) -> Mapping[str, Any]:
    """The YAML between the first two lines of dashes.

    Raises:
        PublishError: there is none, or it is no mapping.
    """
    lines = card.splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise PublishError("README.md does not begin with front matter between two lines of ---; add it.")
    try:
        found = yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)]))
    except yaml.YAMLError as exc:
        raise PublishError("The front matter of README.md is not valid YAML; correct it.") from exc
    if not isinstance(found, dict):
        raise PublishError("The front matter of README.md holds no keys; add them.")
    return found


def _with_names(card: str, kind: Kind, repo: str) -> str:
    """A card with this repo's name, and this owner's where it names the Space or a checkpoint beside it."""
    own = {"model": r'(?<=")owner/viewbox-[\w-]+', "space": r"(?<=spaces/)owner/viewbox\b(?!-)"}
    if kind in own:
        card = re.sub(own[kind], lambda _: repo, card)
    return card.replace("owner/viewbox", f"{repo.partition('/')[0]}/viewbox")


def _with_models(card: str, repo: str, token: str | None) -> str:
    """A Space's card whose front matter names the checkpoints that its owner has published as well."""
    names = [f"{repo.partition('/')[0]}/viewbox-{Path(folder).name}" for folder in bundled_checkpoints()]
    there = [f"- {name}\n" for name in names if RemoteRepo(name, "model", token).head()]
    return card.replace("\ntags:\n", f"\nmodels:\n{''.join(there)}tags:\n", 1) if there else card


def check_card(kind: Kind, card: str, files: Collection[str]) -> tuple[Sentence, ...]:
    """Hold a card against the schema of its kind, and the files that it names against the repo's.

    Returns what may be a typing error: keys that the Hub does not document, which it keeps and ignores.

    Raises:
        PublishError: a key that is missing or holds what the Hub would not take.
    """
    found = front_matter(card)
    whole = json.loads(SCHEMA.read_text(encoding="utf-8"))
    faults = Draft202012Validator({**whole, "$ref": f"#/$defs/{kind}"}).iter_errors(found)
    if first := min(faults, key=lambda fault: (fault.validator != "required", len(fault.path)), default=None):
        raise _refusal(first)
    if found["license"] == "other" and "license_name" not in found:
        template = "The front matter of README.md has the licence 'other' and no 'license_name'; add it."
        raise PublishError(template)
    for key in ("app_file", "license_link"):
        if key in found and "://" not in found[key] and found[key] not in files:
            template = "README.md names {found}, which is not published; correct '{key}'."
            raise PublishError(template, found=found[key], key=key)
    unknown = found.keys() - whole["$defs"][kind]["properties"]
    doubt = "The Hub documents no key '{key}' in the front matter of README.md; is it a typing error?"
    return tuple(Sentence(doubt, key=key) for key in sorted(unknown))


def _refusal(fault: ValidationError) -> PublishError:
    if fault.path:
        template = "The front matter of README.md holds a wrong value for '{key}'; correct it."
        return PublishError(template, key=fault.path[0])
    (key, *_) = (name for name in fault.validator_value if name not in fault.instance)
    return PublishError("The front matter of README.md has no '{key}'; add it.", key=key)


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    """The newest document of every case, films aside."""
    newest: dict[str, tuple[Path, str]] = {}
    for shard in sorted(folder.glob("cases-*.parquet")):
        try:
            for row in parquet.read_table(shard, columns=["case_id", "document"]).to_pylist():
                newest[row["case_id"]] = (shard, row["document"])
        except (OSError, ArrowInvalid, KeyError) as exc:
            raise _no_cases(shard) from exc
    for shard, text in newest.values():
        try:
            yield json.loads(text)
        except (ValueError, TypeError) as exc:
            raise _no_cases(shard) from exc


def case_card(folder: Path) -> str:
    """The README of a folder of `cases-*.parquet`, as an export writes it.

    Raises:
        PublishError: no cases there, or some whose licence does not let them be passed on.
    """
    account, kept = Account(folder.name), []
    for document in _documents(folder):
        if document["licence"].get("may_export") is not True:
            kept.append(document["ID"])
        account.take(document)
    if not account.cases:
        template = "There are no cases-*.parquet files in {folder}; export some cases first."
        raise PublishError(template, folder=folder.name)
    if kept:
        template = "The licence of {count} of {cases} cases ({kept} first) does not let them be passed on;"
        template += " export the others alone."
        raise PublishError(template, count=len(kept), cases=account.cases, kept=kept[0])
    return card(account, f"Viewbox cases: {', '.join(sorted({source for source, _ in account.sources}))}")


def _no_cases(shard: Path) -> PublishError:
    return PublishError("{shard} is no file of cases; export the cases again.", shard=shard.name)
