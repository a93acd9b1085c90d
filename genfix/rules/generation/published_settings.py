"""GF609: the settings of generation_config.json that the official model has which the folder is, by its own
files.

Who is right: the folder. The catalogue of official models is a weak witness: it stands in for a base that
nobody named.
"""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.folder.kinds import CONFIG, GENERATION_CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import Message, message
from genfix.model.purpose import generates
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Harm, Operation, RemoveField, SetField, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.rule import Rule, rule
from genfix.rules.generation.lost_settings import FROM_CONFIG
from genfix.rules.generation.setting_ranges import same_setting
from genfix.rules.stops.stop_set import named_ids, union, write_stop_ids


class _Published(NamedTuple):
    """What the official model has and the folder lacks."""

    model: str
    place: Message
    """Where that was read."""
    stops: tuple[int, ...]
    sampling: dict[str, JsonValue]


@rule(
    "GF609",
    "published-settings-lost",
    Severity.WARNING,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="answers run past their end where a turn ends with a tool call, say, or are sampled otherwise",
)
def _lost(context: Context, rule: Rule) -> Iterator[Finding]:
    """No base is named, the folder's own files show it to be one official model, and that model stops at
    tokens which `generation_config.json` here does not list, or is sampled with settings that are gone with
    the file.

    Why: Merges write the file anew, or leave it out. What only the base can know is then lost without a
    contradiction inside the folder: a second token that ends a turn (after a tool call, say), and the
    sampling settings that the authors chose.

    Fix: The official model's stop tokens are added, and its sampling settings where the file is missing, or
    was written anew from `config.json`.

    Safety: Unsafe: the facts are of a public copy of the model's files, whose place the finding names, and
    the model may have been trained on. Name the base with `--base`: then its own files are asked, and this
    rule is silent. It is silent too where several models have the folder's sizes, ids and chat template, and
    for a folder with a template of its own. A warning where a stop token is missing and weights are here,
    else information.

    Sources:
    - zai-org/GLM-4#297
    - the catalogue of official models: `genfix bases`
    """
    found = _published(context)
    if found is None:
        return
    merged = context.merged
    settings = merged.generation_config.value or {}
    is_harmful = bool(found.stops) and context.is_model
    yield rule.finding(
        GENERATION_CONFIG,
        _said(context, found),
        severity=Severity.WARNING if is_harmful else Severity.INFO,
        witness=Witness.FOLDER,
        current=settings.get("eos_token_id", Missing.MISSING),
        evidence=[found.place],
        engines=tuple(context.views),
        fix=Fix.unsafe(
            message(
                "why-published",
                "only the catalogue says so: name the base with --base {model}, and its own files are asked",
                model=found.model,
            ),
            *_operations(context, found),
        ),
    )


def _published(context: Context) -> _Published | None:
    """`None` where nothing is missing, or nobody can tell."""
    merged, file = context.merged, context.merged.generation_config
    if context.base is not None or file.unreadable or not merged.model_type or not generates(merged):
        return None
    # Imported here: with a base nobody asks the catalogue.
    from genfix.catalogue.identify import identify  # noqa: PLC0415

    row = identify(merged).named
    if row is None or (merged.chat_template is not None and "template" not in row.facts):
        return None
    read = row.source_of(GENERATION_CONFIG)
    is_lost = not file.present or (file.value or {}).get(FROM_CONFIG) is True
    now = context.views["transformers5"].stop_token_ids
    stops = tuple(stop for stop in row.stops if stop not in now and _is_token(context, stop))
    theirs = row.facts.get("sampling")
    sampling = {
        key: value
        for key, value in (theirs.items() if is_lost and isinstance(theirs, dict) else ())
        if not same_setting(key, (file.value or {}).get(key), value)
    }
    source = read or row.source_of(CONFIG)
    if source is None or not (stops or sampling):
        return None
    place = message(
        "evidence-published",
        "read in {repository} at {commit}: {file}",
        repository=source.repository,
        commit=source.commit[:12],
        file=source.file,
    )
    return _Published(row.id, place, stops, sampling)


def _is_token(context: Context, stop: int) -> bool:
    """Whether the folder has that token, under a name that its tables tell."""
    return context.same_token(stop) and context.merged.tokenizer.text(stop) is not None


def _said(context: Context, found: _Published) -> Message:
    if not found.stops:
        return message(
            "published-sampling-lost",
            "by its own files this is {model}, whose {keys} are lost here",
            model=found.model,
            keys=[*found.sampling],
        )
    return message(
        "published-stops-lost",
        "by its own files this is {model}, which also stops at {stops}",
        model=found.model,
        stops=named_ids(context, found.stops),
    )


def _operations(context: Context, found: _Published) -> Iterator[Operation]:
    file = context.merged.generation_config
    now = context.views["transformers5"].stop_token_ids
    if not file.present:
        made = write_stop_ids(context, union(now, found.stops))
        if made.kind == "write-file":
            document = {**json.loads(made.content), **found.sampling}
            ordered = {key: document[key] for key in sorted(document)}
            yield made._replace(content=(json.dumps(ordered, indent=2) + "\n").encode())
        return
    if found.stops:
        yield write_stop_ids(context, union(now, found.stops))
    for key, value in found.sampling.items():
        yield SetField(GENERATION_CONFIG, f"/{key}", value)
    if found.sampling:
        yield RemoveField(GENERATION_CONFIG, f"/{FROM_CONFIG}")


RULES: Final = (_lost,)
