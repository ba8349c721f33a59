"""The licence gate: what a film's terms allow here, by their name; an unknown name allows nothing."""

import re

from cases.case import Licence

_OPEN_CODES = ("apache-2.0", "mit", "bsd", "cc0-1.0", "odc-by", "pddl", "unlicense")
_PUBLIC = ("cc0", "public domain", "publicdomain")


def licence_named(name: str) -> Licence:
    """The terms of a licence by its name, "CC BY-NC-SA 4.0" or "cc-by-4.0": letter case and hyphens are one.

    Attribution, share-alike and non-commercial terms of Creative Commons let a film be shown and passed on
    with its attribution line. No-derivatives terms allow neither here: a film is shown scaled, windowed and
    under a heat map, and a case leaves the store in another form than it came in.
    """
    text = " ".join(name.split())
    words = re.sub(r"[\s_/-]+", "-", text.lower())
    free = any(text.lower().startswith(start) for start in _PUBLIC) or words in _OPEN_CODES
    parts = set(words.split("-"))
    creative = words.startswith(("cc-by", "creative-commons-attribution")) and "nd" not in parts
    creative = creative and not {"noderivatives", "noderivs"} & parts
    return Licence(text or "no licence stated", may_show=free or creative, may_export=free or creative)


def own_copy(name: str, *, may_show: bool) -> Licence:
    """Terms that forbid passing on, and let readers of this lake see the film or not."""
    return Licence(name, may_show=may_show, may_export=False)
