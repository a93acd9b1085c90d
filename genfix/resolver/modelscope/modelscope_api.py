"""What genfix asks ModelScope, and what its answers mean.

The HTTP API as ModelScope's own client uses it (modelscope_hub 0.5.1, _legacy_api.py; modelscope 1.40.2,
hub/api.py)::

    GET /api/v1/models/{id}/repo/files?Revision=&Recursive=True
        -> Data.Files[Path Size Sha256 Revision Type],
           Data.LatestCommitter[Id ShortId]
    GET /api/v1/models/{id}/repo?Revision=&FilePath=             -> the file, or a redirect to another host
    GET /api/v1/models/{id}/revisions                            -> Data.RevisionMap[Branches Tags][Revision]

A list of files ends at 3000 without a word. Who may not read a model gets the 404 of one that is not there.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from genfix.errors import BaseModelError, UnknownModelError
from genfix.folder.folder import FileStat
from genfix.folder.remote import difference
from genfix.json_types import JsonValue
from genfix.message import Arg, Message, text
from genfix.resolver.modelscope.modelscope_cache import MASTER, Entry, ModelScopeListing
from genfix.resolver.modelscope.modelscope_site import Site, StatusError, TransferError
from genfix.resolver.naming.digests import COMMIT_START, SHA1, SHA256, matching, size_of
from genfix.resolver.naming.spec import LOCAL_COPY, ModelScopeSpec
from genfix.web.bodies import ByteRange
from genfix.web.failures import ForeignAnswerError, OutageError
from genfix.web.secrets import Secrets

MOST_ENTRIES: Final = 3000
"""Where ModelScope cuts a list of files (modelscope_hub 0.5.1, constants.py)."""

_MOST_BYTES: Final = 16 * 1024 * 1024
"""The most bytes a list can have: 3000 entries have about 2 million."""
_FOREIGN: Final = text("the answer is not one of ModelScope")
_NO_TREE: Final = 10990101004
"""ModelScope's code for a model that is there and a revision that is not."""


