"""A MongoDB address as the user wrote it: where it leads, and what of it may be said aloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

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
    "readPreference": "primaryPreferred",
    "appName": "viewbox",
    "unicode_decode_error_handler": "replace",
    "datetime_conversion": "DATETIME_AUTO",
}
"""Of a client where the URI does not say otherwise; strings and dates of others never stop a reading."""
WRITER_OPTIONS: Mapping[str, object] = {"socketTimeoutMS": 120_000}
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
