"""What is known of the tensors of a folder and its class, once other rules have said theirs of config.json.

The code of the class is right about which tensors it has, the weights about which there are, and the base
about what was never there.
"""

import re
from collections import Counter
from collections.abc import Collection
from functools import cached_property
from typing import Final

from genfix.folder import is_far
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import message
from genfix.model import Model
from genfix.model.purpose import is_embedding_model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Fix, Severity
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.weights import architecture, layer_counts, quantization, shapes
from genfix.rules.weights.class_fit import ClassFit, changed, fit_of
from genfix.rules.weights.examples import end_of, form_of

__all__ = ["Judgement", "judgement", "weight_file", "why_no_repair"]

_NOTE: Final = "class tensors"
_ARCHITECTURES: Final = "/architectures"
_HELPERS: Final = r"(?:^|\.)(?:pooler|contact_head)\."
"""Parts of a trunk that few who take it use, and many saves leave out."""


class Judgement:
    """What is known of a folder, once other rules have said theirs."""

    def __init__(self, context: Context) -> None:
        self.context = context
        found = self._as_named = fit_of(context.merged)
        if found is not None and not found.is_clean:
            found = None if self._is_stand_in(found) else _corrected(context, found)
        self.found = found

    @cached_property
    def of_base(self) -> ClassFit | None:
        """How the base fits its own class; `None` without one, and where nobody needs to know."""
        base, found = self.context.base, self._as_named
        return None if base is None or found is None or found.is_clean else fit_of(base)

    def _is_stand_in(self, found: ClassFit) -> bool:
        """Whether nothing is to be told of; a base that is elsewhere is asked for no header for that."""
        if not found.is_stand_in:
            return False
        base = self.context.base
        return base is None or is_far(base.folder) or self.of_base is None or self.of_base.is_stand_in

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the class makes up and nobody has explained; empty for a part of a model."""
        found, merged = self.found, self.context.merged
        if found is None or not merged.weights.is_whole:
            return ()
        lacks = found.lacks
        is_embedding = is_embedding_model(merged)
        if found.owner.endswith("Model") or is_embedding:
            has_helpers = not is_embedding and self.of_base is not None and not self.of_base.lacks
            lacks = tuple(name for name in lacks if has_helpers or not re.search(_HELPERS, name))
        return lacks

    @cached_property
    def news(self) -> tuple[str, ...]:
        """What of it is this folder's own fault: the base has it, or the rest of the folder says so."""
        of_base = self.of_base
        if of_base is None:
            return tuple(name for name in self.lacks if self.part_of(name) not in self.other_parts)
        theirs = {form_of(name) for name in of_base.lacks}
        return tuple(name for name in self.lacks if form_of(name) not in theirs)

    def part_of(self, name: str) -> str:
        """The path of the model in the model that a tensor belongs to."""
        parts = self.found.fit.parts if self.found is not None else ()
        return max((part for part in parts if not part or name.startswith(f"{part}.")), key=len, default="")

    @cached_property
    def other_parts(self) -> frozenset[str]:
        """Parts whose weights are of another making than the class, where no base tells.

        Tensors are absent in every layer alike, nothing stands there by another name, and the rest is there;
        of a tower several, of a language model biases, each with all of its kind, or what others have in two
        tensors, and no matrix: whoever wrote these weights may have a reader for them.
        """
        found = self.found
        if found is None:
            return frozenset()
        from genfix.rules.weights.lone_biases import has_lone_biases  # noqa: PLC0415 - few folders lack tensors

        needed, lacking = Counter(map(form_of, found.fit.needed)), Counter(map(form_of, self.lacks))
        ends = {(self.part_of(name), end_of(name)) for name in found.fit.unexpected}
        forms: dict[str, set[str]] = {}
        for name in self.lacks:
            forms.setdefault(self.part_of(name), set()).add(form_of(name))
        whole = Counter(map(self.part_of, found.fit.needed))
        absent = Counter(map(self.part_of, self.lacks))
        return frozenset(
            part
            for part, names in forms.items()
            if all(lacking[form] == needed[form] for form in names)
            and not has_lone_biases(names, [form for form in needed if part in ("", self.part_of(form))])
            and (_is_other_tower(names) or self._is_other_layout(names))
            and not any(part.startswith(of) and end in map(end_of, names) for of, end in ends)
            and absent[part] < whole[part]
        )

    def _is_other_layout(self, names: Collection[str]) -> bool:
        """Whether biases, or tensors that stand here in two, are absent, and no matrix else."""
        from genfix.weights.weight_parts import Part, part_of  # noqa: PLC0415 - as above

        unread = set(map(end_of, self.found.fit.unexpected)) if self.found is not None else set()
        split = [form for form in names if (ends := _halves(form)) and unread.issuperset(ends)]
        matrices = [form for form in names if form.endswith(".weight") and part_of(form) is not Part.NORMS]
        has_reason = bool(split) or any(form.endswith(".bias") for form in names)
        return has_reason and len(matrices) == len(split)


_FEW: Final = 2


def _is_other_tower(names: Collection[str]) -> bool:
    from genfix.weights.weight_parts import Part, part_of  # noqa: PLC0415 - as above

    return len(names) > _FEW and all(part_of(name) in (Part.VISION, Part.AUDIO) for name in names)


def _halves(form: str) -> list[str]:
    """By what names others have a tensor in several: ``gate_up_proj`` as ``gate_proj`` and ``up_proj``."""
    module, _, end = form.split(".")[-2].rpartition("_")
    parts = ["q", "k", "v"] if module == "qkv" else module.split("_")
    return [f"{part}_{end}.weight" for part in parts] if len(parts) > 1 else []


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


def judgement(context: Context) -> Judgement:
    """Kept with the context: four rules ask."""
    known = context.notes.get(_NOTE)
    if not isinstance(known, Judgement):
        known = context.notes[_NOTE] = Judgement(context)
    return known


def why_no_repair(told: Judgement) -> Fix:
    """Why it is information."""
    if told.of_base is not None:
        return BASE_HAS_IT_TOO
    return Fix.manual(
        message(
            "why-of-other-making",
            "they are absent in all layers alike: the weights may be made for another reader; name "
            "the base, and genfix compares them with its own",
        )
    )


def weight_file(model: Model) -> str:
    """The weights that are meant."""
    files = model.weights.chosen.files
    return files[0] if files else CONFIG
