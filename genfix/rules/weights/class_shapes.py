"""GF418 and GF434: shapes in the weights that are not those of the class.

Who is right: the weights about a size that all of them have; where no size explains them, the class.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights.class_judgement import judgement, weight_file, why_no_repair
from genfix.rules.weights.examples import form_of
from genfix.rules.weights.shape_sizes import SizeFound, sizes_found


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
    told = judgement(context)
    found = told.found
    if found is None or not found.fit.mismatched or sizes_found(found):
        return
    odd = found.fit.mismatched
    of_base = told.of_base
    if of_base is not None:
        theirs = {form_of(each.name) for each in of_base.fit.mismatched}
        news = tuple(each for each in odd if form_of(each.name) not in theirs)
    else:
        news = tuple(each for each in odd if told.part_of(each.name) not in told.other_parts)
    odd, is_new = news or odd, bool(news)
    first = odd[0]
    yield rule.finding(
        weight_file(context.merged),
        message(
            "tensor-shape-not-class",
            "{count} tensor has another shape than {owner} has by config.json: {name} has {shape}, "
            "not {wanted}",
            "{count} tensors have other shapes than {owner} has by config.json: {name} has {shape}, "
            "not {wanted}",
            count=len(odd),
            owner=found.owner,
            name=first.name,
            shape=str([*first.shape]),
            wanted=str([size if size is not None else "?" for size in first.wanted]),
        ),
        severity=rule.severity if is_new else Severity.INFO,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views) if is_new else (),
        fix=WEIGHTS_LOST if is_new else why_no_repair(told),
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
    shapes as well, and where it is the hidden size and the base has the other one.

    Sources:
    - transformers 5.24.0: modeling_utils.py
    """
    told = judgement(context)
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
    base, key = context.base, size.pointer.rpartition("/")[2]
    theirs = None if base is None else base.config_value(key)
    objection = None
    if key == "hidden_size" and theirs == size.current:  # of which no fine-tune has another than its base
        objection = message(
            "why-base-of-other-size", "the base has that size too: these weights are not of it"
        )
    elif not size.is_only and theirs != size.expected:
        objection = message("why-other-size-fits", "another size explains the same shapes as well")
    return Fix.safe_unless(
        objection,
        message("why-shapes-say", "the shapes of all tensors say so"),
        (SetField(CONFIG, size.pointer, size.expected),),
    )


RULES: Final = (_sizes, _mismatched)
