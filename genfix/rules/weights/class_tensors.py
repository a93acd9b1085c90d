"""GF433 to GF436, GF418: the tensors that the class of config.json needs, and those that are there.

Who is right: the code of the class about which tensors it has, the weights about which there are. Without a
table of the class, the base about both.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from genfix.engines.modeling.module_lines import release
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.purpose import is_embedding_model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness, shown
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO, WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights import architecture, layer_counts, quantization, shapes
from genfix.rules.weights.class_fit import ClassFit, changed, fit_of, known_class
from genfix.rules.weights.shape_sizes import SizeFound, sizes_found

_NUMBER: Final = re.compile(r"(?<=\.)\d+(?=\.)")
_ARCHITECTURES: Final = "/architectures"
_HELPERS: Final = re.compile(r"(?:^|\.)(?:pooler|contact_head)\.")
"""Parts of a trunk that few who take it use, and many saves leave out."""


class _Told:
    """What is known of a folder, once other rules have said theirs."""

    def __init__(self, context: Context) -> None:
        self.context = context
        found = fit_of(context.merged)
        self.of_base = fit_of(context.base) if context.base is not None and _is_asked(found) else None
        if found is not None and _is_asked(found):
            is_part = _is_part(found) and (self.of_base is None or _is_part(self.of_base))
            found = None if is_part else _corrected(context, found)
        self.found = found

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the class makes up and nobody has explained; empty for a part of a model."""
        found, merged = self.found, self.context.merged
        if found is None or not merged.weights.is_whole:
            return ()
        lacks = found.lacks
        if found.owner.endswith("Model") or is_embedding_model(merged):
            lacks = tuple(name for name in lacks if not _HELPERS.search(name))
        return lacks

    @cached_property
    def news(self) -> tuple[str, ...]:
        """What of it is this folder's own fault: the base has it, or the rest of the folder says so."""
        of_base = self.of_base
        if of_base is None:
            return tuple(name for name in self.lacks if self.part_of(name) not in self.other_parts)
        theirs = {_form(name) for name in of_base.lacks}
        return tuple(name for name in self.lacks if _form(name) not in theirs)

    def part_of(self, name: str) -> str:
        """The path of the model in the model that a tensor belongs to."""
        parts = self.found.fit.parts if self.found is not None else ()
        return max((part for part in parts if not part or name.startswith(f"{part}.")), key=len, default="")

    @cached_property
    def other_parts(self) -> frozenset[str]:
        """Parts whose weights are of another making than the class, where no base tells.

        Biases, or several tensors, are absent in every layer alike, nothing stands there by another name, and
        the rest is there: no accident does that, and whoever wrote these weights may have a reader for them.
        """
        found = self.found
        if found is None:
            return frozenset()
        needed, lacking = Counter(map(_form, found.fit.needed)), Counter(map(_form, self.lacks))
        ends = {(self.part_of(name), _end(name)) for name in found.fit.unexpected}
        forms: dict[str, set[str]] = {}
        for name in self.lacks:
            forms.setdefault(self.part_of(name), set()).add(_form(name))
        whole = Counter(map(self.part_of, found.fit.needed))
        absent = Counter(map(self.part_of, self.lacks))
        return frozenset(
            part
            for part, names in forms.items()
            if all(lacking[form] == needed[form] for form in names)
            and (len(names) > _FEW or any(form.endswith(".bias") for form in names))
            and not any(part.startswith(of) and end in map(_end, names) for of, end in ends)
            and absent[part] < whole[part]
        )


_FEW: Final = 2


def _is_asked(found: ClassFit | None) -> bool:
    return found is not None and not found.is_clean


def _is_part(found: ClassFit) -> bool:
    """Whether there is less than half of what the class needs, under whatever prefix: of what it is a part,
    nobody can say.
    """
    ends = set(map(_end, found.fit.unexpected))
    gone = sum(_end(name) not in ends for name in found.lacks)
    return gone * 2 > len(found.fit.needed)



def _end(name: str) -> str:
    """The last module of a name, and its tensor."""
    return ".".join(_form(name).split(".")[-2:])


def _form(name: str) -> str:
    return _NUMBER.sub("*", name)


def _corrected(context: Context, found: ClassFit) -> ClassFit | None:
    """With what other rules say of config.json; `None` where they say all there is to say."""
    changes: list[tuple[str, JsonValue]] = []
    owner = found.owner
    for other in (*shapes.RULES, *layer_counts.RULES, *quantization.RULES, architecture.CLASS_RULE):
        for finding in other.check(context, other):
            expected = finding.expected
            if finding.file != CONFIG or finding.severity is Severity.INFO:
                continue
            if finding.pointer == _ARCHITECTURES:
                if not isinstance(expected, list):
                    return None
                owner = str(expected[0])
            elif finding.pointer and not isinstance(expected, Missing):
                changes.append((finding.pointer, expected))
            elif finding.pointer and not finding.pointer.endswith("quantization_config"):
                return None  # its own rule says that tensors are gone, and which
    return found.again(changed(found.config, changes), owner) if changes or owner != found.owner else found


