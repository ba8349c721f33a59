"""A replica set with sick members: fronts before one server, each of which plays what a test wants."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, Literal

import bson

NAME = "rs"
State = Literal["primary", "secondary", "recovering", "silent", "refusing"]
_OP_REPLY, _OP_MSG = 1, 2013
_HELLO = {"hello", "ismaster", "isMaster"}
_WRITES = {"insert", "update", "delete", "findAndModify", "findandmodify", "createIndexes", "collMod"}
_RETRY = {"ok": 0.0, "errorLabels": ["RetryableWriteError"]}
_NOT_PRIMARY = {**_RETRY, "errmsg": "not primary", "code": 10107, "codeName": "NotWritablePrimary"}
_RECOVERING = {**_RETRY, "errmsg": "recovering", "code": 13436, "codeName": "NotPrimaryOrSecondary"}


class Member:
    """A front on a port of its own; `state` may change at any time.

    A silent member takes connections and never says a word; of one that refuses, those that are open end. A
    primary and a secondary pass everything on to the server, all but writes to a secondary.
    """

    def __init__(self, server: int) -> None:
        """Args: server: the port of the server behind it."""
        self._server, self._state, self.hosts = server, "primary", list[str]()
        self._open = set[socket.socket]()
        self._listening: socket.socket | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        self._listen()

    @property
    def state(self) -> State:
        """What it says of itself, or does."""
        return self._state  # type: ignore[return-value]

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        if state == "refusing":
            self.close()
        elif self._listening is None:
            self._listen()

    def close(self) -> None:
        """End every connection, and take no other."""
        ended = [*self._open, *([self._listening] if self._listening else [])]
        self._listening = None
        for connection in ended:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _listen(self) -> None:
        listening = socket.create_server(("127.0.0.1", int(self.host.rpartition(":")[2])))
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client = listening.accept()[0]
                self._open.add(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError, EOFError),
            client,
            socket.create_connection(("127.0.0.1", self._server)) as server,
        ):
            while True:
                answer = self._answered(_message(client), server)
                if self.state != "silent":
                    client.sendall(answer)
        self._open.discard(client)

    def _answered(self, asked: bytes, server: socket.socket) -> bytes:
        command = next(iter(_document(asked)))
        if command in _HELLO:
            server.sendall(asked)
            return self._telling(_message(server))
        if self.state == "secondary" and command in _WRITES:
            return _reply(asked, _NOT_PRIMARY)
        if self.state == "recovering":
            return _reply(asked, _RECOVERING)
        server.sendall(asked)
        return _message(server)

    def _telling(self, answer: bytes) -> bytes:
        """The server's greeting as that of a member; without a version, so that it is asked often."""
        told = _document(answer)
        for key in ("msg", "topologyVersion", "primary"):
            told.pop(key, None)
        primary = self.state == "primary"
        told |= {"setName": NAME, "setVersion": 1, "hosts": self.hosts, "me": self.host}
        told |= {"ismaster": primary, "isWritablePrimary": primary, "secondary": self.state == "secondary"}
        return _with(answer, told)


@contextlib.contextmanager
def replica_set(server: int, *states: State) -> Iterator[list[Member]]:
    """Members in these states before the server on a port."""
    members = [Member(server) for _ in states]
    for member, state in zip(members, states, strict=True):
        member.hosts = [other.host for other in members]
        member.state = state
    try:
        yield members
    finally:
        for member in members:
            member.close()


def address(members: list[Member], **options: int) -> str:
    """The URI of a set, with options of the driver's."""
    further = "".join(f"&{name}={value}" for name, value in options.items())
    return f"mongodb://{','.join(m.host for m in members)}/?replicaSet={NAME}{further}"


# --- MongoDB's wire protocol, as far as a front must read it


def _message(connection: socket.socket) -> bytes:
    head = _exactly(connection, 4)
    return head + _exactly(connection, struct.unpack("<i", head)[0] - 4)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _at(message: bytes) -> int:
    """Where the document of a message begins."""
    kind = struct.unpack_from("<i", message, 12)[0]
    if kind == _OP_MSG:
        return 21
    return 36 if kind == _OP_REPLY else message.index(b"\0", 20) + 9


def _document(message: bytes) -> dict[str, Any]:
    at = _at(message)
    size = struct.unpack_from("<i", message, at)[0]
    return bson.decode(message[at : at + size])


def _with(message: bytes, document: dict[str, Any]) -> bytes:
    whole = message[4 : _at(message)] + bson.encode(document)
    return struct.pack("<i", 4 + len(whole)) + whole


def _reply(asked: bytes, document: dict[str, Any]) -> bytes:
    """An answer of our own to a command."""
    head = struct.pack("<iii", 0, struct.unpack_from("<i", asked, 4)[0], _OP_MSG)
    whole = head + struct.pack("<iB", 0, 0) + bson.encode(document)
    return struct.pack("<i", 4 + len(whole)) + whole
