"""At which tokens llama.cpp's runtime ends, whatever a GGUF says.

Read in llama.cpp b11312: src/llama-vocab.cpp (``llama_vocab::impl::load``).
"""

from collections.abc import Mapping
from typing import Final

USUAL_EOS: Final = 11
"""The end of a BPE vocabulary whose file names none, or one beyond its last id."""
_ENDS: Final = (
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",  # noqa: RUF001 - DeepSeek's own characters
    "[e~[",
)
_FILL: Final = (
    ("<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"),
    ("<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"),
    ("<|file_sep|>",),
)
"""Texts of tokens for filling in the middle; of each kind, one ends generation too."""
_END: Final = "<|end|>"
_CHANNELS: Final = (("<|return|>", ("<|call|>", "<|calls|>")), ("<|flush|>", ("<|call|>", "<|calls|>")))
"""With a token of both sides, ``<|end|>`` only ends a message, and not the turn."""
_NORMAL_S: Final = ("<|tool_response>", "<|plamo:eos|>")
"""With one of these, ``</s>`` is an ordinary token."""


def ends_by_text(ids: Mapping[str, int]) -> list[int]:
    """Which of the tokens ``ids`` end generation by their text alone."""
    ends = {text: ids[text] for text in _ENDS if text in ids}
    for texts in _FILL:
        found = next((text for text in texts if text in ids), None)
        if found is not None:
            ends[found] = ids[found]
    return [ends[text] for text in ends if not _is_taken_back(text, ends)]


def _is_taken_back(text: str, ends: Mapping[str, int]) -> bool:
    if text == _END:
        return any(one in ends and any(other in ends for other in others) for one, others in _CHANNELS)
    return text == "</s>" and any(marker in ends for marker in _NORMAL_S)
