"""What bits per character point to: which rules to look at, and why. None of it is certain.

Training on other texts moves them too: a fine-tune is seldom as good at everything as its base. So a fault is
named only where the difference is larger than training makes it, or has a shape that training has not.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from genfix.message import Message, message, text
from genfix.probe.likelihood.bits import ALL, Agreement, Group, growth_of, letters_need
from genfix.probe.likelihood.scored_texts import DIALOGUE
from genfix.probe.likelihood.token_scores import ScoredText

_MUCH: Final = 0.3
"""Share of the base's bits: fine-tuning on other texts seldom costs as much on prose, code and lists."""
_OTHER_CUT: Final = 1.12
"""Ratio of token counts; a few added tokens never change prose by as much."""
_GROWTH: Final = 2.0
"""How many times larger the difference is far into a text than at its beginning, where RoPE is at fault."""
_LEAST: Final = 0.1
"""Bits per character: below it nothing is pointed to."""
POINTED_TO: Final = frozenset({"GF301", "GF302", "GF303", "GF311", "GF402", "GF412", "GF443", "GF712"})
"""The rules that are named here."""
LANGUAGE_NAMES: Final[Mapping[str, Message]] = {"en": text("English"), "zh": text("Chinese")}


def judge(
    groups: Sequence[Group],
    run: Sequence[ScoredText],
    against: Sequence[ScoredText] | None,
    agreement: Agreement | None,
) -> tuple[Message, ...]:
    """What the numbers say, and what they point to."""
    by_name = {group.name: group for group in groups}
    if ALL not in by_name:
        return (message("likelihood-nothing", "no text was scored, so nothing is known of its likelihood"),)
    said = [*_alone(by_name, run)]
    if against is None:
        return (*said, message("likelihood-alone", "compare with the base (--against) to see what changed"))
    said.append(_overall(by_name[ALL]))
    said += _pointers(by_name, run, against)
    if agreement is not None:
        said.append(
            message(
                "likelihood-agreement",
                "in {share} % of {count} places both find the same token most likely; the mean divergence of "
                "their next tokens is at least {bits} bits",
                share=f"{agreement.same.value * 100:.1f}",
                count=agreement.places,
                bits=f"{agreement.divergence:.3f}",
            )
        )
    return tuple(said)


def _alone(by_name: Mapping[str, Group], run: Sequence[ScoredText]) -> list[Message]:
    """Languages in which it is worse than counting letters: no working model is."""
    said: list[Message] = []
    for name, language in LANGUAGE_NAMES.items():
        group = by_name.get(name)
        need = letters_need(one.text.text for one in run if one.text.language == name)
        if group is not None and group.run.per_character > need:
            said.append(
                message(
                    "likelihood-below-letters",
                    "{language} takes {bits} bits per character; how often its "
                    "letters occur needs only {need}: the text does not reach the model as it was trained "
                    "(GF302, GF412), or the weights are "
                    "not its own (GF443)",
                    language=language,
                    bits=f"{group.run.per_character:.2f}",
                    need=f"{need:.2f}",
                )
            )
    return said


def _overall(group: Group) -> Message:
    change = group.change
    if change is None or group.against is None:
        raise AssertionError("there is something to compare with")
    numbers = {
        "run": f"{group.run.per_character:.3f}",
        "against": f"{group.against.per_character:.3f}",
        "change": signed_bits(change.value),
    }
    if change.low is None or change.high is None:
        return message(
            "likelihood-few",
            "{run} bits per character against {against} ({change}); there are too few texts for an interval",
            **numbers,
        )
    bounds = {"low": signed_bits(change.low), "high": signed_bits(change.high)}
    if change.is_more:
        return message(
            "likelihood-more",
            "{run} bits per character against {against}: {change} ({low} to {high}) more; training on other "
            "texts costs some too",
            **numbers,
            **bounds,
        )
    if change.is_less:
        return message(
            "likelihood-less",
            "{run} bits per character against {against}: {change} ({low} to {high}), the texts are likelier",
            **numbers,
            **bounds,
        )
    return message(
        "likelihood-same",
        "{run} bits per character against {against}: no difference is shown, and it may lie anywhere from "
        "{low} to {high}",
        **numbers,
        **bounds,
    )


def _pointers(
    by_name: Mapping[str, Group], run: Sequence[ScoredText], against: Sequence[ScoredText]
) -> list[Message]:
    cut = _other_cut(by_name)
    if cut:
        return cut
    far = _far(run, against)
    if far is not None:
        return [far]
    much = [name for name, group in by_name.items() if is_much(group)]
    if DIALOGUE in much and not {*much} - {DIALOGUE, ALL}:
        return [
            message(
                "likelihood-dialogue",
                "only dialogues are much less likely: the chat template or the rows of its tokens are not "
                "those of the training (GF303), or the model was trained with another template",
            )
        ]
    languages = [name for name in LANGUAGE_NAMES if name in by_name]
    worse = [name for name in languages if name in much]
    if len(worse) == 1 and len(languages) > 1:
        return [
            message(
                "likelihood-language",
                "only {language} is much less likely, although it is cut into as many tokens: that is the "
                "training's data, or how the tokenizer cuts or normalizes that language (GF302, GF311)",
                language=LANGUAGE_NAMES[worse[0]],
            )
        ]
    if ALL in much:
        return [
            message(
                "likelihood-all",
                "all kinds of text are much less likely, from their first words on: look for rows of the "
                "embedding in another order (GF302, GF412), RoPE that is not set as in training (GF712), an "
                "adapter of another base (GF443) or fields of config.json that were lost (GF402); "
                "genfix check",
            )
        ]
    return []


def is_much(group: Group) -> bool:
    """Whether the difference is larger than training makes it."""
    change, against = group.change, group.against
    if change is None or against is None or not (change.is_more or change.low is None):
        return False
    return change.value > max(_LEAST, _MUCH * against.per_character)


def _other_cut(by_name: Mapping[str, Group]) -> list[Message]:
    """Where one cuts text into more tokens, and is worse for it: what is longer may be meant, in a new
    vocabulary.
    """
    found: list[Message] = []
    for name in ("en", "zh", "code"):
        group = by_name.get(name)
        if group is None or group.against is None or group.change is None:
            continue
        ours, theirs = group.run.tokens_per_character, group.against.tokens_per_character
        if 1 / _OTHER_CUT < ours / theirs < _OTHER_CUT or group.change.value < _LEAST:
            continue
        found.append(
            message(
                "likelihood-tokens",
                "{what} is cut into {ours} tokens per 100 characters, and by the other into {theirs}, and "
                "is less likely: the tokenizer lost merges or is another one (GF301, GF302, GF311); "
                "genfix check",
                what=LANGUAGE_NAMES.get(name, text("code")),
                ours=f"{ours * 100:.0f}",
                theirs=f"{theirs * 100:.0f}",
            )
        )
    return found


def _far(run: Sequence[ScoredText], against: Sequence[ScoredText]) -> Message | None:
    """Where the difference grows with the distance from the beginning."""
    growth = growth_of(run, against)
    if growth is None:
        return None
    near, far = growth
    if far.low <= max(near.high, _LEAST) or far.value < _GROWTH * max(near.value, 0.0):
        return None
    return message(
        "likelihood-far",
        "the difference grows with the distance from the beginning, from {near} bits per character to {far}: "
        "RoPE is not set as in training (GF712), or the context is shorter than these texts",
        near=signed_bits(near.value),
        far=signed_bits(far.value),
    )


def signed_bits(value: float) -> str:
    """A difference in bits, with its sign."""
    return f"{value:+.3f}"
