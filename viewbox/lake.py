"""Stores of cases as every command and program opens them: what the settings say of a lake goes with it."""

from cases import open_store
from cases.store import CaseStore
from hub_config.settings import Settings


def set_of_documents(told: str = "") -> str:
    """The set that student documents (MongoDB) belong to where they name none: as told, else `CASES_SOURCE`.

    Raises:
        ViewboxError: the environment holds a setting that means nothing.
    """
    return told or Settings.from_env().cases_source or ""


def open_case_store(
    uri: str | None, database: str | None = None, *, write: bool = False, source: str = ""
) -> CaseStore:
    """The store at a mongodb:// address (or @FILE that holds one) or in a folder; None: the cases that ship.

    `database`: where the address names none. `source`: as `set_of_documents` takes it.

    Raises:
        ViewboxError: the address names no store, or as `set_of_documents`.
    """
    return open_store.open_case_store(uri, database, write=write, source=set_of_documents(source))
