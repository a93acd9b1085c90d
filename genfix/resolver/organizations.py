"""The models of an organization, on the Hub or on ModelScope, by their names."""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Final

from genfix.errors import BaseModelError, InputError
from genfix.resolver.hub.hub_client import hub_settings
from genfix.resolver.hub.hub_models import names_on_hub
from genfix.resolver.modelscope.modelscope_models import names_on_modelscope
from genfix.resolver.naming.spec import HubSpec, is_repo_id

_MOST: Final = 100_000
"""Models of one organization: a site that lists more is not believed."""


def models_of(address: str, *, offline: bool = False) -> tuple[str, ...]:
    """The addresses of all models of the organization that ``hf://org`` or ``ms://org`` names, in the order
    of their names; any other address is its own.

    Raises `InputError` where there are none, or more than anybody has; `BaseModelError` where the site does
    not answer.
    """
    scheme, _, rest = address.partition("://")
    organization = rest.rstrip("/")
    if scheme not in {"hf", "ms"} or not is_repo_id(f"{organization}/x"):
        return (address,)
    found = {*islice(_names(scheme, organization, offline=offline), _MOST + 1)}
    if len(found) > _MOST:
        raise InputError(
            "{address} has more than {count} models",
            "list them in a file, {scheme}://{org}/name in each line, and name it with --from",
            address=address,
            count=_MOST,
            scheme=scheme,
            org=organization,
        )
    start = f"{organization}/".casefold()
    own = sorted(name for name in found if name.casefold().startswith(start))
    if not own:
        raise InputError(
            "{address} has no models, or none that you may see",
            "check the name, and what your access token may read",
            address=address,
        )
    return tuple(f"{scheme}://{name}" for name in own)


def _names(scheme: str, organization: str, *, offline: bool) -> Iterator[str]:
    if offline or os.environ.get("HF_HUB_OFFLINE") == "1" or hub_settings(HubSpec(organization)).offline:
        raise BaseModelError(
            "which models {org} has only the site knows",
            "go online, or list them with --from",
            org=organization,
        )
    names = names_on_hub if scheme == "hf" else names_on_modelscope
    return (name for name in names(organization) if is_repo_id(name))
