"""The same folder in other words: line ends, key order, indentation, nulls that are the default, one id as a
list, and the chat template in a file of its own.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from hypothesis import strategies as st

from genfix.folder import FileKind, kind_of
from genfix.json_types import JsonValue
from tests.support.folders import Files, dump

__all__ = ["TEMPLATE_FILE", "TOKENIZER", "inline_template", "respelled", "with_template_file"]

TOKENIZER, TEMPLATE_FILE = "tokenizer_config.json", "chat_template.jinja"
_NULLS: Final[Mapping[str, tuple[str, ...]]] = {
    "config.json": ("problem_type", "task_specific_params", "sep_token_id", "finetuning_task", "prefix"),
    "generation_config.json": ("max_time", "stop_strings", "forced_eos_token_id", "max_new_tokens", "min_p"),
    TOKENIZER: ("sep_token", "cls_token", "unk_token"),
    "tokenizer.json": ("truncation", "padding", "normalizer", "post_processor"),
}
"""Keys whose class default is null."""
_IDS: Final = ("config.json", "generation_config.json")
_LAYOUTS: Final[tuple[Callable[[JsonValue], str], ...]] = (
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    lambda value: json.dumps(value, indent=4),
    lambda value: json.dumps(value, indent="\t", sort_keys=True) + "\n",
    lambda value: json.dumps(_other_way_round(value), indent=2, ensure_ascii=False) + "\n\n",
    lambda value: json.dumps(value, indent=2).replace("\n", "\r\n"),
)


@st.composite
def respelled(draw: st.DrawFn, files: Files) -> Files:
    """``files`` with the same meaning."""
    result = dict(files)
    for name in sorted(files):
        if name.endswith((".jinja", ".py")) or name == "LICENSE":
            ends = draw(st.sampled_from([b"\n", b"\r\n"]))
            result[name] = files[name].replace(b"\r\n", b"\n").replace(b"\n", ends)
        document = _object(files[name]) if name.endswith(".json") else None
        if document is not None and draw(st.booleans()):
            result[name] = draw(st.sampled_from(_LAYOUTS))(draw(_same(name, document))).encode()
    return result


@st.composite
def _same(draw: st.DrawFn, name: str, document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    result = dict(document)
    template = result.get("chat_template")
    if isinstance(template, str) and draw(st.booleans()):
        result["chat_template"] = template.replace("\r\n", "\n").replace("\n", "\r\n")
    if name in _IDS and draw(st.booleans()):
        ids = result.get("eos_token_id")
        if isinstance(ids, int):
            result["eos_token_id"] = [ids]
        elif isinstance(ids, list) and len(ids) == 1:
            result["eos_token_id"] = ids[0]
    for key in draw(st.sets(st.sampled_from(_NULLS.get(name, ("",))), max_size=2)) - {""}:
        result.setdefault(key, None)
    return result


def inline_template(files: Files) -> str | None:
    """The chat template of tokenizer_config.json where it is the folder's only one."""
    template = (_object(files.get(TOKENIZER)) or {}).get("chat_template")
    is_alone = not any(kind_of(name) is FileKind.CHAT_TEMPLATE for name in files)
    return template if isinstance(template, str) and is_alone else None


def with_template_file(files: Files, end: str) -> Files:
    """``files`` with their inline template in chat_template.jinja."""
    document = _object(files[TOKENIZER]) or {}
    template = document.pop("chat_template")
    return files | {TOKENIZER: dump(document), TEMPLATE_FILE: f"{template}{end}".encode()}


def _object(content: bytes | None) -> dict[str, JsonValue] | None:
    """What a JSON file says; `None` where it is none, or a key stands in it twice."""
    try:
        value: JsonValue = json.loads((content or b"").decode(), object_pairs_hook=_once)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def _other_way_round(value: JsonValue) -> JsonValue:
    """``value`` with the keys of all objects the other way round, and whole numbers without a fraction."""
    match value:
        case dict():
            return {key: _other_way_round(inner) for key, inner in reversed(value.items())}
        case list():
            return [_other_way_round(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
