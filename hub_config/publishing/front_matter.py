"""The YAML at the head of a card, checked without asking the Hub.

What the Hub refuses or silently drops is known from its documentation ("Model Cards", "Spaces Configuration
Reference", "Dataset Cards"); only what Viewbox's own cards use is accepted, so that a typing error is found.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import yaml

from hub_config.errors import PublishError

Kind = Literal["model", "space", "cases"]
Check = Callable[[Any], bool]

COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
LICENCES = (
    "apache-2.0", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
    "other",
)  # fmt: skip
"""The licence identifiers of the Hub that Viewbox's cards may use."""


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_text(one) for one in value)


def _one_of(*choices: str) -> Check:
    return lambda value: value in choices


def _licence(value: Any) -> bool:
    return value in LICENCES


def _results(value: Any) -> bool:
    """A `model-index`: names, tasks, data sets and numbers where the Hub looks for them."""
    try:
        return all(
            _text(entry["name"])
            and all(
                _text(result["task"]["type"])
                and _text(result["dataset"]["type"])
                and _text(result["dataset"]["name"])
                and all(_text(m["type"]) and _number(m["value"]) for m in result["metrics"])
                for result in entry["results"]
            )
            for entry in value
        )
    except (KeyError, TypeError):
        return False


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _configs(value: Any) -> bool:
    try:
        return all(_text(one["config_name"]) and one["data_files"] for one in value)
    except (KeyError, TypeError):
        return False


_COMMON: dict[str, Check] = {
    "license": _licence,
    "license_name": _text,
    "license_link": _text,
    "tags": _texts,
}
_SCHEMAS: dict[Kind, tuple[tuple[str, ...], dict[str, Check]]] = {
    "model": (
        ("license", "library_name", "pipeline_tag", "tags"),
        {
            "library_name": _text,
            "pipeline_tag": _text,
            "language": _texts,
            "datasets": _texts,
            "base_model": lambda value: _text(value) or _texts(value),
            "metrics": _texts,
            "model-index": _results,
        },
    ),
    "space": (
        ("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "app_file", "license"),
        {
            "title": _text,
            "emoji": _text,
            "colorFrom": _one_of(*COLOURS),
            "colorTo": _one_of(*COLOURS),
            "sdk": _one_of("gradio"),
            "sdk_version": lambda value: _text(value) and value.count(".") == 2,
            "python_version": lambda value: _text(value) and value.count(".") in (1, 2),
            "app_file": _text,
            "short_description": lambda value: _text(value) and len(value) <= 60,
            "models": _texts,
            "datasets": _texts,
            "pinned": lambda value: isinstance(value, bool),
            "hf_oauth": lambda value: isinstance(value, bool),
            "hf_oauth_expiration_minutes": _number,
            "hf_oauth_scopes": _texts,
            "suggested_hardware": _text,
            "preload_from_hub": _texts,
        },
    ),
    "cases": (
        ("license", "pretty_name", "tags"),
        {
            "pretty_name": _text,
            "language": _texts,
            "task_categories": _texts,
            "size_categories": _texts,
            "configs": _configs,
        },
    ),
}  # fmt: skip
"""Kind -> the keys that must be there, and what each key that may be there must hold."""


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


def check_card(kind: Kind, card: str, files: Collection[str]) -> None:
    """Hold a card against the schema of its kind.

    Args:
        files: the paths that the repo will hold, to see that what the card names is among them.

    Raises:
        PublishError: the first key that is missing, unknown or holds what the Hub would not take.
    """
    found = front_matter(card)
    needed, own = _SCHEMAS[kind]
    schema = _COMMON | own
    for key in needed:
        if key not in found:
            raise PublishError("The front matter of README.md has no '{key}'; add it.", key=key)
    for key, value in found.items():
        if key not in schema:
            raise PublishError(
                "The front matter of README.md has an unknown key '{key}'; correct or remove it.", key=key
            )
        if not schema[key](value):
            raise PublishError(
                "The front matter of README.md holds a wrong value for '{key}'; correct it.", key=key
            )
    if found.get("license") == "other" and "license_name" not in found:
        raise PublishError(
            "The front matter of README.md has the licence 'other' and no 'license_name'; add it."
        )
    if kind == "space" and found["app_file"] not in files:
        raise PublishError(
            "README.md names {found}, which is not published; correct 'app_file'.", found=found["app_file"]
        )
