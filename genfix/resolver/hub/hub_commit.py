"""A commit to a Hub repo: what is sent, and what the answers say, each checked before it is used.

``POST /api/models/{id}/preupload/{branch}`` tells for each file whether git or the large file storage takes
it, ``POST /api/models/{id}/commit/{branch}[?create_pr=1]`` takes the whole commit as one body of JSON lines
(huggingface_hub 2.4, _commit_api.py: _fetch_upload_modes, _prepare_commit_payload, _send_commit).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

from genfix.folder.compare import blob_sha1
from genfix.folder.folder import FileStat
from genfix.json_types import JsonObject, JsonValue, decimal
from genfix.resolver.naming.digests import SHA1, matching
from genfix.web.failures import ForeignAnswerError

_SAMPLE: Final = 512
"""How much of a file's beginning the Hub looks at to choose where it goes."""
_ATTRIBUTES: Final = ".gitattributes"
_PULL_REQUEST: Final = re.compile(r"https?://\S+/discussions/([0-9]{1,9})", re.ASCII)


def json_object(content: bytes) -> JsonObject:
    """The JSON object in an answer. Raises `ForeignAnswerError` where there is none."""
    try:
        data: JsonValue = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ForeignAnswerError from error
    if not isinstance(data, dict):
        raise ForeignAnswerError
    return data


class HubChange(NamedTuple):
    """What becomes of one file."""

    name: str
    content: bytes | None
    """The new bytes; `None`: the file goes. What it was stays in the history."""


@dataclass(frozen=True, slots=True)
class HubCommit:
    """One commit, whole or not at all."""

    repo_id: str
    branch: str
    parent: str
    """The commit that it is made on."""
    title: str
    description: str
    changes: tuple[HubChange, ...]
    is_push: bool = False
    """Whether it goes to the branch itself; a pull request to the branch otherwise."""

    def __repr__(self) -> str:
        """Short: its files have megabytes."""
        what = "commit to" if self.is_push else "pull request to"
        return f"<HubCommit: {what} {self.branch} of {self.repo_id}, {len(self.changes)} files>"

    def path(self, verb: str) -> str:
        """Where the Hub takes it: ``/api/models/...``."""
        asks = "" if self.is_push else "?create_pr=1"
        return f"/api/models/{self.repo_id}/{verb}/{quote(self.branch, safe='')}{asks}"

    @property
    def added(self) -> Iterator[tuple[str, bytes]]:
        """The files that have new bytes."""
        return ((name, content) for name, content in self.changes if content is not None)


class HubCommitted(NamedTuple):
    """A commit that is on the Hub."""

    commit: str
    pull_request: int | None = None
    """Its number; `None` where the branch itself has the commit."""


class Modes(NamedTuple):
    """Where the Hub wants files."""

    large: frozenset[str]
    """Those for the large file storage."""
    ignored: tuple[str, ...]
    """Those that the repo's own ``.gitignore`` keeps out."""


def preupload_form(commit: HubCommit) -> bytes:
    """What asks the Hub where it wants the files."""
    files: list[JsonValue] = [
        {"path": name, "sample": base64.b64encode(content[:_SAMPLE]).decode("ascii"), "size": len(content)}
        for name, content in commit.added
    ]
    return json.dumps({"files": files}).encode()


def parse_modes(content: bytes, commit: HubCommit) -> Modes:
    """Where the Hub wants the files. Raises `ForeignAnswerError` for an answer that does not say so."""
    rows = json_object(content).get("files")
    sizes = {name: len(content) for name, content in commit.added}
    modes: dict[str, str] = {}
    ignored: list[str] = []
    for row in rows if isinstance(rows, list) else ():
        match row:
            case {"path": str(name), "uploadMode": "lfs" | "regular" as mode, **rest} if name in sizes:
                # An empty file is no object of the large file storage (_fetch_upload_modes).
                modes[name] = str(mode) if sizes[name] else "regular"
                if rest.get("shouldIgnore") is True:
                    ignored.append(name)
            case _:
                raise ForeignAnswerError
    if modes.keys() != sizes.keys():
        raise ForeignAnswerError
    large = frozenset(name for name, mode in modes.items() if mode == "lfs")
    return Modes(large, tuple(ignored))


