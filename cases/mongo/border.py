"""The border to the driver: whatever it raises becomes one sentence that a reader can act on."""

import contextlib
from collections.abc import Iterator

import gridfs
from bson.errors import BSONError
from pymongo import errors

from cases.mongo.address import MongoAddress
from cases.mongo.errors import refused, unreachable
from modeling.errors import CaseStoreError
from modeling.sentence import Sentence


@contextlib.contextmanager
def border(address: MongoAddress, database: str, ports: tuple[int, ...] | None) -> Iterator[None]:
    """Say what the driver raises in the store's words.

    Args:
        ports: the outside ports of this machine, where a Space limits them.

    Raises:
        CaseStoreError: instead of any error of the driver but `NoFile`, which the store answers itself.
    """
    try:
        yield
    except gridfs.errors.NoFile:
        raise
    except errors.ConfigurationError as exc:
        # DNS seed list, or options that do not go together; never quoted: it may hold secrets.
        kind = str(exc) if "DNS" in str(exc) else "options"
        raise CaseStoreError(unreachable(address, kind, ports)) from None
    except (errors.ServerSelectionTimeoutError, errors.ConnectionFailure) as exc:
        raise CaseStoreError(unreachable(address, str(exc), ports)) from exc
    except errors.OperationFailure as exc:
        code, name = _first_cause(exc)
        raise CaseStoreError(refused(address, database, code, name)) from exc
    except (errors.PyMongoError, BSONError) as exc:
        raise CaseStoreError(
            "{server} and this app do not understand each other ({error}); check the server's release and its"
            " log.",
            server=Sentence("MongoDB at {host}", host=address.shown),
            error=type(exc).__name__,
        ) from exc


def _first_cause(exc: errors.OperationFailure) -> tuple[int | None, str]:
    """Code and name of a refusal; of many writes, those of the first that failed."""
    details = exc.details or {}
    failed = details.get("writeErrors") or details.get("writeConcernErrors") or [{}]
    code = failed[0].get("code", exc.code) if isinstance(exc, errors.BulkWriteError) else exc.code
    return code, str(details.get("codeName") or failed[0].get("codeName") or "")
