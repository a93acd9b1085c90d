"""GF509 and GF510: code beside the model, and what points to it.

Who is right: the folder's own Python files, which are parsed and never run.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

from genfix.engines.shared.common import architecture
from genfix.engines.shared.released import released_class
from genfix.folder import FileKind, FolderFileError, kind_of
from genfix.folder.kinds import CONFIG, PROCESSOR_FILES, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness, shown
from genfix.rules.core.questions import FILES
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_MAP: Final = "auto_map"
_REMOTE: Final = r"[\w.-]+/[\w.-]+--[\w.]+"


@rule(
    "GF509",
    "local-class-not-mapped",
    Severity.WARNING,
    question=FILES,
    shows="loading fails: `Unrecognized configuration class`, although the code is there",
)
def _not_mapped(context: Context, rule: Rule) -> Iterator[Finding]:
    """`architectures` or `tokenizer_class` names a class that a Python file of the folder defines and that no
    release of transformers has; and no `auto_map` points there.

    Why: With `trust_remote_code=True` transformers looks into `auto_map` and nowhere else. Older versions
    lost the key when they saved, while the files were copied.

    Fix: `auto_map` for the model and its config class, where the files define one of each.

    Safety: Unsafe: a server will run that code. Manual for a tokenizer. Information where the base has it
    so; an `auto_map` that the base has and the folder lost is put back by another rule, and then silent
    here. Files are parsed, never imported.

    Sources:
    - huggingface/transformers#24737
    - transformers 5.24.0: models/auto/auto_factory.py
    """
    merged, base = context.merged, context.base
    for file, pointer, name in (
        (CONFIG, "/architectures", architecture(merged)),
        (TOKENIZER_CONFIG, "/tokenizer_class", merged.tokenizer_config.get("tokenizer_class")),
    ):
        if not isinstance(name, str) or _MAP in merged.object(file) or released_class(name) is not None:
            continue
        if base is not None and _MAP in base.object(file):
            continue
        classes = _classes(merged)
        if name not in classes:
            continue
        shared = base is not None and base.has(classes[name][0])
        yield rule.finding(
            file,
            message(
                "local-class-not-mapped",
                "{name} is defined in {module}, and no auto_map points there",
                name=name,
                module=classes[name][0],
            ),
            severity=Severity.INFO if shared else Severity.WARNING,
            witness=Witness.FOLDER,
            pointer=pointer,
            engines=tuple(context.views),
            fix=BASE_HAS_IT_TOO if shared else _mapping(merged, file, name, classes),
        )


def _classes(model: Model) -> Mapping[str, tuple[str, str]]:
    """By name, the file that defines a class, and its ``model_type``."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(model.folder.names()):
        if kind_of(file) is FileKind.CODE and "/" not in file:
            for node in _parsed(model, file):
                found[node.name] = (file, next(_types(node), ""))
    return found


def _parsed(model: Model, file: str) -> Iterator[ast.ClassDef]:
    try:
        tree = ast.parse(model.folder.read(file))
    except (FolderFileError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from (node for node in tree.body if isinstance(node, ast.ClassDef))


def _types(node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id="model_type")], value=ast.Constant(value=str(text))):
                yield text
            case _:
                pass


def _mapping(merged: Model, file: str, name: str, classes: Mapping[str, tuple[str, str]]) -> Fix:
    configs = [each for each, (_, kind) in classes.items() if kind and kind == merged.model_type]
    if file != CONFIG or len(configs) != 1:
        return Fix.manual(
            message("why-class-not-mapped", "add an auto_map that points to the class, if you trust the code")
        )
    auto = "AutoModelForCausalLM" if name.endswith("ForCausalLM") else "AutoModel"
    mapping: dict[str, JsonValue] = {
        "AutoConfig": _reference(configs[0], classes),
        auto: _reference(name, classes),
    }
    return Fix.unsafe(
        message("why-code-will-run", "a server will run the code that it points to"),
        SetField(CONFIG, f"/{_MAP}", mapping),
    )


def _reference(name: str, classes: Mapping[str, tuple[str, str]]) -> str:
    return f"{classes[name][0].removesuffix('.py')}.{name}"


@rule("GF510", "code-from-two-places", Severity.INFO, question=FILES)
def _two_places(context: Context, rule: Rule) -> Iterator[Finding]:
    """`auto_map` points to code in this folder and to code in a repo of the Hub.

    Why: What is in another repo (`org/name--module.Class`) is loaded from the Hub at every start: it needs
    the network, and may change there while the code here stays.

    Fix: None.

    Safety: Manual: either works while the Hub is reached. transformers writes such entries when it saves a
    model that was loaded from the Hub.

    Sources:
    - transformers 5.24.0: dynamic_module_utils.py `get_class_from_dynamic_module`
    - huggingface/transformers#37716
    """
    remote: list[str] = []
    places: list[str] = []
    is_local = False
    for file in (CONFIG, TOKENIZER_CONFIG, *PROCESSOR_FILES):
        for reference in _references(context.merged.object(file).get(_MAP)):
            if re.fullmatch(_REMOTE, reference):
                remote.append(reference)
                places.append(file)
            elif "--" not in reference:
                is_local = True
    if remote and is_local:
        yield rule.finding(
            places[0],
            message(
                "code-from-two-places",
                "auto_map points here and to another repo: {places}",
                places=shown(remote),
            ),
            witness=Witness.FOLDER,
            pointer=f"/{_MAP}",
            fix=Fix.manual(
                message(
                    "why-code-from-two-places", "put the other repo's files here to do without the network"
                )
            ),
        )


def _references(value: JsonValue) -> Iterator[str]:
    for entry in value.values() if isinstance(value, dict) else ():
        yield from (each for each in (entry if isinstance(entry, list) else [entry]) if isinstance(each, str))


RULES: Final = (_not_mapped, _two_places)
