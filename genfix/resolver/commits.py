"""At which commit a model on the Hub or on ModelScope is now."""

from genfix.errors import GenfixError
from genfix.resolver.hub.hub_models import hub_commit_of
from genfix.resolver.modelscope.modelscope_api import ModelScope
from genfix.resolver.modelscope.modelscope_site import Site
from genfix.resolver.naming.spec import HubSpec, ModelScopeSpec, is_commit, parse_spec
from genfix.web.failures import OutageError


def commit_of(address: str) -> str:
    """The commit, from one request, or none where the address names it; empty where nobody tells."""
    try:
        spec = parse_spec(address)
        match spec:
            case HubSpec() | ModelScopeSpec() if spec.revision is not None and is_commit(spec.revision):
                return spec.revision
            case HubSpec():
                return hub_commit_of(spec)
            case ModelScopeSpec():
                return ModelScope(Site.from_environment(), spec).listing().commit or ""
            case _:
                return ""
    except (GenfixError, OutageError):
        return ""
