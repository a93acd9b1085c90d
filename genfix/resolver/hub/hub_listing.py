"""What the Hub lists of one commit: names, sizes and digests, each checked before it is used.

``GET /api/models/{id}/revision/{revision}?blobs=true`` (huggingface_hub 2.4, hf_api.py, model_info) answers
``{id, sha, siblings: [{rfilename, size, blobId, lfs: {sha256, size}}]}``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from genfix.errors import BaseModelError
from genfix.folder.folder import FileStat
from genfix.json_types import JsonObject
from genfix.message import Arg
from genfix.resolver.hub.hub_errors import HubRequest
from genfix.resolver.naming.digests import SHA1, SHA256, matching, size_of
from genfix.resolver.naming.spec import LOCAL_COPY, is_commit, is_repo_id
from genfix.web.failures import ForeignAnswerError
from genfix.web.secrets import Secrets

MOST_OF_A_LISTING: Final = 64 * 1024 * 1024
"""The most bytes a listing can have: some 300,000 files, three times what the Hub advises for a repo."""


@dataclass(frozen=True, slots=True)
class HubListing:
    """The files of one commit, as the Hub lists them."""

    repo_id: str
    commit: str
    files: Mapping[str, FileStat]


def parse_listing(content: bytes, asked: HubRequest, secrets: Secrets) -> HubListing:
    """The listing in an answer, without the ``secrets`` that the Hub was sent.

    Raises `ForeignAnswerError` for one that is none, `BaseModelError` for one that cannot be trusted.
    """
    try:
        data = secrets.value(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ForeignAnswerError from error
    siblings = data.get("siblings") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(siblings, list):
        raise ForeignAnswerError
    commit, repo_id = data.get("sha"), data.get("id")
    if not isinstance(commit, str) or not is_commit(commit):
        raise BaseModelError(
            "the Hub at {host} does not say which commit {asked} is",
            "set HF_ENDPOINT to a full mirror of the Hub, or {local_copy}",
            **_of(asked),
        )
    files: dict[str, FileStat] = {}
    for sibling in siblings:
        name = sibling.get("rfilename") if isinstance(sibling, dict) else None
        if not isinstance(sibling, dict) or not isinstance(name, str):
            raise ForeignAnswerError
        stat = _stat(sibling)
        if stat is None:
            raise BaseModelError(
                "the Hub at {host} lists {name} of {asked} without size and digest",
                "set HF_ENDPOINT to a full mirror of the Hub, or {local_copy}",
                name=name,
                **_of(asked),
            )
        files[name] = stat
    known = isinstance(repo_id, str) and is_repo_id(repo_id)
    return HubListing(str(repo_id) if known else asked.repo_id, commit, files)


def _stat(sibling: JsonObject) -> FileStat | None:
    size, lfs = size_of(sibling.get("size")), sibling.get("lfs")
    # An LFS file's blobId is the digest of its pointer, not of its content.
    sha256 = matching(SHA256, lfs.get("sha256")) if isinstance(lfs, dict) else None
    git_sha1 = None if lfs else matching(SHA1, sibling.get("blobId"))
    return None if size is None or (sha256 or git_sha1) is None else FileStat(size, git_sha1, sha256)


def too_long(asked: HubRequest) -> BaseModelError:
    """The error for a listing that does not end where one can."""
    return BaseModelError(
        "the Hub at {host} lists {asked} in more than {most:.3g} MiB, and genfix reads no more",
        LOCAL_COPY,
        most=MOST_OF_A_LISTING / 2**20,
        **_of(asked),
    )


def _of(asked: HubRequest) -> dict[str, Arg]:
    return {"host": asked.host, "asked": asked.said, "local_copy": LOCAL_COPY}
