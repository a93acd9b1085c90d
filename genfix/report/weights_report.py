"""What the weights say, for people and for machines."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from genfix.api.weight_report import ClassTensors, WeightReport
from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.report.json import SCHEMA_VERSION
from genfix.report.layout import columns, pad, wrap
from genfix.report.style import Style
from genfix.show import show
from genfix.weights.merge_proof import MergeProof, Verdict
from genfix.weights.merge_replay import Kind
from genfix.weights.tensor_comparison import State
from genfix.weights.weight_parts import PartFacts, parts_of

_INDENT: Final = "  "
_NAMED: Final = 12
"""So many matrices, or tensors, are listed."""
STATES: Final[Mapping[State, Message]] = {
    State.UNTOUCHED: text("untouched"),
    State.TUNED: text("tuned"),
    State.RESHAPED: text("reshaped"),
    State.ADDED: text("added"),
    State.LOST: text("lost"),
    State.UNSEEN: text("not looked at"),
    State.MISSING: text("missing"),
}
VERDICTS: Final[Mapping[Verdict, Message]] = {
    Verdict.MERGED: text("merged as the adapter says"),
    Verdict.NOT_MERGED: text("not merged"),
    Verdict.PARTLY: text("merged in part"),
    Verdict.SCALED: text("merged at another scale"),
    Verdict.OTHER: text("another adapter, or another training"),
    Verdict.UNTOLD: text("cannot be told"),
}
KINDS: Final[Mapping[Kind, Message]] = {
    Kind.HAS: text("has the update"),
    Kind.BASE: text("is the base's"),
    Kind.SCALED: text("has the update at another scale"),
    Kind.OTHER: text("differs in another way"),
    Kind.HIDDEN: text("hidden by rounding"),
    Kind.NOTHING: text("has nothing to change"),
}


def _counted(kind: Kind, count: int) -> Message:
    """How many matrices show something."""
    match kind:
        case Kind.HAS:
            return text("{count} has the update", "{count} have the update", count=count)
        case Kind.BASE:
            return text("{count} is the base's", "{count} are the base's", count=count)
        case Kind.SCALED:
            return text("{count} has it at another scale", "{count} have it at another scale", count=count)
        case Kind.OTHER:
            return text("{count} differs in another way", "{count} differ in another way", count=count)
        case Kind.HIDDEN:
            return text("{count} hidden by rounding", count=count)
        case Kind.NOTHING:
            return text("{count} with nothing to change", count=count)


def weights_text(report: WeightReport, style: Style) -> str:
    """The parts as a table, what was added and lost, and the proof."""
    lines = [*_table(report, style)]
    for state in (State.LOST, State.ADDED, State.RESHAPED):
        names = [show(tensor.name) for tensor in report.tensors if tensor.state is state]
        lines += _list(style.words(STATES[state]), names, style)
    for title, said in class_lists(report.of_class, style):
        lines += _list(title, said, style)
    if report.proof is not None:
        lines += ["", *_proof(report, report.proof, style)]
    return "\n".join(lines)


def weights_summary(report: WeightReport, style: Style) -> str:
    """How many tensors there are, and of how many what is known."""
    number = style.text("{count} tensor", "{count} tensors", count=len(report.tensors))
    states = _counted_states(Counter(tensor.state for tensor in report.tensors), style)
    return f"{number}{style.text(', ')}{states}" if report.is_compared else number


def _list(title: str, names: Sequence[str], style: Style) -> Iterator[str]:
    if names:
        yield from ("", style.mark(f"{title} ({len(names)})", "bold"))
        yield from (f"{_INDENT}{name}" for name in names[:_NAMED])
        yield from [f"{_INDENT}…"] if len(names) > _NAMED else []


def class_lists(found: ClassTensors | None, style: Style) -> Iterator[tuple[str, Sequence[str]]]:
    """What the class lacks, cannot take and does not read: a title and lines each."""
    if found is None:
        return
    missing = text(
        "missing: transformers {version} makes them up for {owner}", version=found.release, owner=found.owner
    )
    yield style.words(missing), [show(name) for name in found.missing]
    yield (
        style.text("of another shape than {owner} has by config.json", owner=found.owner),
        [
            style.text(
                "{name} has {shape}, not {wanted}",
                name=each.name,
                shape=str([*each.shape]),
                wanted=str([size if size is not None else "?" for size in each.wanted]),
            )
            for each in found.misshapen
        ],
    )
    unread = style.text("not read by {owner}", owner=found.owner)
    yield unread, [show(name) for name in found.unread]


def size_text(size: int) -> str:
    """Bytes as people read them."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def states_text(facts: PartFacts, style: Style) -> str:
    """How many tensors of each state; the bare word where all are of one."""
    return _counted_states(facts.states, style)


def _counted_states(states: Mapping[State, int], style: Style) -> str:
    found = [(state, states[state]) for state in State if states.get(state)]
    if len(found) == 1:
        return style.words(STATES[found[0][0]])
    return style.text(", ").join(f"{count} {style.words(STATES[state])}" for state, count in found)


