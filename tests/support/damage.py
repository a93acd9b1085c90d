"""What careless tools make of a folder, drawn by hypothesis."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from genfix.json_types import JsonValue
from tests.support.folders import Files, dump
from tests.support.rule_cases import CASES, Case

__all__ = ["combined", "damaged"]


@st.composite
def damaged(draw: st.DrawFn, base: Files) -> Files:
    """``base`` after a careless tool: files lost or torn, keys lost, values narrowed."""
    files = dict(base)
    for name in sorted(draw(st.sets(st.sampled_from(sorted(base))))):
        del files[name]
    readable = [name for name in sorted(files) if name.endswith(".json")]
    for name in sorted(draw(st.sets(st.sampled_from(readable), max_size=3))) if readable else ():
        document: dict[str, JsonValue] = json.loads(files[name])
        for key in sorted(draw(st.sets(st.sampled_from(sorted(document))))):
            changed = draw(st.sampled_from(["lost", "null", "narrowed", "list", "text", "number"]))
            document[key] = _changed(document[key], changed)
            if changed == "lost":
                del document[key]
        document |= draw(st.sampled_from([{}, {}, {"max_new_tokens": 64}, {"_from_model_config": True}]))
        files[name] = draw(st.sampled_from([dump(document)] * 6 + [b"", dump(document)[:-5]]))
    return files


def _changed(value: JsonValue, how: str) -> JsonValue:
    match how:
        case "narrowed" if isinstance(value, list) and value:
            return value[0]
        case "list":
            return [value]
        case "text":
            return "<|im_end|>"
        case "number":
            return 0
        case _:
            return None


@st.composite
def combined(draw: st.DrawFn) -> Case:
    """The faults of one to three rules in one folder, with the base and the adapter of the first."""
    first, *others = draw(st.lists(st.sampled_from(sorted(CASES)), min_size=1, max_size=3, unique=True))
    case = CASES[first]
    files = dict(case.failing)
    for code in others:
        files = _with_fault(files, CASES[code])
    return case._replace(failing=files, base=draw(st.sampled_from([case.base, case.base, None])))


def _with_fault(files: Files, other: Case) -> Files:
    """``files`` with what is wrong in another folder, file by file, and in a JSON file key by key."""
    result = dict(files)
    healthy = other.base if other.base is not None else other.passing
    for name in sorted({*other.failing, *healthy}):
        was, now = healthy.get(name), other.failing.get(name)
        if was == now:
            continue
        documents = [_object(content) for content in (was, now, result.get(name))]
        if now is None:
            result.pop(name, None)
        elif all(document is not None for document in documents):
            result[name] = _edited(*(document or {} for document in documents))
        else:
            result[name] = now
    return result


def _edited(
    was: Mapping[str, JsonValue], now: Mapping[str, JsonValue], own: Mapping[str, JsonValue]
) -> bytes:
    """``own`` with what changed from ``was`` to ``now``."""
    kept = {key: value for key, value in own.items() if key in now or key not in was}
    return dump(kept | {key: value for key, value in now.items() if key not in was or was[key] != value})


def _object(content: bytes | None) -> dict[str, JsonValue] | None:
    try:
        value: JsonValue = json.loads(content or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
