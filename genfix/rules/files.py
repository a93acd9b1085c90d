"""GF5xx: other files of the base that are lost: processors, custom code, licences."""

import re
from collections.abc import Iterator
from typing import Final

from genfix.engines import missing_code, named_code
from genfix.folder import FileKind, FolderFileError, kind_of
from genfix.folder.kinds import PROCESSOR_FILES
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.context import Context
from genfix.rules.finding import Applicability, Finding, Fix, RestoreFile, Severity, Witness
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_FOLDED: Final = {
    "preprocessor_config.json": "image_processor",
    "video_preprocessor_config.json": "video_processor",
}
"""Where transformers 5 keeps what these files held: a part of processor_config.json (processing_utils.py)."""

_RELATIVE_IMPORT: Final = r"(?m)^\s*(?:from\s+\.(\w+)\s+import|import\s+\.(\w+)\s*$)"
"""The imports transformers follows when it collects custom code (dynamic_module_utils.py)."""


def _processors(context: Context, rule: Rule) -> Iterator[Finding]:
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
            message("processor-file-missing", file=name),
            severity=Severity.WARNING if others and name != "preprocessor_config.json" else Severity.ERROR,
            witness=Witness.BASE,
            engines=tuple(context.views),
            fix=Fix(Applicability.SAFE, message("why-file-lost"), (RestoreFile(name),)),
        )


def _code(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    direct = missing_code(merged, base)
    for name in _with_imports(merged, base, direct):
        if base is None:
            yield rule.finding(
                name,
                message("code-file-missing", file=name),
                severity=Severity.INFO,
                witness=Witness.FOLDER,
                engines=tuple(context.views),
                fix=Fix(Applicability.MANUAL, message("why-code-no-base")),
            )
        elif base.has(name):
            objection = _code_objection(context, base)
            yield rule.finding(
                name,
                message("code-file-missing", file=name),
                witness=Witness.BASE,
                engines=tuple(context.views),
                fix=Fix.safe_unless(
                    objection, message("why-code-lost", base=str(base.folder.origin)), (RestoreFile(name),)
                ),
            )


def _code_objection(context: Context, base: Model) -> Message | None:
    """What speaks against code of the base; `None` where nothing does."""
    origin = str(base.folder.origin)
    if not base.is_named:
        return message("why-code-hinted", base=origin)
    code = (name for name in _code_files(context.merged) if base.has(name))
    changed = next((name for name in code if not context.same_as_base(name)), None)
    return message("why-code-changed", file=changed, base=origin) if changed is not None else None


def _with_imports(merged: Model, base: Model | None, direct: tuple[str, ...]) -> tuple[str, ...]:
    """The missing files, and those that the named code, here or to be restored, imports beside itself."""
    missing, queue, seen = set(direct), [*named_code(merged, base)], set[str]()
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


def _code_files(model: Model) -> list[str]:
    return sorted(name for name in model.folder.names() if "/" not in name and kind_of(name) is FileKind.CODE)


def _licences(context: Context, rule: Rule) -> Iterator[Finding]:
    if context.base is None:
        return
    for name in sorted(context.base.folder.names()):
        if kind_of(name) is FileKind.LICENCE and not context.merged.has(name):
            yield rule.finding(
                name,
                message("licence-missing", file=name),
                witness=Witness.BASE,
                fix=Fix(Applicability.SAFE, message("why-licence"), (RestoreFile(name),)),
            )


def _nothing_known(context: Context, rule: Rule) -> Iterator[Finding]:
    names = context.merged.folder.names()
    if not any(kind_of(name) is not FileKind.OTHER for name in names):
        yield rule.finding(
            ".",
            message("no-model-file"),
            witness=Witness.FOLDER,
            fix=Fix(Applicability.MANUAL, message("why-no-model-file")),
        )


RULES: Final = (
    Rule(
        code="GF501",
        name="processor-file-missing",
        severity=Severity.ERROR,
        needs_base=True,
        doc=RuleDoc(
            what="A file of the image, video or audio processor is gone.",
            why="Engines fail with `does not appear to have a file named preprocessor_config.json`, or serve text only.",
            fix="The base's file, byte-identical. What transformers 5 folded into `processor_config.json` is not missed.",
            safety="Safe: fine-tuning does not change processors, and nothing is overwritten.",
            sources=("NVIDIA-NeMo/Automodel#3256", "vllm-project/llm-compressor#1305"),
        ),
        check=_processors,
    ),
    Rule(
        code="GF502",
        name="code-file-missing",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A Python file that `auto_map` names, or that such a file imports beside itself, is gone.",
            why="`trust_remote_code=True` fails: `does not appear to have a file named tokenization_chatglm.py`.",
            fix="The base's file, byte-identical. genfix never imports or runs it.",
            safety=(
                "Safe where you named the base, this folder's own files already point at the module, and the code that "
                "is here equals the base's. Otherwise unsafe: copied code is code that a server will run. Without a base "
                "it is information."
            ),
            sources=(
                "huggingface/transformers#37716",
                "shibing624/MedicalGPT#92",
                "ml-explore/mlx-examples#1247",
            ),
        ),
        check=_code,
    ),
    Rule(
        code="GF503",
        name="licence-missing",
        severity=Severity.INFO,
        needs_base=True,
        doc=RuleDoc(
            what="The base's licence, notice or use policy is not in the folder.",
            why="No engine reads it; most licences want it passed on with the model.",
            fix="The base's file, byte-identical. README files are never copied: they describe the base.",
            safety="Safe: nothing is overwritten.",
            sources=("Llama Community License, section 1.b", "Apache-2.0, section 4"),
        ),
        check=_licences,
    ),
    Rule(
        code="GF504",
        name="no-model-file",
        severity=Severity.INFO,
        needs_base=False,
        doc=RuleDoc(
            what="No file of the folder has a name that an engine reads.",
            why="Perhaps the path is the one above or below the model folder.",
            fix="None.",
            safety="Manual.",
            sources=("transformers 5.23.0: utils/hub.py",),
        ),
        check=_nothing_known,
    ),
)
