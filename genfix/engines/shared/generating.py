"""What ``generate()`` of transformers makes of the token ids in a generation config.

Read in transformers 5.23.0 and 4.57.6: generation/utils.py (``_prepare_special_tokens``: each value goes
through ``torch.tensor(value, dtype=torch.long)``), generation/stopping_criteria.py (``EosTokenCriteria``:
``torch.isin``), generation/configuration_utils.py (``validate``).
"""

from typing import Final, NamedTuple

from genfix.engines.shared.common import is_no_object
from genfix.engines.shared.view import Effect, Problem
from genfix.engines.shared.wording import UNREADABLE_GENERATION_CONFIG, no_answer_for_eos
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import message
from genfix.model import JsonFile

SAMPLING: Final = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "num_beams",
    "max_length",
    "max_new_tokens",
)
"""Settings of a generation config that decide how tokens are drawn, and how many."""
DEFAULTS: Final[JsonObject] = {
    "do_sample": False,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "num_beams": 1,
    "max_length": 20,
    "min_length": 0,
    "use_cache": True,
    "early_stopping": False,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "num_return_sequences": 1,
    "output_scores": False,
    "output_logits": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "return_dict_in_generate": False,
    "remove_invalid_values": False,
    "renormalize_logits": False,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "encoder_repetition_penalty": 1.0,
}
"""What ``generate()`` uses for an absent key (transformers 5.23 and 4.57.6): equal to absent.

transformers 4 has the same in `GenerationConfig` itself: in config.json these do not count as set.
"""
_LONG: Final = 2**63
_OTHERS: Final = ("bos_token_id", "pad_token_id", "decoder_start_token_id")


class Ends(NamedTuple):
    """The ids that end generation, and why a request fails."""

    ids: tuple[int, ...]
    problems: tuple[Problem, ...] = ()


class _Tensor(NamedTuple):
    values: tuple[int, ...]
    shape: tuple[int, ...] = ()


def generated_ends(values: JsonObject, source: str) -> Ends:
    """Of a generation config with ``values``, which come from the file ``source``.

    Numbers are cut to integers and ``true`` is 1, as torch has it; lists in lists count with all their
    entries.
    """
    for key in _OTHERS:
        if values.get(key) is not None and _tensor(values[key]) is None:
            return Ends((), (_no_id(key, source),))
    eos = values.get("eos_token_id")
    if eos is None:
        return Ends(())
    tensor = _tensor(eos)
    if tensor is None:
        return Ends((), (_text_for_eos(source) if _has_text(eos) else no_answer_for_eos(source),))
    ids = tuple(dict.fromkeys(number for number in tensor.values if number >= 0))
    # Without a pad token, the first row of EOS ids is it, and is to be one number.
    if values.get("pad_token_id") is None and (0 in tensor.shape or tensor.shape[1:] not in {(), (1,)}):
        return Ends(ids, (_no_padding(source),))
    return Ends(ids)


def _no_id(key: str, source: str) -> Problem:
    return Problem(
        message(
            "engine-fails-on-id",
            "generate() fails on {key} of {file}: it is no token id",
            key=key,
            file=source,
        ),
        Effect.NO_ANSWER,
    )


def _text_for_eos(source: str) -> Problem:
    return Problem(
        message(
            "engine-fails-on-text-eos", "generate() fails on the text in eos_token_id of {file}", file=source
        ),
        Effect.NO_ANSWER,
    )


def _no_padding(source: str) -> Problem:
    return Problem(
        message(
            "engine-fails-on-eos-for-pad",
            "generate() fails: there is no pad_token_id, and eos_token_id of {file} has none to take",
            file=source,
        ),
        Effect.NO_ANSWER,
    )


def setting_problems(file: JsonFile, settings: JsonObject, major: int = 5) -> tuple[Problem, ...]:
    """Why transformers of this version makes no generation config of ``file``, or of the ``settings`` that
    stand for it.

    Only a file that is missing or is no JSON has a substitute; one that is no object raises.
    """
    if is_no_object(file):
        return (UNREADABLE_GENERATION_CONFIG,)
    pad, most = settings.get("pad_token_id"), settings.get("max_new_tokens")
    if pad is not None and not isinstance(pad, int | float):
        key = "pad_token_id"
    elif most is not None and (not isinstance(most, int | float) or most <= 0):
        key = "max_new_tokens"
    elif not _stops_early(settings, major):
        key = "early_stopping"
    elif _wants_too_many(settings, major):
        key = "num_return_sequences"
    else:
        return ()
    source = CONFIG if file.value is None else file.name
    return (
        Problem(
            message(
                "engine-cannot-take-setting",
                "it does not take the value of {key} in {file}",
                key=key,
                file=source,
            )
        ),
    )


def _stops_early(settings: JsonObject, major: int) -> bool:
    """Whether this is a flag or ``never``; version 4 takes no null for one."""
    value = settings.get("early_stopping", False)
    if value is None:
        return major > 4
    return value == "never" or (isinstance(value, int | float) and value in {0, 1})


def _wants_too_many(settings: JsonObject, major: int) -> bool:
    """Several answers, without chance all the same, or more than there are beams.

    Version 4 takes any number but 1 for several.
    """
    answers, beams = settings.get("num_return_sequences", 1), settings.get("num_beams", 1)
    single = beams == 1 or (beams is None and major > 4)
    if major == 4:
        if answers == 1:
            return False
        greedy = settings.get("do_sample", False) is False
    else:
        if answers is None:
            return False
        if not isinstance(answers, int | float):
            return True
        if answers <= 1:
            return False
        greedy = not settings.get("do_sample")
    if single:
        return greedy
    return isinstance(answers, int | float) and isinstance(beams, int | float) and answers > beams


def _tensor(value: JsonValue) -> _Tensor | None:
    """As ``torch.tensor(value, dtype=torch.long)``; `None` where it raises."""
    if isinstance(value, list):
        rows = [_tensor(entry) for entry in value]
        known = [row for row in rows if row is not None]
        if len(known) < len(rows) or len({row.shape for row in known}) > 1:
            return None
        return _Tensor(
            tuple(number for row in known for number in row.values),
            (len(known), *(known[0].shape if known else ())),
        )
    if not isinstance(value, int | float) or not -_LONG <= value < _LONG:  # nor NaN
        return None
    return _Tensor((int(value),))


def _has_text(value: JsonValue) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and any(map(_has_text, value)))
