"""A MongoDB address as the user wrote it: where it leads, and what of it may be said aloud."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import gridfs
from bson.errors import BSONError
from pymongo import errors

from cases.store import MONGO_SCHEMES
from modeling.errors import CaseStoreError
from modeling.sentence import Names, Sentence

DEFAULT_PORT = 27017
DEFAULT_DATABASE = "viewbox"
CLIENT_OPTIONS: Mapping[str, object] = {
    "serverSelectionTimeoutMS": 3000,
    "connectTimeoutMS": 3000,
    "socketTimeoutMS": 15000,
    "waitQueueTimeoutMS": 5000,
    "maxPoolSize": 16,
    "maxIdleTimeMS": 300_000,
    "retryReads": True,
    "retryWrites": True,
    "heartbeatFrequencyMS": 3000,
    "readPreference": "primaryPreferred",
    "appName": "viewbox",
    "unicode_decode_error_handler": "replace",
    "datetime_conversion": "DATETIME_AUTO",
}
"""Of a client where the URI does not say otherwise; strings and dates of others never stop a reading."""
WRITER_OPTIONS: Mapping[str, object] = {"socketTimeoutMS": 120_000, "heartbeatFrequencyMS": 10_000}
"""Of a writer: a portion of films may take a busy server longer than a reader would wait."""


@dataclass(frozen=True)
class MongoAddress:
    """Hosts (without user and password) and the names of the options that a MongoDB URI sets, in lower case.

    The URI itself, which may hold a password, is not kept.
    """

    hosts: tuple[str, ...]
    srv: bool
    options: frozenset[str]

    @classmethod
    def parse(cls, uri: str) -> "MongoAddress":
        """Take an address apart; nothing is looked up. One that could be misread is a `CaseStoreError`."""
        scheme = next((s for s in MONGO_SCHEMES if uri.startswith(s)), None)
        if scheme is None:
            raise CaseStoreError("MONGODB_URI must begin with mongodb:// or mongodb+srv://; correct it.")
        rest = uri.removeprefix(scheme)
        end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
        login, _, hosts = rest[:end].rpartition("@")
        if "@" in rest[end:] or "@" in login:
            raise CaseStoreError(
                "User and password in MONGODB_URI must be percent-encoded (@ as %40, / as %2F, ? as %3F,"
                " # as %23); encode them and try again."
            )
        if not hosts or any(not host for host in hosts.split(",")):
            raise CaseStoreError("MONGODB_URI names no server; write it as mongodb://host:port/database.")
        options = parse_qsl(rest.partition("?")[2], keep_blank_values=True)
        names = frozenset(name.lower() for name, _ in options)
        return cls(tuple(hosts.split(",")), "+srv" in scheme, names)

    @property
    def server(self) -> Sentence:
        """The servers in a sentence, without user, password or options."""
        return Sentence("MongoDB at {host}", host=", ".join(self.hosts))

    @property
    def ports(self) -> frozenset[int]:
        """The ports written in the address; MongoDB's own where a host has none, and for a DNS seed list."""
        if self.srv:
            return frozenset({DEFAULT_PORT})
        ends = (host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else "" for host in self.hosts)
        return frozenset(int(end) if end.isdecimal() else DEFAULT_PORT for end in ends)

    def client_options(self, *, write: bool = False) -> dict[str, object]:
        """Those of our options that the address does not set itself: what the user wrote counts."""
        wanted = {**CLIENT_OPTIONS, **(WRITER_OPTIONS if write else {})}
        return {name: value for name, value in wanted.items() if name.lower() not in self.options}

    def port_advice(self, reachable_ports: tuple[int, ...] | None) -> Sentence | None:
        """Advice where this machine reaches few ports and the address names another, else None."""
        if reachable_ports is None or self.ports <= frozenset(reachable_ports):
            return None
        *first, last = (str(port) for port in sorted(reachable_ports))
        return Sentence(
            "this Space reaches only ports {ports} and {port}, so let MongoDB, or a TCP proxy before Atlas,"
            " listen on port 443 and name that port in MONGODB_URI",
            ports=Names("name", first),
            port=last,
        )


# --- the border to the driver: what it raises becomes one sentence that a reader can act on, with no secret


NO_RIGHT, FAILED_VALIDATION, ALREADY_THERE = 13, 121, 11000
LOGIN_REFUSED = (18, 8000)
"""AuthenticationFailed, and Atlas's own code for a login that it refuses."""
_DISK_FULL = (14031, 12501)
"""OutOfDiskSpace, and the older code of a quota that is used up."""
_INTERNAL = 1
_LOGIN_SIGNS = ("AuthenticationFailed", "bad auth", "authentication failed", "Authentication failed")
_NAME_SIGNS = ("DNS", "Name or service not known", "name resolution", "nodename nor", "getaddrinfo")
_NO_PRIMARY = ("No primary available", "No replica set members match")
_OTHER_SET = 'available for replica set name "'


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
        unlike = "The options in MONGODB_URI do not go together; check them against MongoDB's URI options."
        raise CaseStoreError(unlike) from None
    except (errors.ServerSelectionTimeoutError, errors.ConnectionFailure) as exc:
        said = _NO_PRIMARY[0] if isinstance(exc, errors.NotPrimaryError) else str(exc)
        raise CaseStoreError(_unreachable(address, said, ports)) from exc
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
    if said.startswith(_NO_PRIMARY):  # before what else it says, which is of single members
        no_primary = (
            "{server} has no primary at the moment; wait a little and try again, or start the members that"
            " are down."
        )
        return Sentence(no_primary, server=server)
    if _OTHER_SET in said:
        other_set = "{server} is not the replica set that MONGODB_URI names; correct replicaSet in it."
        return Sentence(other_set, server=server)
    if any(sign in said for sign in _NAME_SIGNS):
        no_name = "The name of {server} cannot be found; check MONGODB_URI for a slip, and the network."
        return Sentence(no_name, server=server)
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
    elif "timed out" in said or "operation cancelled" in said:  # or given up as heartbeats stopped
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
        answered = "{server} answered with error {error}; look it up in the server's log."
        return Sentence(answered, server=server, error=said)
    return Sentence(template, server=server)
