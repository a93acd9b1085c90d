"""A Hugging Face Hub in a thread: its HTTP API as huggingface_hub uses it, with every trap the real one has.

    with FakeHub() as hub:
        sha = hub.add_repo("org/name", {"config.json": b"{}", "model.safetensors": b"..."})
        ...                                   # HF_ENDPOINT=hub.endpoint in a child process
        hub.requests                          # what was asked, in order

Traps that huggingface_hub depends on: an LFS file redirects to *another* host name (a redirect on the same
one is followed by HEAD, and loses X-Repo-Commit); an error is told by X-Error-Code, since the rule for a bare
401 wants https.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from time import sleep
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.hub_commits import Call, PullRequest, Scope, answer_write, commit_id, git_sha1, sha256
from tests.support.servers import Quiet, QuietServer, Site

__all__ = ["FakeHub", "PullRequest", "Request", "git_sha1", "sha256"]

Gate: TypeAlias = Literal["", "files", "all"]
Body: TypeAlias = Literal["", "drop", "lost", "truncate", "wrong", "html", "whole", "types", "endless"]
"""What becomes of an answer: no answer at all (the request was not looked at, or was done), half of it, other
bytes, a hotel's page, all where a part was asked for, JSON of other types, or bytes without an end.
"""
Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

_LFS_NAMES = re.compile(r".*\.(safetensors|bin|gguf|model)|tokenizer\.json")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_MODEL = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree|paths-info|refs)(?:/([^/]+))?)?(?:/(.*))?")


_TYPES = json.dumps({
    "commitOid": 7, "pullRequestUrl": [], "files": {}, "objects": 3, "discussions": {"num": "x"}, "sha": [],
    "siblings": 5, "id": {},
}).encode()  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    host: Literal["hub", "cdn"]
    token: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Fault:
    """How answers to the next ``times`` requests that match are spoiled."""

    match: re.Pattern[str]
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: "Body" = ""
    delay: float = 0.0
    times: int | None = None


@dataclass(slots=True)
class Repo:
    """A model repo: branches and tags that point to commits."""

    repo_id: str
    lfs: frozenset[str] | None
    private: bool = False
    gate: Gate = ""
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    log: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Title, description and parent of the commits that came over HTTP."""
    pull_requests: dict[int, PullRequest] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    """Names that the repo's ``.gitignore`` has."""

    def is_lfs(self, name: str) -> bool:
        return _LFS_NAMES.fullmatch(name) is not None if self.lfs is None else name in self.lfs

    def pointer(self, content: bytes) -> bytes:
        """What git holds of an LFS file."""
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n" % (
            sha256(content).encode(),
            len(content),
        )


