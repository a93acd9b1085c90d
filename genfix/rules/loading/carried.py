"""Which findings say what an engine says of a folder: nothing is told twice, and nothing is left untold."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from genfix.engines.shared.view import Problem, SharedProblem
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, GENERATION_CONFIG, TOKENIZER_CONFIG, is_vocabulary
from genfix.model.chat_template import JINJA_FILE
from genfix.rules.core.finding import Finding

_PLACES: Final[Mapping[str, str]] = {
    "engine-cannot-find-config": CONFIG,
    "engine-cannot-read-config": CONFIG,
    "engine-cannot-tell-model-type": CONFIG,
    "engine-cannot-know-model-type": CONFIG,
    "engine-cannot-tell-architecture": CONFIG,
    "engine-cannot-know-architecture": CONFIG,
    "engine-fails-on-pooling": CONFIG,
    "engine-fails-on-encoder": CONFIG,
    "engine-cannot-choose-part": CONFIG,
    "engine-cannot-know-quantization": CONFIG,
    "engine-cannot-take-value": CONFIG,
    "engine-fails-on-length": CONFIG,
    "engine-cannot-find-processor": "preprocessor_config.json",
    "engine-cannot-read-tokenizer-config": TOKENIZER_CONFIG,
    "engine-cannot-take-token": TOKENIZER_CONFIG,
    "engine-cannot-find-class": TOKENIZER_CONFIG,
    "engine-cannot-read-list": TOKENIZER_CONFIG,
    "engine-cannot-find-named-token": TOKENIZER_CONFIG,
    "engine-cannot-take-vocabulary": FAST_TOKENIZER,
    "engine-cannot-find-token": TOKENIZER_CONFIG,
    "engine-has-no-eos": TOKENIZER_CONFIG,
    "engine-cannot-read-tokenizer": FAST_TOKENIZER,
    "engine-cannot-find-tokenizer": FAST_TOKENIZER,
    "engine-has-no-vocabulary": FAST_TOKENIZER,
    "engine-cannot-read-template": JINJA_FILE,
    "engine-cannot-read-generation-config": GENERATION_CONFIG,
    "engine-cannot-do-without-eos": GENERATION_CONFIG,
    "engine-fails-without-end": GENERATION_CONFIG,
}
"""The file that a problem is about, where its message names none."""
_KEYS: Final[Mapping[str, str]] = {
    "engine-cannot-know-model-type": "model_type",
    "engine-cannot-tell-model-type": "model_type",
    **dict.fromkeys(
        (
            *("engine-cannot-tell-architecture", "engine-cannot-know-architecture"),
            *("engine-fails-on-pooling", "engine-fails-on-encoder"),
        ),
        "architectures",
    ),
    "engine-cannot-know-quantization": "quantization_config",
    "engine-fails-on-length": "max_position_embeddings",
    "engine-cannot-find-class": "tokenizer_class",
    "engine-cannot-read-list": "extra_special_tokens",
    "engine-has-no-eos": "eos_token",
    **dict.fromkeys(
        (
            *("engine-fails-on-eos", "engine-fails-on-text-eos", "engine-fails-on-eos-for-pad"),
            *("engine-cannot-do-without-eos", "engine-fails-without-end"),
        ),
        "eos_token_id",
    ),
}
"""The key it is about, where its message names none."""
NO_VOCABULARY: Final = frozenset(["engine-cannot-find-tokenizer", "engine-has-no-vocabulary"])
NO_WEIGHTS: Final = "engine-cannot-find-weights"


def place(problem: Problem) -> str:
    """The file that a problem is about."""
    file = problem.message.args.get("file")
    return file if isinstance(file, str) else _PLACES.get(problem.id, ".")


def key(problem: Problem) -> str | None:
    """The key in that file; `None` where it is about the whole."""
    named = problem.message.args.get("key")
    return named if isinstance(named, str) else _KEYS.get(problem.id)


def carriers(problem: Problem, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings that say it: on the same key, on a file that is missing or unreadable as a whole, or by
    the rule that knows better what is behind it.
    """
    file, name = place(problem), key(problem)
    says = _SAID.get(problem.id)
    for finding in findings:
        about = finding.pointer.rpartition("/")[2] if finding.pointer else None
        here = finding.file == file and (name == about if about else finding.code in _OF_WHOLE_FILES)
        itself = finding.message.args.get("problem") == problem.message
        if here or itself or (says is not None and says(finding)):
            yield finding


def with_engines(
    findings: Iterable[Finding], problems: Iterable[SharedProblem], order: Iterable[str]
) -> list[Finding]:
    """``findings``, each with all engines that have the problem it says, in ``order``."""
    ranks = {name: rank for rank, name in enumerate(order)}
    told = list(findings)
    for problem, names in problems:
        for number, finding in enumerate(told):
            if any(carriers(problem, [finding])):
                engines = sorted({*finding.engines, *names}, key=lambda name: ranks[name])
                told[number] = finding._replace(engines=tuple(engines))
    return told


_OF_WHOLE_FILES: Final = frozenset(
    [
        *("GF203", "GF301", "GF401", "GF501", "GF502", "GF506"),
        *("GF901", "GF902", "GF903", "GF904", "GF905", "GF906"),
    ]
)
"""Rules that say of a file that it is missing, or cannot be read."""
_OF_WEIGHTS: Final = frozenset(["GF512", "GF521", "GF522", "GF523", "GF524"])


def _of_vocabulary(finding: Finding) -> bool:
    is_one = finding.file == FAST_TOKENIZER or is_vocabulary(finding.file)
    return finding.code in {"GF302", "GF511"} or (finding.code == "GF301" and is_one)


_SAID: Final[Mapping[str, Callable[[Finding], bool]]] = {
    **dict.fromkeys(NO_VOCABULARY, _of_vocabulary),
    NO_WEIGHTS: lambda finding: finding.code in _OF_WEIGHTS,
    "engine-cannot-find-named-token": lambda finding: finding.code in {"GF706", "GF707"},
    "engine-cannot-find-class": lambda finding: finding.code in {"GF701", "GF705"},
}
"""What says it in another place."""
