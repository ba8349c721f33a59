"""The border to the driver: what it raises becomes one sentence that a reader can act on, with no secret."""

import contextlib
from collections.abc import Iterator

import gridfs
from bson.errors import BSONError
from pymongo import errors

from cases.mongo.address import MongoAddress
from modeling.errors import CaseStoreError
from modeling.sentence import Sentence

NO_RIGHT, FAILED_VALIDATION, ALREADY_THERE = 13, 121, 11000
LOGIN_REFUSED = (18, 8000)
"""AuthenticationFailed, and Atlas's own code for a login that it refuses."""
_DISK_FULL = (14031, 12501)
"""OutOfDiskSpace, and the older code of a quota that is used up."""
_INTERNAL = 1
_LOGIN_SIGNS = ("AuthenticationFailed", "bad auth", "authentication failed", "Authentication failed")
_NAME_SIGNS = ("DNS", "Name or service not known", "name resolution", "nodename nor", "getaddrinfo")


@contextlib.contextmanager
def border(address: MongoAddress, database: str, ports: tuple[int, ...] | None = None) -> Iterator[None]:
    """Say what the driver raises as a `CaseStoreError`, all but `NoFile`, which the store answers itself."""
    try:
        yield
    except gridfs.errors.NoFile:
        raise
    except errors.ConfigurationError as exc:
        # DNS seed list, or options that do not go together; never quoted: it may hold secrets.
        if "DNS" in str(exc):
            raise CaseStoreError(_unreachable(address, "DNS", ports)) from None
        raise CaseStoreError(
            "The options in MONGODB_URI do not go together; check them against MongoDB's URI options."
        ) from None
    except (errors.ServerSelectionTimeoutError, errors.ConnectionFailure) as exc:
        raise CaseStoreError(_unreachable(address, str(exc), ports)) from exc
    except errors.OperationFailure as exc:
        raise CaseStoreError(_refused(address, database, *_first_cause(exc))) from exc
    except (errors.PyMongoError, BSONError) as exc:
        raise CaseStoreError(
            "{server} and this app do not understand each other ({error}); check the server's release and its"
            " log.",
            server=address.server,
            error=type(exc).__name__,
        ) from exc


def _first_cause(exc: errors.OperationFailure) -> tuple[int | None, str]:
    """Code and name of a refusal; of many writes, those of the first that failed."""
    details = exc.details or {}
    failed = details.get("writeErrors") or details.get("writeConcernErrors") or [{}]
    code = failed[0].get("code", exc.code) if isinstance(exc, errors.BulkWriteError) else exc.code
    return code, str(details.get("codeName") or failed[0].get("codeName") or "")


def _unreachable(address: MongoAddress, said: str, ports: tuple[int, ...] | None) -> Sentence:
    """No connection came about; what the driver `said` is only searched for its kind, never passed on."""
    server, advice = address.server, address.port_advice(ports)
    # After a refused login the driver reports the server as unreachable, with the refusal as the reason.
    if any(sign in said for sign in _LOGIN_SIGNS):
        return _refused(address, "", LOGIN_REFUSED[0], "")
    if any(sign in said for sign in _NAME_SIGNS):
        return Sentence(
            "The name of {server} cannot be found; check MONGODB_URI for a slip, and the network.",
            server=server,
        )
    if "SSL" in said or "certificate" in said:
        return Sentence(
            "No secure connection to {server}; check its certificate and the tls options in MONGODB_URI.",
            server=server,
        )
    if advice:
        return Sentence("{server} does not answer: {problem}.", server=server, problem=advice)
    template = "{server} broke off the connection; check that it runs, and whether it wants tls=true."
    if "refused" in said:
        template = (
            "{server} is not running; start it, or correct host and port in MONGODB_URI, then try again."
        )
    elif "timed out" in said:
        template = "{server} does not answer in time; check that it runs and that no firewall is between."
    return Sentence(template, server=server)


def _refused(address: MongoAddress, database: str, code: int | None, name: str) -> Sentence:
    """The server answers with an error: a code and its name, such as 18 and "AuthenticationFailed"."""
    server = address.server
    if code == NO_RIGHT:
        return Sentence(
            "{server} does not let this user into database '{database}'; log in with the role read on it"
            " (readWrite to store cases).",
            server=server,
            database=database,
        )
    if code in LOGIN_REFUSED:
        template = "{server} refused the login; check user, password and authSource in MONGODB_URI."
    elif code == FAILED_VALIDATION:
        template = (
            "{server} refused the case: it does not fit the validator; update Viewbox or the validator."
        )
    elif code in _DISK_FULL:
        template = "The disk of {server} is full; free some space and run the same again: nothing is doubled."
    elif code == _INTERNAL:  # what a server says whose storage failed under it, a full disk for one
        template = "{server} failed inside; look at its disk space and its log, and start it again."
    else:
        said = f"{code} {name}".rstrip()
        return Sentence(
            "{server} answered with error {error}; look it up in the server's log.", server=server, error=said
        )
    return Sentence(template, server=server)