class ModelScope:
    """One model on ModelScope, at a branch, tag or commit."""

    def __init__(self, site: Site, spec: ModelScopeSpec) -> None:
        self._site = site
        self._spec = spec
        self._revision = spec.revision or MASTER
        self._path = f"/api/v1/models/{spec.repo_id}"

    def listing(self) -> ModelScopeListing:
        """All files with their digests, from one request (two where there are thousands).

        Raises `OutageError` where there is no answer, `BaseModelError` where the answer is no.
        """
        listing = self._list(recursive=True)
        if not listing.complete:
            top = self._list(recursive=False)  # what engines read is at the top: that much must be complete
            listing = listing._replace(files={**listing.files, **top.files})
        return listing

    def file(self, name: str, entry: Entry, commit: str | None) -> bytes:
        """A listed file, with the listed digest. Raises `BaseModelError` where it cannot be had."""
        asked = text("{name} of {repo}", name=name, repo=str(self._spec))
        wrong = None
        secrets = Secrets.of(self._site.token)
        for _ in range(2):
            try:
                content = self._site.get(self._address(name, entry, commit), entry.stat.size)
            except StatusError as error:
                raise self._refusal(error, name) from error
            except OutageError as error:
                raise BaseModelError(
                    "ModelScope at {host} did not give {asked} ({why})",
                    "try again later, or {local_copy}",
                    host=self._site.endpoint,
                    asked=asked,
                    why=error.said,
                    local_copy=LOCAL_COPY,
                ) from error
            except TransferError as error:
                raise BaseModelError(
                    "{asked} could not be downloaded whole: {why}",
                    "try again later, or {local_copy}",
                    asked=asked,
                    why=error.said,
                    local_copy=LOCAL_COPY,
                ) from error
            if secrets.are_in(content):
                raise BaseModelError(
                    "{asked} has the access token of this machine in it",
                    "do not use the ModelScope at {host}, and make a new token",
                    asked=asked,
                    host=self._site.endpoint,
                )
            wrong = difference(content, entry.stat)
            if wrong is None:
                return content
        raise BaseModelError(
            "{asked} is not the file that ModelScope lists: {why}",
            "try again: the branch may have moved on; or {local_copy}",
            asked=asked,
            why=wrong,
            local_copy=LOCAL_COPY,
        )

    def part(self, name: str, entry: Entry, commit: str | None, start: int, end: int) -> bytes:
        """The bytes of a file from ``start`` to ``end``. Raises `BaseModelError` where they cannot be had."""
        try:
            span = ByteRange(start, end, entry.stat.size)
            content = self._site.get(self._address(name, entry, commit), end - start, span)
        except StatusError as error:
            raise self._refusal(error, name) from error
        except (OutageError, TransferError, ForeignAnswerError) as error:
            raise BaseModelError(
                "ModelScope at {host} gives no part of {name} of {repo}",
                "try again later, or {local_copy}",
                host=self._site.endpoint,
                name=name,
                repo=str(self._spec),
                local_copy=LOCAL_COPY,
            ) from error
        if Secrets.of(self._site.token).are_in(content):
            raise BaseModelError(
                "{name} of {repo} has the access token of this machine in it",
                "do not use the ModelScope at {host}, and make a new token",
                name=name,
                repo=str(self._spec),
                host=self._site.endpoint,
            )
        return content

    def _address(self, name: str, entry: Entry, commit: str | None) -> str:
        # A branch may move on; the commit does not, nor the one that brought the file.
        pinned = commit if commit is not None and SHA1.fullmatch(commit) else entry.revision
        query = urlencode({"Revision": pinned or self._revision, "FilePath": name})
        return f"{self._path}/repo?{query}"

    def unreachable(self, error: OutageError) -> BaseModelError:
        """The error for an outage where there is nothing cached either."""
        args: dict[str, Arg] = {"host": self._site.endpoint, "why": error.said, "asked": str(self._spec)}
        return BaseModelError(
            text("ModelScope at {host} cannot answer now ({why}), and {asked} is not cached", **args)
            if str(error).startswith("HTTP")
            else text("ModelScope at {host} could not be reached ({why}), and {asked} is not cached", **args),
            "go online or try again later, set MODELSCOPE_ENDPOINT to a mirror, take the model from "
            "the Hub (--base org/name), or {local_copy}",
            local_copy=LOCAL_COPY,
        )

    def _list(self, *, recursive: bool) -> ModelScopeListing:
        query = urlencode({"Revision": self._revision, "Recursive": str(recursive)})
        listing = _parse_listing(self._json(f"repo/files?{query}"))
        if listing is None:
            raise OutageError(_FOREIGN)
        if listing.commit is None and SHA1.fullmatch(self._revision):
            return listing._replace(commit=self._revision)
        return listing

    def _parsed(self, path: str) -> JsonValue:
        return Secrets.of(self._site.token).value(json.loads(self._site.get(path, _MOST_BYTES)))

    def _json(self, path: str) -> JsonValue:
        """What the envelope of an answer holds."""
        try:
            body = self._parsed(f"{self._path}/{path}")
        except TransferError as error:
            raise OutageError(error.said) from error
        except StatusError as error:
            raise self._refusal(error) from error
        except (ValueError, RecursionError) as error:
            raise OutageError(_FOREIGN) from error
        match body:
            case {"Code": 200, "Data": data}:
                return data
            case {"Code": int(code), "Message": str()}:
                raise self._refusal(StatusError(404, code))
            case _:
                raise OutageError(_FOREIGN)

    def _refusal(self, error: StatusError, name: str = "") -> BaseModelError:
        """ModelScope's own word: what was asked for does not exist, or is not for this user."""
        spec, repo = self._spec, f"ms://{self._spec.repo_id}"
        if error.status not in {401, 403, 404}:
            return BaseModelError(
                "ModelScope at {host} did not give {asked} ({why})",
                LOCAL_COPY,
                host=self._site.endpoint,
                asked=text("{name} of {repo}", name=name or text("the files"), repo=str(spec)),
                why=str(error),
            )
        if name and error.status == 404:
            return BaseModelError(
                "{name} of {repo} is listed by ModelScope but not there",
                "try again later, or {local_copy}",
                name=name,
                repo=str(spec),
                local_copy=LOCAL_COPY,
            )
        if error.code == _NO_TREE:
            return BaseModelError(
                "{repo} has no revision {revision}", self._revisions(), repo=repo, revision=self._revision
            )
        if error.status == 404 and not self._site.token:
            return UnknownModelError(
                "no model {repo} on ModelScope, or it is private",
                "check the name, or set MODELSCOPE_API_TOKEN to a token that may read it",
                repo=repo,
            )
        if error.status == 404:
            return UnknownModelError(
                "no model {repo} on ModelScope, or the token in MODELSCOPE_API_TOKEN may not read it",
                "check the name and what the account may read",
                repo=repo,
            )
        return BaseModelError(
            "ModelScope refuses access to {repo} ({why})",
            "set MODELSCOPE_API_TOKEN to a token that may read it, or {local_copy}",
            repo=str(spec),
            why=str(error),
            local_copy=LOCAL_COPY,
        )

    def _revisions(self) -> Message:
        """A hint that names the revisions there are, where ModelScope tells them."""
        general = text("a revision is a branch, a tag or a commit: ms://org/name@master")
        try:
            body = self._parsed(f"{self._path}/revisions")
        except (OutageError, StatusError, TransferError, ValueError, RecursionError):
            return general
        names: list[JsonValue] = [*_parse_revisions(body)]
        return text("it has {revisions}", revisions=names[:10]) if names else general


def _parse_listing(data: JsonValue) -> ModelScopeListing | None:
    """The files in the data of an answer; `None` where it is no list of files."""
    if not isinstance(data, dict) or "Files" not in data:
        return None
    rows = data["Files"] or []  # a repo without files has null
    if not isinstance(rows, list):
        return None
    files: dict[str, Entry] = {}
    for row in rows:
        match row:
            case {"Type": "tree"}:
                continue
            case {"Path": str(name), "Size": given} if (
                isinstance(row, dict) and (size := size_of(given)) is not None
            ):
                stat = FileStat(size, sha256=matching(SHA256, row.get("Sha256")))
                files[name] = Entry(stat, matching(SHA1, row.get("Revision")))
            case _:
                return None
    return ModelScopeListing(files, _commit(data.get("LatestCommitter")), complete=len(rows) < MOST_ENTRIES)


def _commit(committer: JsonValue) -> str | None:
    match committer:
        case {"Id": str(commit)} if SHA1.fullmatch(commit):
            return commit
        case {"ShortId": str(commit)} if COMMIT_START.fullmatch(commit):  # then Id is empty
            return commit
        case _:
            return None


def _parse_revisions(body: JsonValue) -> Iterator[str]:
    match body:
        case {"Data": {"RevisionMap": dict(kinds)}}:
            for kind in ("Branches", "Tags"):
                rows = kinds.get(kind)
                for row in rows if isinstance(rows, list) else ():
                    match row:
                        case {"Revision": str(name)} if name.isprintable() and len(name) <= 100:
                            yield name
        case _:
            return
