"""Where the merged folder and its base are, and whether the one can come from the other."""

from genfix.resolver.finder.adapter import Adapter, find_adapter
from genfix.resolver.finder.base import BaseFacts, ResolvedBase, files_of, resolve_base
from genfix.resolver.finder.proof import prove_parentage
from genfix.resolver.finder.selection import choose_base
from genfix.resolver.finder.target import (
    existing_folder,
    is_address,
    names_gguf,
    open_address,
    open_target,
    place_of,
)
