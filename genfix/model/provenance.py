"""Which base a folder says it was made from: a hint, never a proof.

The places in the order of how exact they are; what tools write there was seen by running them.
"""

from typing import Final

from genfix.model.front_matter import front_matter_list
from genfix.model.model import Model

__all__ = ["base_hint", "is_base_name"]

_PLACES: Final = (
    ("args.json", "model"),  # ms-swift: what the user typed
    ("adapter_config.json", "base_model_name_or_path"),  # peft
    ("config.json", "_name_or_path"),  # transformers before 4.50
)
_NOBODY: Final = frozenset(["none", "null", "unknown"])
_MOST_CHARACTERS: Final = 300


def base_hint(model: Model) -> str | None:
    """The path or Hub id of the base, where a file names exactly one."""
    for file, key in _PLACES:
        named = model.object(file).get(key)
        if isinstance(named, str) and is_base_name(named, model):
            return named.strip()
    named_by_card = front_matter_list(model.folder, "base_model")
    return named_by_card[0] if len(named_by_card) == 1 and is_base_name(named_by_card[0], model) else None


def is_base_name(text: str, model: Model) -> bool:
    """Whether ``text`` can be the path or id of another model: some tools write the folder they saved to."""
    text = text.strip()
    if not text.isprintable() or len(text) > _MOST_CHARACTERS or text.lower() in _NOBODY:
        return False
    own = model.folder.origin.label.rstrip("/\\")
    return bool(text.strip(" ./\\~")) and text.rstrip("/\\") != own