def _table(report: WeightReport, style: Style) -> Iterator[str]:
    parts = parts_of(report.tensors, is_compared=report.is_compared)
    rows = [
        (
            style.words(facts.part.label),
            style.text("{count} tensor", "{count} tensors", count=facts.tensors),
            size_text(facts.size),
            " ".join(sorted(facts.dtypes)),
            states_text(facts, style),
        )
        for facts in parts
    ]
    widths = [max((columns(row[at]) for row in rows), default=0) for at in range(5)]
    if report.unopened:
        names: list[JsonValue] = [*report.unopened[:_NAMED]]
        yield from wrap(
            style.text("not opened, so nothing is known of what is in them: {names}", names=names), style.room
        )
    for row in rows:
        cells = [pad(cell, width) for cell, width in zip(row, widths, strict=True)]
        yield f"{_INDENT}{'   '.join(cells)}".rstrip()


def _proof(report: WeightReport, proof: MergeProof, style: Style) -> Iterator[str]:
    color = {Verdict.MERGED: "green", Verdict.UNTOLD: "yellow"}.get(proof.verdict, "red")
    yield style.mark(style.text("the adapter {adapter}: ", adapter=report.adapter), "bold") + style.mark(
        verdict_text(proof, style), color
    )
    if proof.reason is not None:
        yield from wrap(style.words(proof.reason), style.room, _INDENT)
    yield from wrap(style.text(", ").join(figures(proof, style)), style.room, _INDENT)
    fine = (Kind.HAS, Kind.NOTHING, Kind.HIDDEN)
    odd = [matrix for matrix in proof.matrices if matrix.kind not in fine]
    if len({matrix.kind for matrix in odd}) == 1 and len(odd) == proof.shown:
        return  # the verdict says it of all
    for matrix in odd[:_NAMED]:
        said = style.words(KINDS[matrix.kind]) if matrix.kind is not None else ""
        if matrix.kind is Kind.SCALED:
            said = style.text("has the update {scale} times", scale=float(f"{matrix.scale:.3g}"))
        if matrix.reason is not None:
            said = style.words(matrix.reason)
        yield f"{_INDENT}{show(matrix.label)}{style.text(': ')}{said}"
    if len(odd) > _NAMED:
        yield f"{_INDENT}…"


def verdict_text(proof: MergeProof, style: Style) -> str:
    """The verdict, with the scale where that is it."""
    if proof.verdict is Verdict.SCALED:
        return style.text("merged at {scale} times its scale", scale=float(f"{proof.scale:.3g}"))
    return style.words(VERDICTS[proof.verdict])


def figures(proof: MergeProof, style: Style) -> Sequence[str]:
    """How many matrices show what, and what that cost."""
    counts = {kind: len(proof.labels(kind)) for kind in Kind}
    found = [style.words(_counted(kind, count)) for kind, count in counts.items() if count]
    looked = sum(matrix.kind is not None for matrix in proof.matrices)
    return [
        style.text("{count} of {total} matrices looked at", count=looked, total=proof.total),
        *found,
        style.text("{size} read", size=size_text(proof.spent.data)),
    ]


def weights_json(report: WeightReport) -> JsonValue:
    """By the schema that ships as ``genfix/report/schemas/weights.schema.json``."""
    parts = parts_of(report.tensors, is_compared=report.is_compared)
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "base": report.base,
        "adapter": report.adapter,
        "files": [*report.files],
        "unopened": [*report.unopened],
        "parts": [_part_json(facts) for facts in parts],
        "tensors": [
            {
                "name": tensor.name,
                "dtype": tensor.tensor.dtype,
                "shape": [*tensor.tensor.shape],
                "bytes": tensor.tensor.size,
                "file": tensor.tensor.file if tensor.state is not State.LOST else None,
                "state": str(tensor.state) if report.is_compared else None,
            }
            for tensor in report.tensors
        ],
        "class": _class_json(report.of_class) if report.of_class is not None else None,
        "proof": _proof_json(report.proof) if report.proof is not None else None,
        "read": {"bytes": report.spent.data, "requests": report.spent.requests},
        "notes": [*map(str, report.notes)],
    }


def _part_json(facts: PartFacts) -> JsonValue:
    return {
        "part": str(facts.part),
        "tensors": facts.tensors,
        "parameters": facts.parameters,
        "bytes": facts.size,
        "dtypes": {name: facts.dtypes[name] for name in sorted(facts.dtypes)},
        "states": {str(state): facts.states[state] for state in State if facts.states.get(state)},
    }


def _class_json(found: ClassTensors) -> JsonValue:
    return {
        "name": found.owner,
        "transformers": found.release,
        "needed": found.needed,
        "missing": [*found.missing],
        "misshapen": [
            {"name": each.name, "shape": [*each.shape], "wanted": [*each.wanted]} for each in found.misshapen
        ],
        "unread": [*found.unread],
    }


def _proof_json(proof: MergeProof) -> JsonValue:
    return {
        "verdict": str(proof.verdict),
        "scale": proof.scale if proof.verdict in (Verdict.SCALED, Verdict.MERGED) else None,
        "reason": {"id": proof.reason.id, "text": str(proof.reason)} if proof.reason is not None else None,
        "changes": proof.total,
        "matrices": [
            {
                "name": matrix.label,
                "shows": str(matrix.kind) if matrix.kind is not None else None,
                "scale": matrix.scale if matrix.kind in (Kind.HAS, Kind.SCALED) else None,
                "residual": matrix.residual if math.isfinite(matrix.residual) else None,
                "numbers": matrix.shown,
                "reason": str(matrix.reason) if matrix.reason is not None else None,
            }
            for matrix in proof.matrices
        ],
    }
