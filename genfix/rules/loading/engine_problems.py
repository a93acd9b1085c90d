"""GF511 to GF513: what engines say of loading and serving the folder, where no other rule has said it.

Who is right: the engines' own code. What the base has too is no fault of the merge, and a folder of config
files only is not a model that anybody loads.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genfix.engines import ENGINES
from genfix.engines.shared.view import Effect, Problem, SharedProblem
from genfix.engines.shared.weight_formats import weight_files
from genfix.folder.kinds import FAST_TOKENIZER
from genfix.message import Message, message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness, shown
from genfix.rules.core.questions import FILES, TOKENS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.loading.carried import NO_VOCABULARY, NO_WEIGHTS, carriers, key, place
from genfix.rules.loading.words import is_without_words

_NO_TEXT: Final = "engine-fails-on-pooling"
_LIMITS: Final = frozenset(
    [
        *(
            "engine-cannot-know-model-type",
            "engine-cannot-know-architecture",
            "engine-cannot-know-quantization",
        ),
        *(_NO_TEXT, "engine-fails-on-encoder"),
        *("engine-has-no-eos", "engine-cannot-find-token"),
    ]
)
"""What an engine cannot do with this kind of model, whatever its files say."""
_ALONE: Final = Fix.manual(
    message(
        "why-vocabulary-alone",
        "copy the tokenizer from where the model was trained, or name its base with --base",
    )
)
_OTHER_FORMAT: Final = Fix.manual(
    message("why-other-format", "nothing is wrong with the weights; these engines want them converted first")
)
_LIMIT: Final = Fix.manual(
    message("why-engine-limit", "nothing is wrong with the folder; these engines cannot take such a model")
)
UNDECIDED: Final = Fix.manual(message("why-engine-problem", "nothing here tells what should stand there"))


@rule(
    "GF511",
    "vocabulary-missing",
    Severity.WARNING,
    question=TOKENS,
    shows="loading fails, or every word is unknown to the tokenizer",
)
def _no_vocabulary(context: Context, rule: Rule) -> Iterator[Finding]:
    """The folder has no vocabulary, or none of a kind that the tokenizer's class reads.

    Why: Engines do not load the folder, or make a tokenizer that knows nothing but its special tokens, and
    answer with noise. `merge_and_unload().save_pretrained()` of PEFT saves no tokenizer.

    Fix: None. With a base, GF301 puts the base's files in place.

    Safety: Manual. A warning where weights are here; information in a folder of config files only, in an
    export that carries its own, and where the base has none either. Nothing where the model reads no words:
    the config classes of its type, and of its parts, count no vocabulary.

    Sources:
    - transformers 5.24.0: models/auto/tokenization_auto.py, tokenization_utils_tokenizers.py
    - peft 0.21.2: `merge_and_unload().save_pretrained()` saves no tokenizer
    """
    found = [shared for shared in _unsaid(context) if shared.problem.id in NO_VOCABULARY]
    if not found or is_without_words(context.merged):
        return
    others = context.merged.vocabularies
    yield rule.finding(
        FAST_TOKENIZER,
        message(
            "vocabulary-missing",
            "there is no vocabulary that the tokenizer's class reads: engines do not load the folder, or "
            "know no words",
        ),
        severity=_severity(context, found),
        witness=Witness.ENGINE,
        evidence=[message("evidence-other-vocabularies", "{files}: not read by it", files=shown(others))]
        if others
        else (),
        engines=_engines(found),
        fix=BASE_HAS_IT_TOO if _is_of_base(context, found) else _ALONE,
    )


@rule("GF512", "weights-in-other-format", Severity.INFO, question=FILES)
def _other_format(context: Context, rule: Rule) -> Iterator[Finding]:
    """The weights are in files that an engine does not look for: `pytorch_model.bin`, GGUF, ONNX, OpenVINO,
    or safetensors under other names.

    Why: Such an engine says that there are no weights. Nothing is wrong with them.

    Fix: None.

    Safety: Manual: weights are converted by their own tools.

    Sources:
    - transformers 5.24.0: modeling_utils.py `_get_resolved_checkpoint_files`
    - vLLM 0.32.0: model_loader/default_loader.py
    - MLX-LM 0.32.2: utils.py `load_model`
    """
    found = [shared for shared in _unsaid(context) if shared.problem.id == NO_WEIGHTS]
    if found:
        files = weight_files(context.merged)
        yield rule.finding(
            files[0],
            message(
                "weights-in-other-format", "not every engine reads weights in {files}", files=shown(files)
            ),
            witness=Witness.ENGINE,
            evidence=[shared.problem.message for shared in found],
            engines=_engines(found),
            fix=_OTHER_FORMAT,
        )


@rule(
    "GF513",
    "engine-problem",
    Severity.WARNING,
    question=FILES,
    shows="the server does not start, or requests fail",
)
def _other_problems(context: Context, rule: Rule) -> Iterator[Finding]:
    """An engine does not load the folder, or fails on requests, for a reason that no other rule is about.

    Why: The views that `genfix engines` prints follow the engines' own code; what they cannot take is said
    here, once for all engines that have the same problem.

    Fix: None.

    Safety: Manual. A warning where transformers 5 or vLLM (with `--engine`: the engines that are named) have
    the problem in a folder with weights; else information: what one other engine cannot do, a model type it
    does not know, a fault of the base's own.

    Sources:
    - docs/engines.md: the versions that were read and asked
    """
    for shared in _unsaid(context):
        problem, name = shared.problem, key(shared.problem)
        if problem.id == NO_WEIGHTS or problem.id in NO_VOCABULARY:
            continue
        if problem.id == _NO_TEXT and context.merged.config.get("architectures"):
            continue  # the class is named: it is meant for vectors or scores
        yield rule.finding(
            place(problem),
            problem_said(problem),
            severity=_severity(context, [shared]),
            witness=Witness.ENGINE,
            pointer=f"/{name}" if name is not None else None,
            engines=shared.engines,
            fix=_fix(context, shared),
        )


def problem_said(problem: Problem) -> Message:
    """What becomes of an engine, and why."""
    match problem.effect:
        case Effect.NO_START:
            return message("engine-does-not-load", "does not load: {problem}", problem=problem.message)
        case Effect.NO_ANSWER:
            return message("engine-does-not-answer", "requests fail: {problem}", problem=problem.message)
        case Effect.UNCERTAIN:
            return message("engine-is-uncertain", "loads, but: {problem}", problem=problem.message)


def _fix(context: Context, shared: SharedProblem) -> Fix:
    if shared.problem.id in _LIMITS:
        return _LIMIT
    return BASE_HAS_IT_TOO if _is_of_base(context, [shared]) else UNDECIDED


def _unsaid(context: Context) -> Sequence[SharedProblem]:
    return [shared for shared in context.problems if not any(carriers(shared.problem, context.said))]


def _engines(found: Iterable[SharedProblem]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for shared in found for name in shared.engines))


def _severity(context: Context, found: Sequence[SharedProblem]) -> Severity:
    """A warning where a whole model does not work in the engines that are named, or that rules judge by."""
    asked = {*(context.named_engines or ENGINES)}
    judged = [shared.problem for shared in found if not asked.isdisjoint(shared.engines)]
    hurts = any(
        problem.id in NO_VOCABULARY or (problem.effect is not Effect.UNCERTAIN and problem.id not in _LIMITS)
        for problem in judged
    )
    if not hurts or not context.is_model or _is_of_base(context, found):
        return Severity.INFO
    return Severity.WARNING


def _is_of_base(context: Context, found: Iterable[SharedProblem]) -> bool:
    return all(context.has_base_problem(shared.problem) for shared in found)


RULES: Final = (_no_vocabulary, _other_format, _other_problems)