def commit_form(commit: HubCommit, large: frozenset[str]) -> bytes:
    """The commit in JSON lines, as huggingface_hub writes them; ``large`` files are in their storage."""
    header: dict[str, JsonValue] = {
        "summary": commit.title,
        "description": commit.description,
        "parentCommit": commit.parent,
    }
    rows: list[JsonValue] = [{"key": "header", "value": header}]
    for name, content in commit.changes:
        if content is None:
            rows.append({"key": "deletedFile", "value": {"path": name}})
        elif name in large:
            oid = hashlib.sha256(content).hexdigest()
            value: JsonValue = {"path": name, "algo": "sha256", "oid": oid, "size": len(content)}
            rows.append({"key": "lfsFile", "value": value})
        else:
            data = base64.b64encode(content).decode("ascii")
            rows.append({"key": "file", "value": {"content": data, "path": name, "encoding": "base64"}})
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def parse_committed(content: bytes, commit: HubCommit) -> HubCommitted:
    """What the Hub says of the commit that it took. Raises `ForeignAnswerError` where it does not."""
    answer = json_object(content)
    oid, url = matching(SHA1, answer.get("commitOid")), answer.get("pullRequestUrl")
    if oid is None:
        raise ForeignAnswerError
    if commit.is_push:
        return HubCommitted(oid)
    found = _PULL_REQUEST.fullmatch(url) if isinstance(url, str) else None
    number = decimal(found[1]) if found is not None else None
    if number is None:
        raise ForeignAnswerError
    return HubCommitted(oid, number)


def parse_pull_requests(content: bytes, title: str) -> tuple[tuple[int, str], ...]:
    """Number and author of those in a page of discussions that have this title, newest first.

    ``GET /api/models/{id}/discussions`` (hf_api.py, get_repo_discussions) answers
    ``{count, start, discussions: [{num, title, status, isPullRequest, ...}]}``. Raises `ForeignAnswerError`.
    """
    rows = json_object(content).get("discussions")
    if not isinstance(rows, list):
        raise ForeignAnswerError
    found: dict[int, str] = {}
    for row in rows:
        match row:
            case {"num": int(number), "title": str(given), "isPullRequest": True, **rest} if (
                given == title and 0 < number < 10**9
            ):
                author = rest.get("author")
                name = author.get("name") if isinstance(author, dict) else None
                found[number] = name if isinstance(name, str) else ""
            case _:
                continue
    return tuple((number, found[number]) for number in sorted(found, reverse=True))


def has_changes(files: Mapping[str, FileStat], changes: Iterable[HubChange]) -> bool:
    """Whether a listing has all files as the commit makes them."""
    return first_difference(files, {}, changes) is None


def first_difference(
    files: Mapping[str, FileStat], others: Mapping[str, FileStat], changes: Iterable[HubChange]
) -> str | None:
    """The first file that is not as ``changes`` make it, or, of ``others``, as it was; `None`: none."""
    changed = {change.name: change.content for change in changes}
    for name, content in changed.items():
        if not _is_content(files.get(name), content):
            return name
    return next((name for name in others if name not in changed and files.get(name) != others[name]), None)


def first_surplus(
    files: Mapping[str, FileStat], others: Mapping[str, FileStat], commit: HubCommit, large: frozenset[str]
) -> str | None:
    """The first file that differs from what the commit makes of ``others``, or is there beside; `None`: none.

    The Hub itself writes down in ``.gitattributes`` which files the large file storage has.
    """
    if large:
        others = {name: others[name] for name in others if name != _ATTRIBUTES}
        files = {name: files[name] for name in files if name != _ATTRIBUTES}
    different = first_difference(files, others, commit.changes)
    names = {*others, *(change.name for change in commit.changes)}
    return different or next((name for name in files if name not in names), None)


def _is_content(listed: FileStat | None, content: bytes | None) -> bool:
    if listed is None or content is None:
        return listed is None and content is None
    if listed.sha256 is not None:
        return listed.sha256 == hashlib.sha256(content).hexdigest()
    return listed.git_sha1 == blob_sha1(content)