def _told(context: Context) -> _Told:
    """Kept with the context: four rules ask."""
    known = context.notes.get("class tensors")
    if not isinstance(known, _Told):
        known = context.notes["class tensors"] = _Told(context)
    return known


@rule(
    "GF433",
    "class-tensors-missing",
    Severity.ERROR,
    question=WEIGHTS,
    shows="`newly initialized` tensors: parts of the model are random",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensors that the class of `config.json` needs are not in the weights, under any name that it reads.

    Why: transformers fills them with random numbers and says so in a warning; vLLM does not load, or leaves
    them empty. A save under another prefix, a merge that left out norms, a layer or the head, or a class of
    another kind than the tensors.

    Fix: The base's `architectures`, where the tensors fit that class whole. Else none: the weights have to be
    saved or merged again.

    Safety: Safe for the class, which every tensor confirms. What transformers renames, fuses and splits while
    it loads, ties to another tensor or allows to be absent is known from its code; a part of a class that is
    built in a way that cannot be followed is taken for whole. Information where the base lacks the same.
    Silent for code beside the model, and for folders with less than half of what the class needs, unless a
    base has more.

    Sources:
    - transformers 5.24.0: core_model_loading.py
    - transformers 5.24.0: conversion_mapping.py
    - huggingface/transformers#45534
    """
    told = _told(context)
    found = told.found
    if found is None or not told.lacks:
        return
    lacks = told.news or told.lacks
    fix = _class_fix(context, found) if told.news else _why_not(told)
    yield rule.finding(
        CONFIG if fix.operations else _file(context.merged),
        message(
            "class-tensors-missing",
            "transformers {version} makes up {count} of the {total} tensors of {owner} at random: {names}",
            version=release(),
            count=len(lacks),
            total=len(found.fit.needed),
            owner=found.owner,
            names=_examples(lacks),
        ),
        severity=rule.severity if told.news else Severity.INFO,
        witness=Witness.WEIGHTS,
        pointer=_ARCHITECTURES if fix.operations else None,
        current=context.merged.config["architectures"] if fix.operations else Missing.MISSING,
        evidence=[*_elsewhere(found)],
        engines=tuple(context.views) if told.news else (),
        fix=fix,
    )


def _why_not(told: _Told) -> Fix:
    if told.of_base is not None:
        return BASE_HAS_IT_TOO
    return Fix.manual(
        message(
            "why-of-other-making",
            "they are absent in all layers alike: the weights may be made for another reader; name the base, and "
            "genfix compares them with its own",
        )
    )


def _class_fix(context: Context, found: ClassFit) -> Fix:
    """The class that the tensors are of, where the base names it."""
    base = context.base
    name = known_class(base) if base is not None else None
    if base is not None and name is not None and name != found.owner:
        again = found.again(found.config, name)
        if again is not None and _fits_like(again, fit_of(base)) and "architectures" in base.config:
            return Fix.safe(
                message("why-class-fits", "all tensors are those of {owner}, the base's class", owner=name),
                CopyField(CONFIG, _ARCHITECTURES),
            )
    return WEIGHTS_LOST


def _fits_like(ours: ClassFit, theirs: ClassFit | None) -> bool:
    """Whether a class takes the tensors, or lacks and refuses no more than of the base's."""
    if ours.is_clean or theirs is None:
        return ours.is_clean
    lacks = {_form(name) for name in theirs.lacks}
    odd = {_form(each.name) for each in theirs.fit.mismatched}
    return all(_form(name) in lacks for name in ours.lacks) and all(
        _form(each.name) in odd for each in ours.fit.mismatched
    )


def _examples(names: Sequence[str]) -> list[JsonValue]:
    """One name of each form, with how many there are."""
    forms = Counter(map(_form, names))
    return shown(form if count == 1 else f"{form} ({count})" for form, count in forms.items())


def _elsewhere(found: ClassFit) -> Iterator[Message]:
    """Under which prefix, or by which names, the tensors may be there."""
    others = found.fit.unexpected
    if not others:
        return
    ends: dict[str, str] = {}
    for name in others:
        parts = name.split(".")
        ends |= {".".join(parts[place:]): ".".join(parts[:place]) for place in range(1, min(len(parts), 6))}
    prefixes = Counter(ends[name] for name in found.lacks if name in ends)
    if prefixes:
        prefix, count = prefixes.most_common(1)[0]
        yield message(
            "evidence-other-prefix",
            "{count} of them is there under the prefix {prefix}, where {owner} does not look",
            "{count} of them are there under the prefix {prefix}, where {owner} does not look",
            count=count,
            prefix=f"{prefix}.",
            owner=found.owner,
        )
        return
    yield message(
        "evidence-unread-names",
        "{count} tensor has a name that {owner} does not read: {names}",
        "{count} tensors have names that {owner} does not read: {names}",
        count=len(others),
        owner=found.owner,
        names=_examples(others),
    )


def _file(model: Model) -> str:
    files = model.weights.chosen.files
    return files[0] if files else CONFIG


@rule(
    "GF434",
    "tensor-shape-not-class",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: `size mismatch for ...`",
)
def _mismatched(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensors have other shapes than the class has with the sizes of `config.json`, and no other sizes
    explain them.

    Why: transformers does not load (`size mismatch`, `ignore_mismatched_sizes`), nor does vLLM: a tensor was
    transposed, cut or merged with that of another model.

    Fix: None.

    Safety: Manual: the weights have to be saved or merged again. Where other sizes fit all tensors, GF418
    names them. Information where the base has the same.

    Sources:
    - transformers 5.24.0: modeling_utils.py
    """
    told = _told(context)
    found = told.found
    if found is None or not found.fit.mismatched or sizes_found(found):
        return
    odd = found.fit.mismatched
    of_base = told.of_base
    if of_base is not None:
        theirs = {_form(each.name) for each in of_base.fit.mismatched}
        news = tuple(each for each in odd if _form(each.name) not in theirs)
    else:
        news = tuple(each for each in odd if told.part_of(each.name) not in told.other_parts)
    odd, is_new = news or odd, bool(news)
    first = odd[0]
    yield rule.finding(
        _file(context.merged),
        message(
            "tensor-shape-not-class",
            "{count} tensor has another shape than {owner} has by config.json: {name} is {shape}, not {wanted}",
            "{count} tensors have other shapes than {owner} has by config.json: {name} is {shape}, not {wanted}",
            count=len(odd),
            owner=found.owner,
            name=first.name,
            shape=[*first.shape],
            wanted=[size if size is not None else "?" for size in first.wanted],
        ),
        severity=rule.severity if is_new else Severity.INFO,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views) if is_new else (),
        fix=WEIGHTS_LOST if is_new else _why_not(told),
    )


@rule(
    "GF418",
    "size-not-in-shapes",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: `size mismatch for ...`",
)
def _sizes(context: Context, rule: Rule) -> Iterator[Finding]:
    """A size in `config.json` (of a layer, its heads, their keys and values, its experts) is not the one that
    the shapes in the weights have.

    Why: transformers and vLLM build the model by `config.json` and do not load tensors of other shapes.

    Fix: The size with which every tensor fits the class.

    Safety: Safe where that is one value, tried on all tensors. Unsafe where another key explains the same
    shapes as well.

    Sources:
    - transformers 5.24.0: modeling_utils.py
    """
    told = _told(context)
    if told.found is None or not told.found.fit.mismatched:
        return
    for size in sizes_found(told.found):
        yield rule.finding(
            CONFIG,
            message(
                "size-not-in-shapes",
                "says {value}; every tensor of {owner} fits with {expected}",
                value=size.current,
                expected=size.expected,
                owner=told.found.owner,
            ),
            witness=Witness.WEIGHTS,
            pointer=size.pointer,
            current=size.current,
            expected=size.expected,
            engines=tuple(context.views),
            fix=_size_fix(context, size),
        )


def _size_fix(context: Context, size: SizeFound) -> Fix:
    base = context.base
    is_of_base = base is not None and base.config_value(size.pointer.rpartition("/")[2]) == size.expected
    return Fix.safe_unless(
        None
        if size.is_only or is_of_base
        else message("why-other-size-fits", "another size explains the same shapes as well"),
        message("why-shapes-say", "the shapes of all tensors say so"),
        (SetField(CONFIG, size.pointer, size.expected),),
    )


@rule(
    "GF435",
    "tensors-without-data",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: `size mismatch ... torch.Size([0])`",
)
def _empty(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensors are saved without data: their shape is `[0]`.

    Why: ZeRO-3 and FSDP leave such stubs where the parts of a model were not gathered before it was saved.
    Nothing loads them.

    Fix: None.

    Safety: Manual: gather the weights and save again (`zero_to_fp32.py`, `accelerate merge-weights`), or
    merge the adapter into a base that is loaded whole. Information where the base has the same.

    Sources:
    - huggingface/peft#1381
    - transformers 5.24.0: modeling_utils.py
    """
    merged = context.merged
    empty = [name for name, tensor in merged.weights.tensors.items() if 0 in tensor.shape]
    if not empty:
        return
    base = context.base
    is_new = base is None or any(
        name not in base.weights.tensors or 0 not in base.weights.tensors[name].shape for name in empty
    )
    yield rule.finding(
        merged.weights.tensors[empty[0]].file,
        message(
            "tensors-without-data",
            "{count} tensor has no data, only a shape of 0: {names}",
            "{count} tensors have no data, only a shape of 0: {names}",
            count=len(empty),
            names=_examples(empty),
        ),
        severity=rule.severity if is_new else Severity.INFO,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views) if is_new else (),
        fix=Fix.manual(
            message(
                "why-gather-weights",
                "gather the weights and save again: `zero_to_fp32.py` of the checkpoint, or "
                "`accelerate merge-weights`",
            )
        )
        if is_new
        else BASE_HAS_IT_TOO,
    )


RULES: Final = (_sizes, _missing, _mismatched, _empty)
