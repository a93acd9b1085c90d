"""GF705: class names that only exist inside the trainer that patched them.

Who is right: the folder itself. The name behind the prefix is the class that was patched.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import PROCESSOR_FILES, TOKENIZER_CONFIG
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import READERS
from genfix.rules.core.rule import Rule, rule

_PREFIX: Final = "_Unsloth_Patched_"
_KEYS: Final = (
    "processor_class",
    "tokenizer_class",
    "image_processor_type",
    "feature_extractor_type",
    "video_processor_type",
)


@rule(
    "GF705",
    "class-of-a-trainer",
    Severity.ERROR,
    question=READERS,
    shows="the processor does not load, or images are dropped",
)
def _patched(context: Context, rule: Rule) -> Iterator[Finding]:
    """A processor or tokenizer class has the name that a trainer gave it while it ran:
    `_Unsloth_Patched_SmolVLMProcessor`.

    Why: No library has a class of that name: `AutoProcessor` fails, or falls back to the tokenizer and drops
    images.

    Fix: The name without the prefix.

    Safety: Safe: the prefix is put before the name of the class that was patched.

    Sources:
    - unslothai/unsloth#4085
    """
    for file in (TOKENIZER_CONFIG, *PROCESSOR_FILES):
        values = context.merged.object(file)
        for key in _KEYS:
            name = values.get(key)
            if not isinstance(name, str) or not name.startswith(_PREFIX) or name == _PREFIX:
                continue
            yield rule.finding(
                file,
                message(
                    "class-patched",
                    "no library has a class called {name}: a trainer gave it that name while it ran",
                    name=name,
                ),
                witness=Witness.ENGINE,
                pointer=f"/{key}",
                current=name,
                expected=name.removeprefix(_PREFIX),
                engines=tuple(context.views),
                fix=Fix.safe(
                    message("why-class-patched", "the prefix stands before the name of the class"),
                    SetField(file, f"/{key}", name.removeprefix(_PREFIX)),
                ),
            )


RULES: Final = (_patched,)
