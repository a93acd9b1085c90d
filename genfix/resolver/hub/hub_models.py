"""What the Hub says of its models without their files: which an organization has, and at which commit one is.

::

    GET /api/models?author=&limit=     -> [{id}], and the next page in the header ``Link``
                                          (huggingface_hub 2.4, hf_api.py list_models, utils/_pagination.py)
    GET /api/models/{id}/revision/{revision}?expand=sha -> {sha}  (hf_api.py model_info)
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from genfix.resolver.hub.hub_client import HubClient, hub_settings
from genfix.resolver.hub.hub_errors import HubRequest, explain
from genfix.resolver.naming.spec import HubSpec, is_commit
from genfix.web.failures import ForeignAnswerError

_ON_A_PAGE: Final = 1000
_MOST_PAGES: Final = 1000
_MOST_BYTES: Final = 16 * 1024 * 1024


def names_on_hub(organization: str) -> Iterator[str]:
    """``org/name`` of all models of an organization, as the Hub lists them; a page is asked for when it is
    its turn.

    Raises `BaseModelError` where the Hub does not answer.
    """
    endpoint = hub_settings(HubSpec(organization)).endpoint
    client = HubClient(endpoint, organization)
    asked = HubRequest(endpoint, organization, None)
    query = f"author={quote(organization, safe='')}&limit={_ON_A_PAGE}"
    for _ in range(_MOST_PAGES):
        rows, query = client.page(f"models?{query}", _MOST_BYTES, asked)
        if not isinstance(rows, list):
            raise explain(ForeignAnswerError(), asked)
        for row in rows:
            if isinstance(row, dict) and isinstance(name := row.get("id"), str):
                yield name
        if not query:
            return
    raise explain(ForeignAnswerError(), asked)


def hub_commit_of(spec: HubSpec) -> str:
    """The commit at which a repo is now; empty where the Hub does not say.

    Raises `BaseModelError` where it does not answer.
    """
    settings = hub_settings(spec)
    asked = HubRequest(settings.endpoint, spec.repo_id, spec.revision)
    path = f"models/{spec.repo_id}/revision/{quote(spec.revision or 'main', safe='')}?expand=sha"
    answer = HubClient(settings.endpoint, spec.repo_id).api(path, _MOST_BYTES, asked)
    commit = answer.get("sha") if isinstance(answer, dict) else None
    return commit if isinstance(commit, str) and is_commit(commit) else ""
