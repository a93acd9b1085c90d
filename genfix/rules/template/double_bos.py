"""GF2xx, fourth part: a BOS that both the chat template and the tokenizer write.

Chat endpoints render a template and then tokenize without special tokens, so pristine models may have both
(Llama 3). A tokenizer that adds a BOS and whose base's does not is another matter.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import message
from genfix.model import Model, TurnEnds
from genfix.model.tokenizer import first_special
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.rule import Rule, rule

_FLAG: Final = "add_bos_token"
_FLAGGED: Final = frozenset(["LlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"])
"""Classes that transformers 4.57 gives a BOS by that flag, true where it is absent, whatever `tokenizer.json`
says.

transformers 5.23 goes by `tokenizer.json` alone where it is there.
"""


@rule(
    "GF209",
    "double-bos",
    Severity.WARNING,
    question=TEMPLATE,
    needs_base=True,
    shows="texts that are rendered first and tokenized later start with two BOS",
)
def _double_bos(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template writes the BOS, and the tokenizer puts one in front of every text, which the
    base's does not.

    Why: Whoever renders a chat to text and tokenizes it afterwards, as completion requests, evaluations and
    many trainers do, sends two BOS: a start the model has never seen. Chat endpoints of transformers and vLLM
    tokenize without special tokens, and llama.cpp takes one of the two away.

    Fix: `add_bos_token` false for tokenizer classes that go by it, and the base's `post_processor` in
    `tokenizer.json` where it adds the BOS.

    Safety: Unsafe: training may have had it so. Silent where the base's or the adapter's tokenizer adds a BOS
    as well: Llama 3 has both from the start.

    Sources:
    - abetlen/llama-cpp-python#1501
    - deepseek-ai/DeepSeek-R1#151
    - ggml-org/llama.cpp#15086
    - transformers 4.57.6: tokenization_llama_fast.py
    - transformers 5.23.0: tokenization_utils_base.py
    """
    base, merged = context.base, context.merged
    bos = merged.tokenizer.named.get("bos_token")
    if base is None or bos is None or not merged.has(FAST_TOKENIZER) or not base.has(FAST_TOKENIZER):
        return
    if merged.json(TOKENIZER_CONFIG).value is None or not _writes(merged, bos):
        return
    if _adds(base) or (context.adapter is not None and _adds(context.adapter)):
        return
    by_flag, by_processor = _adds_by_flag(merged), _adds_by_processor(merged)
    if not (by_flag or by_processor):
        return
    operations = _without_bos(base, by_flag=by_flag, by_processor=by_processor)
    file, pointer = (operations[0].file, operations[0].pointer) if operations else (FAST_TOKENIZER, None)
    why = message("why-double-bos", "the model may have been trained so")
    yield rule.finding(
        file,
        message(
            "double-bos",
            "the chat template writes {token} and the tokenizer adds it once more; the base's adds none",
            token=bos,
        ),
        witness=Witness.BASE,
        pointer=pointer,
        current=merged.tokenizer_config.get(_FLAG, Missing.MISSING) if by_flag else Missing.MISSING,
        fix=Fix.unsafe(why, *operations) if len(operations) == by_flag + by_processor else Fix.manual(why),
    )


def _without_bos(base: Model, *, by_flag: bool, by_processor: bool) -> tuple[SetField | CopyField, ...]:
    """What makes the tokenizer add no BOS; too few where the base has no post-processor to copy."""
    flag = SetField(TOKENIZER_CONFIG, f"/{_FLAG}", value=False, key_order=base.keys(TOKENIZER_CONFIG))
    copies = by_processor and "post_processor" in base.tokenizer_head
    return (
        *((flag,) if by_flag else ()),
        *((CopyField(FAST_TOKENIZER, "/post_processor"),) if copies else ()),
    )


def _writes(model: Model, bos: str) -> bool:
    ends = model.turn_ends
    return isinstance(ends, TurnEnds) and (ends.writes_bos or ends.first_literal == bos)


def _adds(model: Model) -> bool:
    """Whether any version of transformers lets the tokenizer put a BOS in front of a text."""
    return _adds_by_flag(model) or _adds_by_processor(model)


def _adds_by_flag(model: Model) -> bool:
    name = model.tokenizer_config.get("tokenizer_class")
    flagged = isinstance(name, str) and name.removesuffix("Fast") in _FLAGGED
    has_bos = "bos_token" in model.tokenizer.named
    return flagged and has_bos and model.tokenizer_config.get(_FLAG, True) is True


def _adds_by_processor(model: Model) -> bool:
    """Whether ``tokenizer.json`` puts the BOS in front of a text."""
    bos = model.tokenizer.named.get("bos_token")
    return bos is not None and any(
        first_special(step) == bos for step in _steps(model.tokenizer_head.get("post_processor"))
    )


def _steps(processor: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """The post-processor, or each one of a sequence of them."""
    if isinstance(processor, dict):
        yield processor
        inner = processor.get("processors")
        for step in inner if isinstance(inner, list) else ():
            if isinstance(step, dict):
                yield step


RULES: Final = (_double_bos,)
