"""The whole table of ICD-10-CM, from the package `simple-icd-10-cm` (MIT) where it is installed.

The app needs none of it: `icd10cm.json` holds the codes of the findings, made from this table.
"""

import warnings
from collections.abc import Iterable
from types import ModuleType

from modeling.errors import ViewboxError

PACKAGE = "simple-icd-10-cm"


def whole_table() -> ModuleType:
    """The package's functions (2 s and 0.2 GB to load). Raises ViewboxError: it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of setuptools, about how the package finds its own files
            import simple_icd_10_cm
    except ImportError:
        template = "The package {package} is not installed; install it with pip and try again."
        raise ViewboxError(template, package=PACKAGE) from None
    return simple_icd_10_cm


def table_of(codes: Iterable[str]) -> dict[str, list[str]]:
    """`icd10cm.json`: these codes and all above them -> description and the one above ("" for a chapter).

    Raises ViewboxError: the package is not installed.
    """
    table, found = whole_table(), {}
    for code in codes:
        assert table.is_valid_item(code), code
        line = [code, *table.get_ancestors(code)]
        for one, above in zip(line, [*line[1:], ""], strict=True):
            found[one] = [table.get_description(one), above]
    return dict(sorted(found.items()))
