"""GF5xx: other files of the base that are lost: processors, custom code, licences."""

import re
from collections.abc import Iterator
from typing import Final

from genfix.engines import missing_code, named_code
from genfix.folder import FileKind, FolderFileError, kind_of
from genfix.folder.kinds import PROCESSOR_FILES
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, RestoreFile, Severity, Witness
from genfix.rules.core.questions import FILES
from genfix.rules.core.reasons import FILE_LOST
from genfix.rules.core.rule import Rule, rule

_FOLDED: Final = {
    "preprocessor_config.json": "image_processor",
    "video_preprocessor_config.json": "video_processor",
}
"""Where transformers 5 keeps what these files held: a part of processor_config.json (processing_utils.py)."""

_RELATIVE_IMPORT: Final = r"(?m)^\s*(?:from\s+\.(\w+)\s+import|import\s+\.(\w+)\s*$)"
"""The imports transformers follows when it collects custom code (dynamic_module_utils.py)."""


@rule(
    "GF501",
    "processor-file-missing",
    Severity.ERROR,
    question=FILES,
    needs_base=True,
    shows="loading fails, or the model serves text only",
)
def _processors(context: Context, rule: Rule) -> Iterator[Finding]:
    """A file of the image, video or audio processor is gone.

    Why: Engines fail with `does not appear to have a file named preprocessor_config.json`, or serve text
    only.

    Fix: The base's file, byte-identical. What transformers 5 folded into `processor_config.json` is not
    missed.

    Safety: Safe: fine-tuning does not change processors, and nothing is overwritten.

    Sources:
    - NVIDIA-NeMo/Automodel#3256
    - vllm-project/llm-compressor#1305
    """
    merged = context.merged
    for name in PROCESSOR_FILES:
        if not context.lost_from_base(name) or context.is_text_part:
            continue
        part = _FOLDED.get(name)
        if part is not None and part in merged.object("processor_config.json"):
            continue
        others = any(merged.has(other) for other in PROCESSOR_FILES)
        yield rule.finding(
            name,
            message("processor-file-missing", "is missing; the base has it", file=name),
            severity=Severity.WARNING if others and name != "preprocessor_config.json" else Severity.ERROR,
            witness=Witness.BASE,
            engines=tuple(context.views),
            fix=Fix.safe(FILE_LOST, RestoreFile(name)),
        )


@rule(
    "GF502",
    "code-file-missing",
    Severity.ERROR,
    question=FILES,
    shows="loading with trust_remote_code fails: the file is looked for and not found",
)
def _code(context: Context, rule: Rule) -> Iterator[Finding]:
    """A Python file that `auto_map` names, or that such a file imports beside itself, is gone.

    Why: `trust_remote_code=True` fails: `does not appear to have a file named tokenization_chatglm.py`.

    Fix: The base's file, byte-identical. genfix never imports or runs it.

    Safety: Safe where you named the base, this folder's own files already point at the module, and the code
    that is here equals the base's. Otherwise unsafe: copied code is code that a server will run. Without a
    base it is a warning where weights are here, and information in a folder of config files only.

    Sources:
    - huggingface/transformers#37716
    - shibing624/MedicalGPT#92
    - ml-explore/mlx-examples#1247
    """
    base, merged = context.base, context.merged
    for name in _with_imports(merged, base):
        if base is None or base.has(name):
            yield rule.finding(
                name,
                message("code-file-missing", "is missing, and auto_map needs it", file=name),
                severity=_severity(context),
                witness=Witness.FOLDER if base is None else Witness.BASE,
                engines=tuple(context.views),
                fix=_code_of_base(context, name),
            )


def _severity(context: Context) -> Severity:
    """The folder itself says that the code is missing; whether it is to be whole, its weights say."""
    if context.base is not None:
        return Severity.ERROR
    return Severity.WARNING if context.is_model else Severity.INFO


def _code_of_base(context: Context, name: str) -> Fix:
    base = context.base
    if base is None:
        return Fix.manual(message("why-code-no-base", "name the base to get it from with --base"))
    why = message(
        "why-code-lost",
        "auto_map points at it, and the code that is here equals that of {base}",
        base=str(base.folder.origin),
    )
    return Fix.safe_unless(_code_objection(context, base), why, (RestoreFile(name),))


def _code_objection(context: Context, base: Model) -> Message | None:
    """What speaks against code of the base; `None` where nothing does."""
    origin = str(base.folder.origin)
    if not base.is_named:
        return message(
            "why-code-hinted",
            "only the folder itself names {base}, and a server will run this code: if you trust it, "
            "name it with --base",
            base=origin,
        )
    names = context.merged.folder.names() & base.folder.names()
    code = sorted(name for name in names if "/" not in name and kind_of(name) is FileKind.CODE)
    changed = next((name for name in code if not context.same_as_base(name)), None)
    if changed is None:
        return None
    return message(
        "why-code-changed",
        "{file} is not that of {base}: other versions of the code may not fit together",
        file=changed,
        base=origin,
    )


def _with_imports(merged: Model, base: Model | None) -> tuple[str, ...]:
    """The missing files, and those that the named code, here or to be restored, imports beside itself."""
    missing, queue, seen = {*missing_code(merged, base)}, [*named_code(merged, base)], set[str]()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        owner = merged if merged.has(name) else base
        if owner is None or not owner.has(name):
            continue
        for module in _imports(owner, name):
            if not merged.has(module) and base is not None and base.has(module):
                missing.add(module)
            queue.append(module)
    return tuple(sorted(missing))


def _imports(model: Model, name: str) -> set[str]:
    try:
        text = model.folder.read(name).decode("utf-8", "replace")
    except FolderFileError:
        return set()
    directory = name.rpartition("/")[0]
    prefix = f"{directory}/" if directory else ""
    return {f"{prefix}{first or second}.py" for first, second in re.findall(_RELATIVE_IMPORT, text)}


@rule("GF503", "licence-missing", Severity.INFO, question=FILES, needs_base=True)
def _licences(context: Context, rule: Rule) -> Iterator[Finding]:
    """The base's licence, notice or use policy is not in the folder.

    Why: No engine reads it; most licences want it passed on with the model.

    Fix: The base's file, byte-identical. README files are never copied: they describe the base.

    Safety: Safe: nothing is overwritten.

    Sources:
    - Llama Community License, section 1.b
    - Apache-2.0, section 4
    """
    if context.base is None:
        return
    for name in sorted(context.base.folder.names()):
        if kind_of(name) is FileKind.LICENCE and not context.merged.has(name):
            yield rule.finding(
                name,
                message("licence-missing", "is missing; most licences want it passed on", file=name),
                witness=Witness.BASE,
                fix=Fix.safe(
                    message("why-licence", "the file is missing here, so nothing is overwritten"),
                    RestoreFile(name),
                ),
            )


@rule("GF504", "no-model-file", Severity.INFO, question=FILES)
def _nothing_known(context: Context, rule: Rule) -> Iterator[Finding]:
    """No file of the folder has a name that an engine reads.

    Why: Perhaps the path is the one above or below the model folder.

    Fix: None.

    Safety: Manual.

    Sources:
    - transformers 5.23.0: utils/hub.py
    """
    names = context.merged.folder.names()
    if not any(kind_of(name) is not FileKind.OTHER for name in names):
        yield rule.finding(
            ".",
            message("no-model-file", "no file here has a name that an engine reads"),
            witness=Witness.FOLDER,
            fix=Fix.manual(message("why-no-model-file", "check the path")),
        )


RULES: Final = (_processors, _code, _licences, _nothing_known)
