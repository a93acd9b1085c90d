"""The states of a Hub repo before the one that is open: its commits, and what each listed.

``GET /api/models/{id}/commits/{revision}`` (huggingface_hub 2.4, hf_api.py, list_repo_commits) answers the
newest first, a page at a time: ``[{id, title, date, authors, message}]``. A commit's past never changes, so
it is asked for once.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

from genfix import cache
from genfix.folder.remote import RemoteFolder, State
from genfix.json_types import JsonValue
from genfix.resolver.naming.spec import is_commit

MOST_OF_A_HISTORY: Final = 4 * 1024 * 1024
"""The most bytes of a page of commits."""
MOST_STATES: Final = 12
"""Earlier states that are opened at most: each costs a request, once."""
_KIND: Final = "hub-commits"
_LONGEST: Final = 200


def earlier_states(
    commit: str, ask: Callable[[], JsonValue], opened: Callable[[str], RemoteFolder]
) -> Iterator[State]:
    """The state at ``commit`` itself, then those before it, the newest first; each is opened when it is its
    turn. Raises what ``ask`` and ``opened`` raise.
    """
    kept = cache.load(_KIND, commit)
    rows = [*_rows(ask() if kept is None else json.loads(kept))]
    if kept is None:
        cache.store(_KIND, commit, json.dumps(rows).encode())
    for row in rows[: MOST_STATES + 1]:
        yield State(opened(row["id"]), row["id"], row["date"][:10], row["title"])


def _rows(answer: JsonValue) -> Iterator[dict[str, str]]:
    """Id, date and title of each commit, as far as the answer has the form that it should."""
    for item in answer if isinstance(answer, list) else ():
        match item:
            case {"id": str(number), "date": str(date), "title": str(title)} if is_commit(number):
                yield {"id": number, "date": date, "title": title[:_LONGEST]}
            case _:
                return
