"""A ModelScope in a thread: the read-only part of its HTTP API that genfix asks, with the traps of the real
one.

    with FakeModelScope() as site:
        site.add("org/name", {"config.json": b"{}", "model.safetensors": b"..."})
        ...                                   # MODELSCOPE_ENDPOINT=site.endpoint
        site.asked()                          # what was asked, in order

As the real one it answers 404 to who may not read a model, with a code of its own in the body; a large file
is a redirect to another host; the commit of a listing is there in full, in its first digits, or not at all.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from tests.support.servers import Quiet, QuietServer, Site

__all__ = ["FakeModelScope", "Request", "sha256"]

Body: TypeAlias = Literal["", "drop", "truncate", "wrong", "html", "long", "garbage", "elsewhere", "whole"]

_NO_MODEL = 10010205001
_NO_TREE = 10990101004
_LARGE = re.compile(r".*\.(safetensors|bin)|tokenizer\.json")
_API = re.compile(r"/api/v1/models/([^/]+/[^/]+)/(repo/files|repo|revisions)")
_CUT = 3000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    path: str
    host: Literal["site", "store"]
    token: str
    """All that was sent to say who asks."""
    sent: int = 0
    """Bytes of the body that was sent back."""


@dataclass(slots=True)
class Fault:
    """How the next ``times`` answers to requests that match are spoiled."""

    match: re.Pattern[str]
    status: int = 0
    body: Body = ""
    delay: float = 0.0
    times: int | None = None


@dataclass(slots=True)
class _Model:
    private: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)


class FakeModelScope(Site):
    """ModelScope (``127.0.0.1``) and the host its large files are on (``localhost``)."""

    def __init__(self) -> None:
        self.models: dict[str, _Model] = {}
        self.token = "ms-secret-0123456789"
        """What a private model asks for."""
        self.commits_told: Literal["full", "short", "no"] = "full"
        self.without_digest: set[str] = set()
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.large: dict[str, bytes] = {}
        self._servers = [_Server(self, "site"), _Server(self, "store")]
        self.endpoint = f"http://127.0.0.1:{self._servers[0].server_port}"
        self.store = f"http://localhost:{self._servers[1].server_port}"

    def add(self, repo_id: str, files: Mapping[str, bytes], *, private: bool = False) -> str:
        """A model with one commit on ``master``; the commit."""
        self.models[repo_id] = _Model(private)
        return self.commit(repo_id, files)

    def commit(self, repo_id: str, files: Mapping[str, bytes], *, branch: str = "master") -> str:
        """A new commit that holds ``files`` and nothing else; ``branch`` moves to it."""
        model = self.models[repo_id]
        text = json.dumps([repo_id, len(model.commits), {name: sha256(files[name]) for name in files}])
        commit = hashlib.sha1(text.encode()).hexdigest()
        model.commits[commit] = dict(files)
        model.refs[branch] = commit
        self.large |= {sha256(content): content for content in files.values()}
        return commit

    def fail(
        self, match: str, *, status: int = 0, body: Body = "", delay: float = 0.0, times: int | None = None
    ) -> None:
        """Spoil the next ``times`` answers (all, without it) to requests whose path has ``match``."""
        self.faults.append(Fault(re.compile(match), status, body, delay, times))

    def asked(self, match: str = "") -> list[str]:
        """The paths that were asked for and have ``match``."""
        return [request.path for request in self.requests if re.search(match, request.path)]

    def sent(self) -> int:
        """How many bytes of files were sent."""
        return sum(
            request.sent
            for request in self.requests
            if "FilePath=" in request.path or request.host == "store"
        )


class _Server(QuietServer):
    def __init__(self, site: FakeModelScope, role: Literal["site", "store"]) -> None:
        super().__init__(_Handler)
        self.site = site
        self.role = role


class _Handler(Quiet, BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        site = self.server.site
        self.fault = self._fault()
        time.sleep(self.fault.delay)
        bearer, cookie = self.headers.get("Authorization", ""), self.headers.get("Cookie", "")
        self.token = f"{bearer} {cookie}".strip()
        if self.fault.body == "drop":
            self._log(0)
            self.close_connection = True
        elif self.fault.body == "elsewhere":
            self._send(302, b"", {"Location": "ftp://127.0.0.1/config.json"})
        elif self.fault.body in {"html", "garbage"}:
            self._send(
                200, b"<html>log in to the hotel</html>" if self.fault.body == "html" else b'{"Code": 200'
            )
        elif self.fault.status:
            self._send(self.fault.status, b"spoiled")
        elif self.server.role == "store":
            self._send(200, site.large[self.path.rsplit("/", 1)[-1]])
        elif found := _API.fullmatch(urlsplit(self.path).path):
            self._api(found[1], found[2])
        else:
            self._refuse(_NO_MODEL, "record not found")

    def do_PUT(self) -> None:
        """A page of an organization's models."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        site = self.server.site
        self.fault, self.token = self._fault(), self.headers.get("Authorization", "")
        if self.fault.status:
            self._send(self.fault.status, b"spoiled")
            return
        owned = [name.split("/") for name in site.models if name.startswith(f"{asked['Path']}/")]
        start = (asked["PageNumber"] - 1) * asked["PageSize"]
        rows = [{"Path": owner, "Name": name} for owner, name in owned[start : start + asked["PageSize"]]]
        self._answer({"Models": rows or None, "TotalCount": len(owned)})

    def _fault(self) -> Fault:
        for fault in self.server.site.faults:
            if fault.times != 0 and fault.match.search(self.path):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault(re.compile(""))

    def _api(self, repo_id: str, verb: str) -> None:
        site = self.server.site
        model = site.models.get(repo_id)
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        known = f"Bearer {site.token} m_session_id={site.token}"
        if model is None or (model.private and self.token != known):
            self._refuse(_NO_MODEL, "record not found")
            return
        if verb == "revisions":
            branches = [{"Revision": name, "CreatedAt": 1} for name in model.refs]
            self._answer({"RevisionMap": {"Branches": branches, "Tags": []}})
            return
        commit = model.refs.get(asked["Revision"], asked["Revision"])
        files = model.commits.get(commit)
        if files is None:
            self._refuse(_NO_TREE, "no tree")
        elif verb == "repo/files":
            self._list(commit, files, recursive=asked["Recursive"] == "True")
        elif (content := files.get(asked["FilePath"])) is None:
            self._refuse(_NO_MODEL, "no such file")
        elif _LARGE.fullmatch(asked["FilePath"]):
            self._send(302, b"", {"Location": f"{site.store}/{sha256(content)}"})
        else:
            self._send(200, content)

    def _list(self, commit: str, files: Mapping[str, bytes], *, recursive: bool) -> None:
        site = self.server.site
        folders = sorted({name.rpartition("/")[0] for name in files if "/" in name})
        rows: list[dict[str, object]] = [
            {"Path": folder, "Name": folder, "Type": "tree", "Size": 0, "Sha256": "", "Revision": commit}
            for folder in folders
        ]
        rows += [
            {
                "Path": name, "Name": name.rpartition("/")[2], "Type": "blob", "Size": len(content),
                "Revision": commit, "Sha256": "" if name in site.without_digest else sha256(content),
                "IsLFS": bool(_LARGE.fullmatch(name)), "CommittedDate": 1667548386, "Mode": "33188",
            }
            for name, content in files.items()
            if recursive or "/" not in name
        ]  # fmt: skip
        told = site.commits_told
        latest = {"Id": commit if told == "full" else "", "ShortId": "" if told == "no" else commit[:8]}
        self._answer({"Files": rows[:_CUT] or None, "LatestCommitter": latest})

    def _answer(self, data: object) -> None:
        self._send(
            200, json.dumps({"Code": 200, "Data": data, "Message": "success", "Success": True}).encode()
        )

    def _refuse(self, code: int, message: str) -> None:
        self._send(404, json.dumps({"Code": code, "Message": message, "Success": False}).encode())

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        if self.fault.body == "wrong":
            body = bytes(byte ^ 1 for byte in body)
        if self.fault.body == "long":
            body += b"x" * 64
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found and status == 200 and self.fault.body != "whole":
            start, end = int(found[1]), min(int(found[2]) + 1, len(body))
            headers = {**(headers or {}), "Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}
            status, body = 206, body[start:end]
        self._log(len(body))
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.fault.body == "truncate":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)
        self.wfile.flush()

    def _log(self, sent: int) -> None:
        self.server.site.requests.append(Request(self.path, self.server.role, self.token, sent))
