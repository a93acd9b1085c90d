"""Which base a folder says it was made from: a hint, never a proof.

The places in the order of how exact they are; what tools write there was seen by running them.
"""

from typing import Final

from genfix.model.front_matter import front_matter_list
from genfix.model.model import Model

__all__ = ["base_hint"]

_PLACES: Final = (
    ("args.json", "model"),  # ms-swift: what the user typed
    ("adapter_config.json", "base_model_name_or_path"),  # peft
    ("config.json", "_name_or_path"),  # transformers before 4.50
)


def base_hint(model: Model) -> str | None:
    """The path or Hub id of the base, where a file names exactly one."""
    for file, key in _PLACES:
        named = model.object(file).get(key)
        if isinstance(named, str) and named.strip(" ./"):
            return named
    named_by_card = front_matter_list(model.folder, "base_model")
    return named_by_card[0] if len(named_by_card) == 1 else None
