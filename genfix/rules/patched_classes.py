"""GF705: class names that only exist inside the trainer that patched them.

Who is right: the folder itself. The name behind the prefix is the class that was patched.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import PROCESSOR_FILES, TOKENIZER_CONFIG
from genfix.message import message
from genfix.rules.context import Context
from genfix.rules.finding import Applicability, Finding, Fix, SetField, Severity, Witness
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_PREFIX: Final = "_Unsloth_Patched_"
_KEYS: Final = (
    "processor_class",
    "tokenizer_class",
    "image_processor_type",
    "feature_extractor_type",
    "video_processor_type",
)


def _patched(context: Context, rule: Rule) -> Iterator[Finding]:
    for file in (TOKENIZER_CONFIG, *PROCESSOR_FILES):
        values = context.merged.object(file)
        for key in _KEYS:
            name = values.get(key)
            if not isinstance(name, str) or not name.startswith(_PREFIX) or name == _PREFIX:
                continue
            yield rule.finding(
                file,
                message("class-patched", name=name),
                witness=Witness.ENGINE,
                pointer=f"/{key}",
                current=name,
                expected=name.removeprefix(_PREFIX),
                engines=tuple(context.views),
                fix=Fix(
                    Applicability.SAFE,
                    message("why-class-patched"),
                    (SetField(file, f"/{key}", name.removeprefix(_PREFIX)),),
                ),
            )


RULES: Final = (
    Rule(
        code="GF705",
        name="class-of-a-trainer",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A processor or tokenizer class has the name that a trainer gave it while it ran: `_Unsloth_Patched_SmolVLMProcessor`.",
            why="No library has a class of that name: `AutoProcessor` fails, or falls back to the tokenizer and drops images.",
            fix="The name without the prefix.",
            safety="Safe: the prefix is put before the name of the class that was patched.",
            sources=("unslothai/unsloth#4085",),
        ),
        check=_patched,
    ),
)