class FakeHub(Site):
    """The Hub (``127.0.0.1``) and the host its large files are on (``localhost``)."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.renames: dict[str, str] = {}
        self.tokens: dict[str, bool] = {}
        """Valid access tokens; the value says whether one has access to gated and private repos."""
        self.names: dict[str, str] = {}
        """The users whose tokens they are; those that are not here are ``me``'s."""
        self.scopes: dict[str, Scope] = {}
        """What tokens may do with repos; those that are not here may write."""
        self.uploads: dict[str, bytes] = {}
        """What the large file storage was sent, by digest."""
        self.parts = 0
        """In how many bytes each it wants large files; 0: in one piece."""
        self.requests: list[Request] = []
        self.bodies: list[tuple[str, bytes]] = []
        """The bodies of requests, each with its path."""
        self.sent: list[tuple[str, int]] = []
        """Bytes of files that were sent, each with the path that was asked for."""
        self.faults: list[Fault] = []
        self.most_at_once = 0
        """The most requests that were under way together."""
        self.at_once = 0
        self.models_on_a_page = 1000
        """The most that a list of models has at once."""
        self.without_digests = False
        """Answer as a poor mirror does: file names only."""
        self.events: list[tuple[re.Pattern[str], Callable[[], object]]] = []
        self.large: dict[str, bytes] = {}
        self._servers = [_Server(self, "hub"), _Server(self, "cdn")]
        self.endpoint = f"http://127.0.0.1:{self._servers[0].server_port}"
        self.cdn = f"http://localhost:{self._servers[1].server_port}"

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, bytes],
        *,
        lfs: Iterable[str] | None = None,
        private: bool = False,
        gate: Gate = "",
    ) -> str:
        """A repo with one commit on ``main``; its id. ``gate``: "files" still lists them, "all" does not."""
        self.repos[repo_id] = Repo(repo_id, None if lfs is None else frozenset(lfs), private, gate)
        return self.commit(repo_id, files)

    def commit(
        self, repo_id: str, files: Mapping[str, bytes], *, branch: str = "main", title: str = ""
    ) -> str:
        """A new commit that holds ``files`` and nothing else; ``branch`` moves to it."""
        repo = self.repos[repo_id]
        sha = commit_id(repo_id, len(repo.commits), files)
        repo.commits[sha] = dict(files)
        repo.refs[branch] = sha
        if title:
            repo.titles[sha] = title
        self.large |= {sha256(content): content for content in files.values()}
        return sha

    def merge(self, repo_id: str, number: int) -> str:
        """Merge a pull request into its branch; the commit."""
        repo = self.repos[repo_id]
        request = repo.pull_requests[number]
        request.status = "merged"
        repo.refs[request.branch] = repo.refs[f"refs/pr/{number}"]
        return repo.refs[request.branch]

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """The files there."""
        repo = self.repos[repo_id]
        return repo.commits[repo.refs.get(revision, revision)]

    def tag(self, repo_id: str, name: str, sha: str) -> None:
        self.repos[repo_id].refs[name] = sha

    def rename(self, old: str, new: str) -> None:
        """From now on ``old`` redirects to ``new``."""
        repo = self.repos.pop(old)
        repo.repo_id = new
        self.repos[new] = repo
        self.renames[old] = new

    def fail(
        self,
        match: str,
        *,
        status: int = 0,
        body: "Body" = "",
        delay: float = 0.0,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> None:
        """Spoil the next ``times`` answers, or all, to requests whose "METHOD path" has ``match``."""
        self.faults.append(Fault(re.compile(match), status, dict(headers or {}), body, delay, times))

    def when(self, match: str, action: Callable[[], object]) -> None:
        """Run ``action`` once, just before the first "METHOD path" that has ``match`` is answered."""
        self.events.append((re.compile(match), action))

    def asked(self, match: str = "") -> list[str]:
        """The requests so far that have ``match``, as "METHOD path"."""
        return [str(request) for request in self.requests if re.search(match, str(request))]


class _Server(QuietServer):
    def __init__(self, hub: FakeHub, role: Literal["hub", "cdn"]) -> None:
        super().__init__(_Handler)
        self.hub = hub
        self.role = role


class _Handler(Quiet, BaseHTTPRequestHandler):
    server: _Server

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        hub = self.server.hub
        hub.at_once += 1
        hub.most_at_once = max(hub.most_at_once, hub.at_once)
        try:
            self._answer(hub)
        finally:
            hub.at_once -= 1

    def _answer(self, hub: FakeHub) -> None:
        asked = self.headers.get("Authorization", "")
        # "Basic" is for a proxy in between: HF_ENDPOINT with a user's name and password
        bearer = None if asked.startswith("Basic ") else asked.removeprefix("Bearer ") or None
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.body:
            hub.bodies.append((self.path, self.body))
        hub.requests.append(Request(self.command, self.path, self.server.role, bearer))
        for event in [event for event in hub.events if event[0].search(f"{self.command} {self.path}")]:
            hub.events.remove(event)
            event[1]()
        self.fault = self._fault()
        sleep(self.fault.delay)  # the one of this module: a test may have taken the others' away
        if self.fault.body == "drop":
            self.close_connection = True
        elif self.fault.body == "html":
            self._send(200, b"<html>log in to the hotel</html>", {"Content-Type": "text/html"})
        elif self.fault.status:
            self._send(self.fault.status, b"spoiled", self.fault.headers)
        elif call := answer_write(hub, self.server.role, self.command, self.path, self.body, bearer):
            self._send_call(call)
        elif self.server.role == "cdn":
            self._send_file(hub.large[self.path.rsplit("/", 1)[-1]], {})
        elif bearer is not None and bearer not in hub.tokens:
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif urlsplit(self.path).path == "/api/models":
            self._models(hub, parse_qs(urlsplit(self.path).query))
        elif found := _MODEL.fullmatch(urlsplit(self.path).path):
            self._model(found[1], found[2] or "", unquote(found[3] or "main"), found[4] or "")
        elif found := _RESOLVE.fullmatch(urlsplit(self.path).path):
            self._resolve(found[1], unquote(found[2]), unquote(found[3]))
        else:
            self._refuse(404, "", "not found")

    def _models(self, hub: FakeHub, asked: dict[str, list[str]]) -> None:
        """A page of an author's models; the address of the next one is the Hub's own, also on a mirror."""
        [author], [limit], [start] = asked["author"], asked["limit"], asked.get("cursor", ["0"])
        names: list[Json] = [{"id": name} for name in hub.repos if name.startswith(f"{author}/")]
        end = int(start) + min(int(limit), hub.models_on_a_page)
        after = f"https://huggingface.co/api/models?author={author}&limit={limit}&cursor={end}"
        links = {"Link": f'<{after}>; rel="next"'} if end < len(names) else {}
        self._send(200, json.dumps(names[int(start) : end]).encode(), links)

    def _send_call(self, call: Call) -> None:
        self._send(call.status, call.body, {"Content-Type": "application/json", **call.headers})

    def _fault(self) -> Fault:
        for fault in self.server.hub.faults:
            if fault.times != 0 and fault.match.search(f"{self.command} {self.path}"):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault(re.compile(""))

    def _repo(self, repo_id: str, *, files: bool) -> Repo | None:
        """The repo, or `None` where the answer has been sent."""
        hub = self.server.hub
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repo_id in hub.renames:
            location = self.path.replace(repo_id, hub.renames[repo_id], 1)
            self._send(307, b"", {"Location": location})
            return None
        repo = hub.repos.get(repo_id)
        if repo is None or (repo.private and not hub.tokens.get(bearer, False)):
            # As the Hub does: who is not logged in is not told whether a repo exists.
            self._refuse(404 if bearer else 401, "RepoNotFound", "Repository not found")
            return None
        if repo.gate and (files or repo.gate == "all") and not hub.tokens.get(bearer, False):
            self._refuse(403 if bearer else 401, "GatedRepo", f"Access to model {repo_id} is restricted.")
            return None
        return repo

    def _model(self, repo_id: str, verb: str, revision: str, path: str) -> None:
        repo = self._repo(repo_id, files=verb in {"tree", "paths-info"})
        if repo is None:
            return
        if verb == "refs":
            heads: list[Json] = [{"name": name, "targetCommit": sha} for name, sha in repo.refs.items()]
            self._send_json({"branches": heads, "tags": [], "converts": []})
            return
        commit = self._commit(repo, revision)
        if commit is None:
            return
        files = repo.commits[commit]
        match verb:
            case "tree":
                under = {name: files[name] for name in files if name.startswith(path)}
                self._send_json([_tree_row(repo, name, under[name]) for name in under])
            case "paths-info":
                wanted = [name for name in parse_qs(self.body.decode()).get("paths", []) if name in files]
                self._send_json([_tree_row(repo, name, files[name]) for name in wanted])
            case _:
                siblings: list[Json] = [_sibling(repo, name, files[name]) for name in files]
                if self.server.hub.without_digests or "blobs" not in urlsplit(self.path).query:
                    siblings = [{"rfilename": name} for name in files]
                self._send_json({
                    "id": repo.repo_id, "modelId": repo.repo_id, "sha": commit, "private": repo.private,
                    "gated": "manual" if repo.gate else False, "tags": [], "siblings": siblings,
                })  # fmt: skip

    def _resolve(self, repo_id: str, revision: str, name: str) -> None:
        repo = self._repo(repo_id, files=True)
        commit = self._commit(repo, revision) if repo else None
        if repo is None or commit is None:
            return
        if name not in repo.commits[commit]:
            self._refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
            return
        content = repo.commits[commit][name]
        if repo.is_lfs(name):
            self._send(302, b"", {
                "Location": f"{self.server.hub.cdn}/{quote(repo_id)}/{sha256(content)}",
                "X-Repo-Commit": commit, "X-Linked-Etag": f'"{sha256(content)}"',
                "X-Linked-Size": str(len(content)),
            })  # fmt: skip
        else:
            self._send_file(content, {"X-Repo-Commit": commit, "ETag": f'"{git_sha1(content)}"'})

    def _commit(self, repo: Repo, revision: str) -> str | None:
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return commit

    def _refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        named = {"X-Error-Code": code} if code else {}
        self._send(
            status,
            json.dumps({"error": message}).encode(),
            {**named, "X-Error-Message": message, **(headers or {})},
        )

    def _send_json(self, data: Json) -> None:
        self._send(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _send_file(self, content: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        status, total = 200, len(content)
        if asked and self.fault.body != "whole":
            start, end = int(asked[1]), min(int(asked[2] or total - 1), total - 1)
            status, content = 206, content[start : end + 1]
            headers = {**headers, "Content-Range": f"bytes {start}-{end}/{total}"}
        if self.command == "GET":
            self.server.hub.sent.append((self.path, len(content)))
        self._send(status, content, {**headers, "Accept-Ranges": "bytes"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        if self.fault.body == "lost":
            self.close_connection = True
            return
        if self.fault.body == "types":
            body = _TYPES
        self.send_response(status)
        if self.fault.body == "endless":
            self._drone()
            return
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.fault.body == "wrong":
            body = bytes(byte ^ 1 for byte in body)
        elif self.fault.body == "truncate":
            body = body[: len(body) // 2]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _drone(self) -> None:
        """Bytes without an end; the test ends before this does."""
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            for _ in range(4096):
                self.wfile.write(b" " * 65536)


def _sibling(repo: Repo, name: str, content: bytes) -> Json:
    if not repo.is_lfs(name):
        return {"rfilename": name, "size": len(content), "blobId": git_sha1(content)}
    pointer = repo.pointer(content)
    lfs: Json = {"sha256": sha256(content), "size": len(content), "pointerSize": len(pointer)}
    return {"rfilename": name, "size": len(content), "blobId": git_sha1(pointer), "lfs": lfs}


def _tree_row(repo: Repo, name: str, content: bytes) -> Json:
    if not repo.is_lfs(name):
        return {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content)}
    pointer = repo.pointer(content)
    lfs: Json = {"oid": sha256(content), "size": len(content), "pointerSize": len(pointer)}
    return {"type": "file", "path": name, "size": len(content), "oid": git_sha1(pointer), "lfs": lfs}
