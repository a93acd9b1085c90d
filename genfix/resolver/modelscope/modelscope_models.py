"""The models of an organization on ModelScope, by their names.

As ModelScope's own client asks for them (modelscope 1.40.2, hub/api.py, ``HubApi.list_models``)::

    PUT /api/v1/models/ {Path: organization, PageNumber, PageSize}
        -> Data.Models[Path Name], Data.TotalCount

It is a question, and changes nothing, though it is a PUT.
"""

import json
from collections.abc import Iterator
from typing import Final

from genfix.errors import BaseModelError
from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.resolver.modelscope.modelscope_site import Site, StatusError, TransferError
from genfix.web.failures import OutageError
from genfix.web.secrets import Secrets

_ON_A_PAGE: Final = 50
_MOST_PAGES: Final = 2001
_MOST_BYTES: Final = 16 * 1024 * 1024
"""A row has what is shown of a model, its description included."""


def names_on_modelscope(organization: str) -> Iterator[str]:
    """``org/name`` of all models of an organization; a page is asked for when it is its turn.

    Raises `BaseModelError` where ModelScope does not answer.
    """
    site = Site.from_environment()
    seen = 0
    for number in range(1, _MOST_PAGES + 1):
        match _page(site, organization, number):
            case {"Code": 200, "Data": {"Models": list(rows), "TotalCount": int(total)}}:
                yield from filter(None, map(_name, rows))
                seen += len(rows)
                if not rows or seen >= total:
                    return
            case {"Code": 200, "Data": {"Models": None}}:  # in the place of an empty list
                return
            case _:
                break
    raise _unlisted(site, organization, text("the answer is not one of ModelScope"))


def _name(row: JsonValue) -> str | None:
    match row:
        case {"Path": str(owner), "Name": str(name)}:
            return f"{owner}/{name}"
        case _:
            return None


def _page(site: Site, organization: str, number: int) -> JsonValue:
    asked = {"Path": organization, "PageNumber": number, "PageSize": _ON_A_PAGE}
    try:
        content = site.put("/api/v1/models/", json.dumps(asked).encode(), _MOST_BYTES)
        return Secrets.of(site.token).value(json.loads(content))
    except (OutageError, TransferError) as error:
        raise _unlisted(site, organization, error.said) from error
    except StatusError as error:
        raise _unlisted(site, organization, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _unlisted(site, organization, text("the answer is not one of ModelScope")) from error


def _unlisted(site: Site, organization: str, why: Message | str) -> BaseModelError:
    return BaseModelError(
        "ModelScope at {host} does not list the models of {org} ({why})",
        "try again later, or list them in a file, ms://{org}/name in each line, and name it with --from",
        host=site.endpoint,
        org=organization,
        why=why,
    )
