"""What to tell a reader when MongoDB cannot be reached or refuses: one sentence, no secret in it."""

from cases.mongo.address import MongoAddress
from modeling.sentence import Sentence

_LOGIN_CODES = (18, 8000)
"""AuthenticationFailed, and Atlas's own code for a login that it refuses."""
_LOGIN_SIGNS = ("AuthenticationFailed", "bad auth", "authentication failed", "Authentication failed")
_NO_RIGHT = 13
_FAILED_VALIDATION = 121
_DISK_FULL = (14031, 12501)
"""OutOfDiskSpace, and the older code of a quota that is used up."""
_INTERNAL = 1
_NAME_NOT_FOUND = ("DNS", "Name or service not known", "name resolution", "nodename nor", "getaddrinfo")


def unreachable(address: MongoAddress, driver_text: str, reachable_ports: tuple[int, ...] | None) -> Sentence:
    """The sentence for a server that no connection to came about.

    Args:
        driver_text: what the driver said; only searched for its kind, never passed on.
        reachable_ports: the outside ports of this machine, where a Space limits them.
    """
    server = Sentence("MongoDB at {host}", host=address.shown)
    if driver_text == "options":
        return Sentence(
            "The options in MONGODB_URI do not go together; check them against MongoDB's URI options."
        )
    if any(sign in driver_text for sign in _LOGIN_SIGNS):
        # After a refused login the driver reports the server as unreachable, with the refusal as the reason.
        return refused(address, "", _LOGIN_CODES[0], "")
    if any(sign in driver_text for sign in _NAME_NOT_FOUND):
        return Sentence(
            "The name of {server} cannot be found; check MONGODB_URI for a slip, and the network.",
            server=server,
        )
    if "SSL" in driver_text or "certificate" in driver_text:
        return Sentence(
            "No secure connection to {server}; check its certificate and the tls options in MONGODB_URI.",
            server=server,
        )
    advice = address.port_advice(reachable_ports)
    if advice:
        return Sentence("{server} does not answer: {problem}.", server=server, problem=advice)
    if "refused" in driver_text:
        return Sentence(
            "{server} is not running; start it, or correct host and port in MONGODB_URI, then try again.",
            server=server,
        )
    if "timed out" in driver_text:
        return Sentence(
            "{server} does not answer in time; check that it runs and that no firewall is between.",
            server=server,
        )
    return Sentence(
        "{server} broke off the connection; check that it runs, and whether it wants tls=true.", server=server
    )


def refused(address: MongoAddress, database: str, code: int | None, name: str) -> Sentence:
    """The sentence for a server that answers, but with an error.

    Args:
        code, name: MongoDB's error code and its name, such as 18 and "AuthenticationFailed".
    """
    server = Sentence("MongoDB at {host}", host=address.shown)
    if code in _LOGIN_CODES:
        return Sentence(
            "{server} refused the login; check user, password and authSource in MONGODB_URI.", server=server
        )
    if code == _NO_RIGHT:
        return Sentence(
            "{server} does not let this user into database '{database}'; log in with the role read on it"
            " (readWrite to store cases).",
            server=server,
            database=database,
        )
    if code == _FAILED_VALIDATION:
        return Sentence(
            "{server} refused the case: it does not fit the validator; update Viewbox or the validator.",
            server=server,
        )
    if code in _DISK_FULL:
        return Sentence(
            "The disk of {server} is full; free some space and run the same again: nothing is doubled.",
            server=server,
        )
    if code == _INTERNAL:  # what a server says whose storage failed under it, a full disk for one
        return Sentence(
            "{server} failed inside; look at its disk space and its log, and start it again.", server=server
        )
    return Sentence(
        "{server} answered with error {error}; look it up in the server's log.",
        server=server,
        error=f"{code} {name}".rstrip(),
    )
