"""GF505: files that stand beside the model, often in directories of their own: pooling, further chat
templates.

Who is right: the base, where the folder is still the same kind of model.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder import FileKind, FolderFileError, kind_of
from genfix.folder.kinds import ADDITIONAL_TEMPLATES
from genfix.json_types import JsonValue
from genfix.jsontext.json_read import JsonError, read_json
from genfix.message import message
from genfix.model import Model
from genfix.model.purpose import generates
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, RestoreFile, Severity, Witness
from genfix.rules.core.questions import FILES
from genfix.rules.core.reasons import FILE_LOST, TEMPLATE_LOST
from genfix.rules.core.restoring import template_verdict
from genfix.rules.core.rule import Rule, rule

_MODULES: Final = "modules.json"
_POOLING: Final = (_MODULES, "sentence_bert_config.json", "config_sentence_transformers.json")


@rule(
    "GF505",
    "side-file-missing",
    Severity.WARNING,
    question=FILES,
    needs_base=True,
    shows="requests for that template fail, or embeddings come out different",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """A file that stands beside the model is gone: a further chat template in
    `additional_chat_templates/`, or what sentence-transformers needs to pool (`modules.json`,
    `1_Pooling/config.json`).

    Why: Requests for the template by its name fail (`tool_use`, `rag`). Without `modules.json`
    sentence-transformers takes the mean of all tokens, whatever the model was trained with: other vectors,
    and no error.

    Fix: The base's file, byte-identical.

    Safety: Safe while the default chat template, or the model's class, is the base's. Manual where a module
    has weights that are gone too.

    Sources:
    - transformers 5.23.0: utils/hub.py `list_repo_templates`
    - sentence-transformers: SentenceTransformer.py
    """
    base = context.base
    if base is None:
        return
    yield from _further_templates(context, rule, base)
    if base.has(_MODULES) and base.config.get("architectures") == context.merged.config.get("architectures"):
        yield from _embedding_files(context, rule, base)


def _further_templates(context: Context, rule: Rule, base: Model) -> Iterator[Finding]:
    if generates(context.merged) is False or not context.template_equal or not context.merged.template_copies:
        return  # the default template comes first; what goes with another one, nobody knows
    objection = template_verdict(context, base)
    for name in sorted(base.folder.names()):
        is_template = name.startswith(ADDITIONAL_TEMPLATES) and kind_of(name) is FileKind.CHAT_TEMPLATE
        if is_template and context.lost_from_base(name):
            yield rule.finding(
                name,
                message(
                    "further-template-missing", "is missing: a request for this template by its name fails"
                ),
                witness=Witness.BASE,
                engines=tuple(context.views),
                fix=Fix.safe_unless(objection, TEMPLATE_LOST, (RestoreFile(name),)),
            )


def _embedding_files(context: Context, rule: Rule, base: Model) -> Iterator[Finding]:
    paths = _module_paths(base)
    wanted = [*_POOLING, *(f"{path}/config.json" for path in paths if path)]
    weights = [
        name
        for name in sorted(base.folder.names())
        if kind_of(name) is FileKind.WEIGHTS and name.rpartition("/")[0] in paths and "/" in name
    ]
    lost: list[JsonValue] = [name for name in weights if not context.merged.has(name)]
    for name in wanted:
        if context.lost_from_base(name):
            yield rule.finding(
                name,
                message(
                    "embedding-file-missing",
                    "is missing: sentence-transformers pools in another way without it",
                ),
                witness=Witness.BASE,
                fix=Fix.manual(
                    message("why-module-weights", "weights of a module are gone too: {files}", files=lost)
                )
                if lost
                else Fix.safe(FILE_LOST, RestoreFile(name)),
            )


def _module_paths(base: Model) -> list[str]:
    """Directories of the modules that sentence-transformers puts one after the other."""
    try:
        modules = read_json(base.folder.read(_MODULES))
    except (FolderFileError, JsonError):
        return []
    entries = modules if isinstance(modules, list) else []
    paths = (entry.get("path") for entry in entries if isinstance(entry, dict))
    return [path for path in paths if isinstance(path, str)]


RULES: Final = (_missing,)
