"""A Hub on loopback: model repos in memory behind the routes that huggingface_hub calls.

Reads (model-info, tree, resolve with HEAD and ranges) and writes (create, preupload, LFS, commit), and the
ways in which a Hub can fail. Set `HF_ENDPOINT` to `LoopbackHub.endpoint` and `HF_HUB_DISABLE_XET=1` before
huggingface_hub is imported, or patch its constants.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

import pytest

Mode = Literal[
    "",
    "down",
    "down for files",
    "gated",
    "bad login",
    "truncated",
    "no commit header",
    "no storage",
    "read only",
]
LFS_SUFFIXES = (".safetensors", ".parquet", ".bin", ".onnx")
KINDS = "models|datasets|spaces"


class LoopbackHub:
    """Serves repos from memory on 127.0.0.1; use it as a context manager.

    Attributes:
        mode: how it fails; "" for not at all.
        token: when set, every request must carry it.
        requests: "METHOD path" of everything that was asked.
        made: repo -> what it was made with (its type, SDK and visibility).
        repos: repo -> commit -> path -> content; heads: repo -> branch -> commit.
    """

    def __init__(self) -> None:
        self.mode: Mode = ""
        self.token: str | None = None
        self.requests: list[str] = []
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.heads: dict[str, dict[str, str]] = {}
        self.made: dict[str, dict[str, str]] = {}
        self.objects: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def create(self, repo: str) -> None:
        """An empty repo with a first commit, where there is none."""
        if repo not in self.repos:
            self.repos[repo], self.heads[repo] = {}, {"main": ""}
            self.commit(repo, {})

    def commit(self, repo: str, files: Mapping[str, bytes | None], branch: str = "main") -> str:
        """Add or delete (None) files on a branch; returns the commit's hash."""
        self.create(repo) if repo not in self.repos else None
        before = self.repos[repo].get(self.heads[repo].get(branch, ""), {})
        after = {name: content for name, content in {**before, **files}.items() if content is not None}
        sha = hashlib.sha1(repr((repo, len(self.repos[repo]), sorted(after))).encode()).hexdigest()
        self.repos[repo][sha] = after
        self.heads[repo][branch] = sha
        return sha

    def upload(self, repo: str, folder: Path) -> str:
        """Commit a folder's files; returns the commit's hash."""
        return self.commit(repo, {p.name: p.read_bytes() for p in folder.iterdir()})

    def resolve(self, repo: str, revision: str) -> str | None:
        """The commit that a branch or a hash names."""
        return self.heads[repo].get(revision, revision if revision in self.repos[repo] else None)


