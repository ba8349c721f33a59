"""The case store behind an address: MongoDB, or the embedded one."""

from pathlib import Path
from typing import TYPE_CHECKING

from cases.store import CaseStore, is_mongo
from modeling.errors import CaseStoreError

if TYPE_CHECKING:
    from cases.mongo.store import MongoCaseStore
    from cases.parquet.store import EmbeddedCaseStore


def address_behind(uri: str | None) -> str | None:
    """The address itself; of @FILE the one in the file, or `CaseStoreError` where it cannot be read."""
    if uri is None or not uri.startswith("@"):
        return uri
    try:
        return Path(uri[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise CaseStoreError("The file behind @ cannot be read; check its name.") from exc


def open_case_store(
    uri: str | None,
    database: str | None = None,
    *,
    write: bool = False,
    reachable_ports: tuple[int, ...] | None = None,
    source: str | None = None,
) -> CaseStore:
    """The store behind a URI: MongoDB for `mongodb://` and `mongodb+srv://`, else the embedded one.

    Args:
        uri: None for the embedded store that ships with Viewbox; a folder for another embedded store; @FILE
            for the address in a file, where a command line would show a password to others on the machine.
        database: MongoDB database name, where the URI names none.
        write: open for `put`; the app itself only reads.
        reachable_ports: the outside ports of this machine, where a Space limits them.
        source: the set of student documents (MongoDB) that name none themselves, such as "ricord".

    Raises:
        CaseStoreError: the URI names no store.
    """
    uri = address_behind(uri)
    if is_mongo(uri):
        from cases.mongo.store import MongoCaseStore

        how = {"write": write, "reachable_ports": reachable_ports, "source": source}
        return MongoCaseStore.connect(str(uri), database, **how)
    from cases.parquet.store import EmbeddedCaseStore

    return EmbeddedCaseStore.open(uri, write=write)


def open_for_writing(address: str, database: str | None = None) -> "MongoCaseStore | EmbeddedCaseStore":
    """The store at an address, open for writing; a folder that is not there is made."""
    from cases.parquet.store import EmbeddedCaseStore

    if is_mongo(address):
        return open_case_store(address, database, write=True)  # type: ignore[return-value]
    return EmbeddedCaseStore.create(address)
