"""The models of an organization on the Hub, by their names."""

import os
from typing import Final
from urllib.parse import quote

from genfix.errors import BaseModelError, InputError
from genfix.json_types import JsonValue
from genfix.resolver.hub.hub_client import HubClient, hub_settings
from genfix.resolver.hub.hub_errors import HubRequest
from genfix.resolver.naming.spec import HubSpec, is_repo_id

_MOST: Final = 1000
"""What one page of the Hub's list has at most."""
_MOST_BYTES: Final = 16 * 1024 * 1024
_SCHEMES: Final = ("hf://", "ms://")


def organization_of(address: str) -> str | None:
    """``org`` of ``hf://org``; `None` where an address names a model. Raises `InputError` for ``ms://org``."""
    scheme = next((scheme for scheme in _SCHEMES if address.startswith(scheme)), None)
    name = address.removeprefix(scheme or "").rstrip("/")
    if scheme is None or "/" in name or not is_repo_id(f"{name}/x"):
        return None
    if scheme == "ms://":
        raise InputError(
            "ModelScope is not asked for all models of {org}",
            "list them in a file, ms://{org}/name in each line, and name it with --from",
            org=name,
        )
    return name


def models_of(organization: str, *, offline: bool = False) -> tuple[str, ...]:
    """The addresses (``hf://org/name``) of all models of an organization, in the order of their names.

    Raises `InputError` where there are more than one page has, `BaseModelError` where the Hub does not
    answer.
    """
    settings = hub_settings(HubSpec(organization, None))
    if offline or settings.offline or os.environ.get("HF_HUB_OFFLINE") == "1":
        raise BaseModelError(
            "which models {org} has only the Hub knows",
            "go online, or list them with --from",
            org=organization,
        )
    client = HubClient(settings.endpoint, organization)
    path = f"models?author={quote(organization, safe='')}&limit={_MOST}"
    answer = client.api(path, _MOST_BYTES, HubRequest(settings.endpoint, organization, None))
    found = sorted(
        {name for name in map(_name, answer if isinstance(answer, list) else []) if name is not None}
    )
    own = [f"hf://{name}" for name in found if name.casefold().startswith(f"{organization.casefold()}/")]
    if len(found) >= _MOST:
        raise InputError(
            "{org} has {count} models or more, of which the Hub lists no more at once",
            "list them in a file, hf://{org}/name in each line, and name it with --from",
            org=organization,
            count=_MOST,
        )
    return tuple(own)


def _name(row: JsonValue) -> str | None:
    name = row.get("id") if isinstance(row, dict) else None
    return name if isinstance(name, str) and is_repo_id(name) else None
