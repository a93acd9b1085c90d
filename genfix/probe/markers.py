"""The tokens of a chat template that must not be in an answer: of a folder, or of the well-known families."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from genfix.model import Model
from genfix.model.template_scan import unique
from genfix.model.turn_ends import TurnEnds

_CHATML: Final = ("<|im_start|>", "<|im_end|>")
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "ChatML": (*_CHATML, "<|im_user|>", "<|im_assistant|>", "<|im_system|>"),
    "GLM-4": ("<|user|>", "<|assistant|>", "<|system|>", "<|observation|>", "[gMASK]", "<sop>", "<eop>"),
    "Llama 2": ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "</s>"),
    "Llama 3": ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "Llama 4": ("<|header_start|>", "<|header_end|>", "<|eot|>"),
    "Gemma": ("<start_of_turn>", "<end_of_turn>", "<|turn>", "<turn|>"),
    "DeepSeek": ("<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
    "InternLM": ("<|action_start|>", "<eoa>", "<eoh>"),
    "Command R": ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
    "others": ("<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<|return|>"),
    "Granite": ("<|end_of_role|>", "<|end_of_turn|>"),
}  # fmt: skip
"""Role tokens and turn ends; each is a text that no person writes."""

_OF_USER: Final = re.compile(r"user|human|\[INST\]|用户", re.IGNORECASE)
_INSIDE: Final = re.compile(
    r"think|thought|reason|tool_call|tool_sep|function|parameter|action|python_tag|channel|message|call"
    r"|constrain|arg_(key|value)|answer|box|image|video|audio|vision|content",
    re.IGNORECASE,
)
"""Names of tokens that stand inside an assistant's turn by right. A tool's turn is none: ``<tool_response>``
is a leak."""


@dataclass(frozen=True, slots=True)
class Markers:
    """What to look for in an answer."""

    tokens: tuple[str, ...]
    """Role tokens and turn ends."""
    ends: tuple[str, ...] = ()
    """Those that end an assistant's turn; empty: not known."""
    ids: Mapping[int, str] | None = None
    """Added tokens by id, where the folder is known."""

    def opens_user_turn(self, token: str) -> bool:
        """Whether a token opens the user's turn, as far as its name says."""
        return bool(_OF_USER.search(token))


def markers_of(model: Model | None) -> Markers:
    """The markers of a folder's chat template; without one, or where it does not render, of the known
    families.
    """
    known = unique(token for family in FAMILIES.values() for token in family)
    ends = model.turn_ends if model is not None else None
    if model is None or not isinstance(ends, TurnEnds):
        return Markers(known, ids=model.tokenizer.texts if model is not None else None)
    own = [token for token in (*ends.tokens, *ends.literals) if token.strip() and not _INSIDE.search(token)]
    stops = [token for token in ends.tokens if token.strip()]
    eos = model.tokenizer.eos_token
    stops += [eos] if eos else []  # no template's end, but a model that writes it has ended its turn
    return Markers(unique([*stops, *own, *known]), unique(stops), model.tokenizer.texts)
