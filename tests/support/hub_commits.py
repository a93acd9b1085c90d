"""The part of the fake Hub that takes changes: preupload, commits, large files, discussions.

What it answers is what huggingface_hub 2.4 reads (_commit_api.py, lfs.py, hf_api.py, community.py); that the
real client can make a commit and a pull request here is a test.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from tests.support.fakehub import FakeHub, Repo

__all__ = ["Call", "PullRequest", "Scope", "answer_write", "commit_id", "git_sha1", "sha256"]

Scope: TypeAlias = Literal["read", "pull-requests", "write"]
_WHEN = "2026-11-29T20:00:00.000Z"
_PAGE = 50


def git_sha1(content: bytes) -> str:
    """The digest of a file as a git blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def commit_id(repo_id: str, number: int, files: Mapping[str, bytes]) -> str:
    text = json.dumps([repo_id, number, {name: sha256(files[name]) for name in files}])
    return hashlib.sha1(text.encode()).hexdigest()


class Call(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


@dataclass(slots=True)
class PullRequest:
    title: str
    description: str
    branch: str
    author: str = "me"
    status: str = "open"
    commits: list[str] = field(default_factory=list)


def _json(data: object, status: int = 200) -> Call:
    return Call(status, json.dumps(data).encode())


def _refuse(status: int, message: str, code: str = "") -> Call:
    named = {"X-Error-Code": code} if code else {}
    return Call(status, json.dumps({"error": message}).encode(), {**named, "X-Error-Message": message})


def answer_write(
    hub: FakeHub, role: str, method: str, path: str, body: bytes, bearer: str | None
) -> Call | None:
    """The answer to a request of this part of the API; `None` for another one."""
    url = urlsplit(path)
    asked = _Asked(hub, path, body, bearer, parse_qs(url.query))
    if bearer is not None and bearer not in hub.tokens:
        return None  # the hub says so
    for host, verb, pattern, answer in _ROUTES:
        if (host, verb) == (role, method) and (found := pattern.fullmatch(url.path)):
            return answer(asked, *found.groups())
    return None


class _Asked(NamedTuple):
    hub: FakeHub
    path: str
    body: bytes
    bearer: str | None
    query: Mapping[str, list[str]]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def user(self) -> str:
        return self.hub.names.get(self.bearer or "", "me")

    def repo(self, repo_id: str) -> Repo:
        return self.hub.repos[repo_id]

    def refused(self, repo_id: str, *, pull_request: bool | None) -> Call | None:
        """The refusal, where there is one; ``pull_request``: `None` to read."""
        if repo_id in self.hub.renames:
            return Call(307, b"", {"Location": self.path.replace(repo_id, self.hub.renames[repo_id], 1)})
        return _allowed(self.hub, repo_id, self.bearer, pull_request=pull_request)


def _written(asked: _Asked, repo_id: str, verb: str, branch: str) -> Call:
    asks = asked.query.get("create_pr") == ["1"]
    if (refused := asked.refused(repo_id, pull_request=asks)) is not None:
        return refused
    repo, branch = asked.repo(repo_id), unquote(branch)
    if branch not in repo.refs or (asks and branch.startswith("refs/")):
        return _refuse(404, f"Invalid rev id: {branch}", "RevisionNotFound")
    if verb == "preupload":
        return _preupload(repo, branch, asked.json)
    return _commit(asked.hub, repo, branch, asked.body, asked.user if asks else None)


def _allowed(hub: FakeHub, repo_id: str, bearer: str | None, *, pull_request: bool | None) -> Call | None:
    """The refusal, where there is one; ``pull_request``: `None` to read."""
    repo = hub.repos.get(repo_id)
    sees = hub.tokens.get(bearer or "", False)
    if repo is None or (repo.private and not sees):
        return _refuse(404 if bearer else 401, "Repository not found", "RepoNotFound")
    if repo.gate and not sees:
        return _refuse(403 if bearer else 401, f"Access to model {repo_id} is restricted.", "GatedRepo")
    if pull_request is None:
        return None
    if bearer is None:
        return _refuse(401, "Invalid username or password.")
    scope = hub.scopes.get(bearer, "write")
    if scope == "read":
        return _refuse(403, "Forbidden: your token does not have write permission")
    if scope == "pull-requests" and not pull_request:
        return _refuse(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
    return None


def _preupload(repo: Repo, branch: str, asked: Any) -> Call:
    there = repo.commits[repo.refs[branch]]
    rows = []
    for file in asked["files"]:
        name, content = file["path"], there.get(file["path"])
        assert len(base64.b64decode(file["sample"], validate=True)) == min(512, file["size"])
        large = repo.is_lfs(name)
        oid = None if content is None else sha256(content) if large else git_sha1(content)
        rows.append({
            "path": name, "uploadMode": "lfs" if large else "regular", "shouldIgnore": name in repo.ignored,
            "oid": oid,
        })  # fmt: skip
    return _json({"files": rows})


def _batch(asked: _Asked, repo_id: str) -> Call:
    hub, form = asked.hub, asked.json
    if (refused := asked.refused(repo_id, pull_request=True)) is not None:
        return refused
    assert (form["operation"], form["hash_algo"]) == ("upload", "sha256")
    rows = []
    for row in form["objects"]:
        oid = row["oid"]
        answer = {"oid": oid, "size": row["size"]}
        if oid not in hub.large:
            verify = {"href": f"{hub.endpoint}/lfs/verify"}
            upload: dict[str, object] = {"href": f"{hub.cdn}/upload/{oid}?sig=x"}
            if hub.parts:
                count = -(-row["size"] // hub.parts)
                parts = {str(n): f"{hub.cdn}/upload/{oid}/{n}?sig=x" for n in range(1, count + 1)}
                header = {"chunk_size": str(hub.parts), **parts}
                upload = {"href": f"{hub.endpoint}/lfs/complete/{oid}", "header": header}
            answer["actions"] = {"upload": upload, "verify": verify}
        rows.append(answer)
    return _json({"transfer": "multipart" if hub.parts else "basic", "objects": rows})


def _stored(asked: _Asked, oid: str, part: str | None) -> Call:
    assert asked.bearer is None, "the storage must not get the access token"
    if part is not None:
        asked.hub.uploads[f"{oid}/{part}"] = asked.body
        return Call(200, b"", {"ETag": f'"{sha256(asked.body)[:32]}"'})
    if sha256(asked.body) != oid:
        return _refuse(400, "digest")
    asked.hub.uploads[oid] = asked.body
    return Call(200)


def _verified(asked: _Asked) -> Call:
    there = asked.hub.uploads.get(asked.json["oid"], b"")
    return Call(200) if len(there) == asked.json["size"] else _refuse(404, "there is no such object")


def _completed(asked: _Asked, oid: str) -> Call:
    uploads, parts = asked.hub.uploads, asked.json["parts"]
    pieces = [uploads[f"{oid}/{part['partNumber']}"] for part in parts]
    whole = b"".join(pieces)
    tags = [f'"{sha256(piece)[:32]}"' for piece in pieces]
    if sha256(whole) != oid or [part["etag"] for part in parts] != tags:
        return _refuse(400, "digest")
    uploads[oid] = whole
    return _json({})


def _commit(hub: FakeHub, repo: Repo, branch: str, body: bytes, author: str | None) -> Call:
    """All of it, or nothing; ``author``: of the pull request."""
    asks = author is not None
    try:
        header, *rows = [json.loads(line) for line in body.splitlines()]
    except ValueError:
        return _refuse(400, "not JSON lines")
    parent = header["value"].get("parentCommit", repo.refs[branch])
    if parent not in repo.commits:
        return _refuse(404, f"Invalid rev id: {parent}", "RevisionNotFound")
    if not asks and parent != repo.refs[branch]:
        return _refuse(412, "A commit has happened since. Please refresh and try again.")
    files = dict(repo.commits[parent])
    for row in rows:
        refused = _applied(hub, repo, files, row["key"], row["value"])
        if refused is not None:
            return refused
    title, description = header["value"]["summary"], header["value"]["description"]
    number = len(repo.pull_requests) + 1
    sha = hub.commit(repo.repo_id, files, branch=f"refs/pr/{number}" if asks else branch)
    if author is not None:
        repo.pull_requests[number] = PullRequest(title, description, branch, author, commits=[sha])
    repo.log[sha] = (title, description, parent)
    page = f"{hub.endpoint}/{repo.repo_id}"
    return _json({
        "success": True, "commitUrl": f"{page}/commit/{sha}", "commitOid": sha, "hookOutput": "",
        "pullRequestUrl": f"{page}/discussions/{number}" if asks else None,
    })  # fmt: skip


def _applied(hub: FakeHub, repo: Repo, files: dict[str, bytes], key: str, value: Any) -> Call | None:
    """Do one line of a commit to ``files``; the refusal, where there is one."""
    name = value["path"]
    if key == "file":
        try:
            files[name] = base64.b64decode(value["content"], validate=True)
        except binascii.Error:
            return _refuse(400, "not base64")
        wrong = repo.is_lfs(name) and files[name]
        return _refuse(400, f"{name} should be uploaded as LFS") if wrong else None
    if key == "lfsFile":
        content = hub.uploads.get(value["oid"], hub.large.get(value["oid"]))
        if content is None or len(content) != value["size"]:
            return _refuse(422, f"LFS pointer pointed to a file that does not exist: {name}")
        files[name] = content
        files[".gitattributes"] = files.get(".gitattributes", b"") + f"{name} filter=lfs\n".encode()
        return None
    if key != "deletedFile":
        return _refuse(400, f"unknown key {key}")
    if files.pop(name, None) is None:
        return _refuse(404, "A file with this name doesn't exist", "EntryNotFound")
    return None


def _discussions(asked: _Asked, repo_id: str) -> Call:
    if (refused := asked.refused(repo_id, pull_request=None)) is not None:
        return refused
    repo = asked.repo(repo_id)
    status = asked.query.get("status", ["all"])[0]
    numbers = [n for n in repo.pull_requests if status in {"all", repo.pull_requests[n].status}]
    start = int(asked.query.get("p", ["0"])[0]) * 10
    rows = [_row(repo, n) for n in sorted(numbers, reverse=True)[start : start + 10]]
    return _json({"count": len(numbers), "start": start, "discussions": rows})


def _discussion(asked: _Asked, repo_id: str, number: str) -> Call:
    if (refused := asked.refused(repo_id, pull_request=None)) is not None:
        return refused
    repo = asked.repo(repo_id)
    request = repo.pull_requests[int(number)]
    events = [
        {"id": "a" * 24, "type": "comment", "createdAt": _WHEN, "author": {"name": "me"},
         "data": {"edited": False, "hidden": False, "latest": {"raw": request.description}}},
        *({"id": sha[:24], "type": "commit", "createdAt": _WHEN, "author": {"name": "me"},
           "data": {"subject": request.title, "oid": sha}} for sha in request.commits),
    ]  # fmt: skip
    details = {"events": events, "filesWithConflicts": [], "changes": {"base": request.branch}, "diff": ""}
    return _json(_row(repo, int(number)) | details)


def _merged(asked: _Asked, repo_id: str, number: str) -> Call:
    refused = asked.refused(repo_id, pull_request=False)
    if refused is None:
        asked.hub.merge(repo_id, int(number))
    return refused or _json({})


def _history(asked: _Asked, repo_id: str, revision: str) -> Call:
    if (refused := asked.refused(repo_id, pull_request=None)) is not None:
        return refused
    repo = asked.repo(repo_id)
    sha = repo.refs.get(unquote(revision), unquote(revision))
    if sha not in repo.commits:
        return _refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    rows: list[dict[str, object]] = []
    while sha in repo.log:
        title, description, parent = repo.log[sha]
        rows.append({"id": sha, "title": title, "message": description, "authors": [], "date": _WHEN})
        sha = parent
    made = [*repo.commits]
    rows += [  # those that came with a test, not over HTTP
        {
            "id": made[number],
            "title": repo.titles.get(made[number], "Upload folder using huggingface_hub"),
            "message": "",
            "authors": [{"user": "somebody"}],
            "date": f"2024-07-{number % 28 + 1:02}T12:00:00.000Z",
        }
        for number in range(made.index(sha), -1, -1)
    ]
    page = int(asked.query.get("p", ["0"])[0])
    answer = _json(rows[page * _PAGE : (page + 1) * _PAGE])
    if len(rows) <= (page + 1) * _PAGE:
        return answer
    more = f"{asked.hub.endpoint}/api/models/{repo_id}/commits/{revision}?p={page + 1}"
    return answer._replace(headers={**answer.headers, "Link": f'<{more}>; rel="next"'})


def _named(asked: _Asked) -> Call:
    if asked.bearer is None:
        return _refuse(401, "Invalid username or password.")
    return _json({"type": "user", "name": asked.user})


def _row(repo: Repo, number: int) -> dict[str, object]:
    request = repo.pull_requests[number]
    return {
        "num": number, "title": request.title, "status": request.status, "isPullRequest": True,
        "author": {"name": request.author}, "createdAt": _WHEN,
        "repo": {"name": repo.repo_id, "type": "model"},
    }  # fmt: skip


_MODEL = r"/api/models/([^/]+/[^/]+)"
_ROUTES: Sequence[tuple[str, str, re.Pattern[str], Callable[..., Call]]] = (
    ("cdn", "PUT", re.compile(r"/upload/([0-9a-f]{64})(?:/(\d+))?"), _stored),
    ("hub", "POST", re.compile(rf"{_MODEL}/(preupload|commit)/([^/]+)"), _written),
    ("hub", "POST", re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch"), _batch),
    ("hub", "POST", re.compile(r"/lfs/verify"), _verified),
    ("hub", "POST", re.compile(r"/lfs/complete/([0-9a-f]{64})"), _completed),
    ("hub", "GET", re.compile(r"/api/whoami-v2"), _named),
    ("hub", "GET", re.compile(rf"{_MODEL}/discussions"), _discussions),
    ("hub", "GET", re.compile(rf"{_MODEL}/discussions/(\d+)"), _discussion),
    ("hub", "POST", re.compile(rf"{_MODEL}/discussions/(\d+)/merge"), _merged),
    ("hub", "GET", re.compile(rf"{_MODEL}/commits/([^/]+)"), _history),
)
