"""The YAML at the head of a card, checked without asking the Hub.

Only what Viewbox's own cards use is accepted (`front_matter.json`), so that a typing error is found.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonschema import Draft202012Validator, ValidationError

from hub_config.errors import PublishError

Kind = Literal["model", "space", "cases"]
SCHEMA = Path(__file__).with_suffix(".json")


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
    """Hold a card against the schema of its kind, and the app that it names against the repo's files.

    Raises:
        PublishError: a key that is missing, unknown or holds what the Hub would not take.
    """
    found = front_matter(card)
    whole = json.loads(SCHEMA.read_text(encoding="utf-8"))
    faults = Draft202012Validator({**whole, "$ref": f"#/$defs/{kind}"}).iter_errors(found)
    if first := min(faults, key=lambda fault: (fault.validator != "required", len(fault.path)), default=None):
        raise _refusal(first)
    if found.get("license") == "other" and "license_name" not in found:
        template = "The front matter of README.md has the licence 'other' and no 'license_name'; add it."
        raise PublishError(
            template,
        )
    if kind == "space" and found["app_file"] not in files:
        template = "README.md names {found}, which is not published; correct 'app_file'."
        raise PublishError(template, found=found["app_file"])


def _refusal(fault: ValidationError) -> PublishError:
    if fault.path:
        template = "The front matter of README.md holds a wrong value for '{key}'; correct it."
        return PublishError(template, key=fault.path[0])
    if fault.validator == "required":
        (key, *_) = (name for name in fault.validator_value if name not in fault.instance)
        return PublishError("The front matter of README.md has no '{key}'; add it.", key=key)
    (key, *_) = (name for name in fault.instance if name not in fault.schema["properties"])
    template = "The front matter of README.md has an unknown key '{key}'; correct or remove it."
    return PublishError(template, key=key)
