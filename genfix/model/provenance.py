"""Which base a folder says it was made from: a hint, never a proof.

The places in the order of how exact they are; what tools write there was seen by running them.
"""

from typing import Final

from genfix.model.front_matter import card_text, front_matter_list
from genfix.model.model import Model

_PLACES: Final = (
    ("args.json", "model"),  # ms-swift: what the user typed
    ("sft_args.json", "model_id_or_path"),  # ms-swift before 3.0
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
    by_card = front_matter_list(model.folder, "base_model")
    if len(by_card) != 1 or not is_base_name(by_card[0], model):
        return None
    # Imported here: few folders come as far.
    from genfix.model.siblings import chat_sibling_on_card  # noqa: PLC0415

    return by_card[0] if chat_sibling_on_card(card_text(model.folder), by_card[0]) is None else None


def is_base_name(text: str, model: Model) -> bool:
    """Whether ``text`` can be the path or id of another model: some tools write the folder they saved to.

    An address with a user's name or a query may hold a token, and is never repeated.
    """
    text = text.strip()
    _, is_address, rest = text.partition("://")
    if is_address and ("@" in rest.partition("/")[0] or "?" in rest):
        return False
    if not text.isprintable() or len(text) > _MOST_CHARACTERS or text.lower() in _NOBODY:
        return False
    own = model.folder.origin.label.rstrip("/\\")
    return bool(text.strip(" ./\\~")) and text.rstrip("/\\") != own
