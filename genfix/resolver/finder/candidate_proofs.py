"""What speaks for a candidate, and in which answers several that remain differ, a sentence each."""

from collections.abc import Iterator, Mapping, Sequence

from genfix.catalogue.identify import Match, described, unread_relatives
from genfix.json_types import JsonValue
from genfix.message import Arg, Message, text
from genfix.model import Model
from genfix.model.chat_template import rendered_form
from genfix.model.sizes import context_length, sizes
from genfix.resolver.finder.lineage import stop_set, with_tokens
from genfix.resolver.finder.weight_likeness import Likeness


def proofs(merged: Model, base: Model, likeness: Likeness | None) -> Iterator[Message]:
    """The facts in which the two agree."""
    ours, theirs = sizes(merged), sizes(base)
    equal = [name for name in ours if ours[name] == theirs.get(name)]
    if equal:
        yield text("{count} size is equal", "{count} sizes are equal", count=len(equal))
    left, right = merged.tokenizer.ids, base.tokenizer.ids
    shared = sum(1 for token, number in left.items() if right.get(token) == number)
    if shared:
        yield text(
            "{count} added token has the same id", "{count} added tokens have the same ids", count=shared
        )
    if likeness is None:
        yield text("no weights could be compared")
    else:
        yield weights_said(likeness)


def weights_said(likeness: Likeness) -> Message:
    """What the samples of the weights say."""
    args: dict[str, Arg] = {"equal": likeness.equal, "compared": likeness.compared}
    if likeness.is_same_line:
        return text(
            "{equal} of {compared} sampled tensors are equal, number for number: its line is proven", **args
        )
    percent = f"{100 * likeness.distance:.2g}"
    return text("the sampled tensors differ from its own by {percent} %", percent=percent)


def differences(bases: Sequence[Model]) -> Iterator[Message]:
    """The questions that these models answer differently."""
    answers = [_answers(base) for base in bases]
    for question, name in _QUESTIONS.items():
        given = [answer[question] for answer in answers]
        if any(value != given[0] for value in given):
            yield name
    told = [(base, stop_set(base)) for base in bases]
    if len({stops for _, stops in told}) > 1:
        for base, stops in told:
            yield text(
                "{base} stops at {stops}",
                base=base.folder.origin.label,
                stops=with_tokens(base, stops) if stops else text("nothing"),
            )


def _answers(base: Model) -> Mapping[str, JsonValue]:
    settings = base.generation_config.value or {}
    template = base.chat_template
    return {
        "stops": [*sorted(stop_set(base))],
        "template": rendered_form(template.text) if template is not None else None,
        "sampling": {key: settings.get(key) for key in ("do_sample", "temperature", "top_p", "top_k")},
        "context": context_length(base),
    }


_QUESTIONS: Mapping[str, Message] = {
    "stops": text("where it stops"),
    "template": text("the chat template"),
    "sampling": text("the sampling settings"),
    "context": text("the context length"),
}


def identity_said(match: Match) -> Message:
    """What the catalogue says of an official model that the folder may be."""
    row = match.row
    read = next((source.repository for source in row.sources if source.file.endswith(".json")), "")
    args: dict[str, Arg] = {"model": row.id, "source": read}
    if row.stops:
        args["stops"] = [*row.stops]
        return text(
            "by type, sizes, vocabulary and special ids this is {model}, whose stop set is {stops} "
            "(read in {source})",
            **args,
        )
    return text("by type, sizes, vocabulary and special ids this is {model} (read in {source})", **args)


def doubt_said(matches: Sequence[Match]) -> Message:
    """What the catalogue says where several models have these sizes, or none has every fact."""
    alike = [match.row.id for match in matches if not match.differing]
    if alike:
        unread = [name for match in matches[:1] for name in unread_relatives(match.row)]
        args: dict[str, Arg] = {"models": [*alike], "others": [*unread[:4]]}
        if unread:
            return text(
                "its sizes and ids are those of {models}; of its relatives ({others} ...) only names are "
                "known, so nothing tells them apart",
                **args,
            )
        return text("its sizes and ids are those of {models}, which nothing here tells apart", **args)
    return text(
        "its sizes are those of {models}, and it differs from the first in: {differing}",
        models=[match.row.id for match in matches[:6]],
        differing=tuple(described(matches[0].differing)),
    )
