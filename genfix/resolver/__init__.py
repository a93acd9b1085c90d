"""Where the merged folder and its base are, and whether the one can come from the other."""

from genfix.resolver.finder.adapter import Adapter, find_adapter
from genfix.resolver.finder.base import BaseFacts, ResolvedBase, files_of, resolve_base
from genfix.resolver.finder.proof import prove_parentage
from genfix.resolver.finder.selection import choose_base
from genfix.resolver.finder.target import (
    download_line,
    existing_folder,
    hub_spec,
    is_address,
    is_on_hub,
    names_gguf,
    open_address,
    open_target,
    place_of,
)