def _entry(path: str, content: bytes) -> dict[str, object]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": blob}
    if path.endswith(LFS_SUFFIXES):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Tests read `LoopbackHub.requests` instead of a log on stderr."""

    def _answer(self, body: object, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, status: int, code: str = "", message: str = "refused") -> None:
        headers = {"X_Error_Message": message} | ({"X_Error_Code": code} if code else {})
        self._answer({"error": message}, status, **headers)

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append(f"{self.command} {path}")
        if self.hub.mode == "down":
            return self._refuse(503)
        if self.hub.mode == "bad login":
            return self._refuse(401, message="Invalid credentials in Authorization header")
        stored = path.startswith("/lfs/")  # as a signed storage address, which needs no login
        if self.hub.token and not stored and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self._refuse(401, "RepoNotFound", "Repository not found")
        writes = self.command in ("POST", "PUT") and not path.startswith("/api/validate-yaml")
        if self.hub.mode == "read only" and writes:
            return self._refuse(403, message="You don't have the rights to write here")
        routes = (
            (r"/api/repos/create", self._create),
            (r"/api/validate-yaml", lambda *_: self._answer({"errors": [], "warnings": []})),
            (r"/lfs/(\w+)", self._put_object),
            (rf"/(?:(?:{KINDS})/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._lfs_batch),
            (rf"/api/(?:{KINDS})/([^/]+/[^/]+)/preupload/(.+)", self._preupload),
            (rf"/api/(?:{KINDS})/([^/]+/[^/]+)/commit/(.+)", self._commit),
            (rf"/api/(?:{KINDS})/([^/]+/[^/]+)/tree/([^/]+)", self._tree),
            (rf"/api/(?:{KINDS})/([^/]+/[^/]+)(?:/revision/(.+))?", self._info),
            (rf"/(?:(?:{KINDS})/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._file),
        )
        for pattern, handle in routes:
            if match := re.fullmatch(pattern, path):
                return handle(body, *match.groups())
        return self._refuse(404)

    do_GET = do_HEAD = do_POST = do_PUT = _route

    # --- reading

    def _revision(self, repo: str, revision: str | None) -> str | None:
        if repo not in self.hub.repos:
            self._refuse(404, "RepoNotFound", "Repository not found")
            return None
        sha = self.hub.resolve(repo, revision or "main")
        if sha is None:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha

    def _info(self, body: bytes, repo: str, revision: str | None) -> None:
        if sha := self._revision(repo, revision):
            siblings = [{"rfilename": name} for name in self.hub.repos[repo][sha]]
            self._answer({"id": repo, "_id": repo, "sha": sha, "private": False, "siblings": siblings})

    def _tree(self, body: bytes, repo: str, revision: str) -> None:
        if sha := self._revision(repo, revision):
            self._answer([_entry(name, content) for name, content in self.hub.repos[repo][sha].items()])

    def _file(self, body: bytes, repo: str, revision: str, path: str) -> None:
        if not (sha := self._revision(repo, revision)):
            return
        if self.hub.mode == "down for files":
            return self._refuse(503)
        if self.hub.mode == "gated":
            return self._refuse(403, "GatedRepo", "Access to this model is restricted")
        if path not in self.hub.repos[repo][sha]:
            return self._refuse(404, "EntryNotFound", "Entry not found")
        content = self.hub.repos[repo][sha][path]
        entry = _entry(path, content)
        etag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        headers = {"ETag": f'"{etag}"', "Accept_Ranges": "bytes"}
        if self.hub.mode != "no commit header":
            headers["X_Repo_Commit"] = sha
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start, total = int(match[1]), len(content)
            return self._answer(
                content[start:], 206, Content_Range=f"bytes {start}-{total - 1}/{total}", **headers
            )
        if self.hub.mode == "truncated" and self.command == "GET" and "lfs" in entry:
            content = content[: len(content) // 2]  # as a proxy that lost the end, and does not know it
        return self._answer(content, **headers)

    # --- writing

    def _create(self, body: bytes) -> None:
        asked = json.loads(body)
        repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if repo in self.hub.repos:
            return self._answer(
                {"url": f"{self.hub.endpoint}/{repo}", "error": "You already created this"}, 409
            )
        self.hub.create(repo)
        self.hub.made[repo] = {key: asked[key] for key in ("type", "sdk", "visibility") if key in asked}
        return self._answer({"url": f"{self.hub.endpoint}/{repo}", "name": repo})

    def _preupload(self, body: bytes, repo: str, revision: str) -> None:
        modes = [
            (f["path"], "lfs" if f["path"].endswith(LFS_SUFFIXES) else "regular")
            for f in json.loads(body)["files"]
        ]
        self._answer({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes]})

    def _lfs_batch(self, body: bytes, repo: str) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.endpoint}/lfs/{one['oid']}", "header": {}}}}
            for one in json.loads(body)["objects"]
        ]
        self._answer({"transfer": "basic", "objects": objects})

    def _put_object(self, body: bytes, oid: str) -> None:
        if self.hub.mode == "no storage":
            return self._refuse(403)
        if hashlib.sha256(body).hexdigest() != oid:
            return self._refuse(400, message="content does not match its hash")
        self.hub.objects[oid] = body
        return self._answer({})

    def _commit(self, body: bytes, repo: str, revision: str) -> None:
        files: dict[str, bytes | None] = {}
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            parent = value.get("parentCommit") if operation["key"] == "header" else None
            if parent and parent != self.hub.resolve(repo, revision):
                return self._refuse(412, message="A commit has happened since. Please refresh and try again.")
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif operation["key"] == "deletedFile":
                files[value["path"]] = None
        sha = self.hub.commit(repo, files, revision)
        self._answer(
            {"commitUrl": f"{self.hub.endpoint}/{repo}/commit/{sha}", "commitOid": sha, "success": True}
        )


def point_clients_at(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let this process's Hub clients ask this hub, with an empty cache; their back-off takes no time."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    monkeypatch.delenv("HF_TOKEN", raising=False)
