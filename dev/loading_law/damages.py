"""What commonly goes wrong with the files of a merge, done to a folder."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias
from zlib import crc32

from dev.loading_law.files import Files, dumped, parsed
from genfix.json_types import JsonValue

__all__ = ["DAMAGES", "damaged"]

_Object: TypeAlias = dict[str, JsonValue]
_Edit: TypeAlias = Callable[[_Object], _Object]


def _edited(name: str, edit: _Edit) -> Callable[[Files], Files]:
    def damage(files: Files) -> Files:
        value = parsed(files, name)
        return files if value is None else {**files, name: dumped(edit(value))}

    return damage


def _without_files(*names: str) -> Callable[[Files], Files]:
    return lambda files: {name: content for name, content in files.items() if not name.startswith(names)}


def _without_keys(lost: Callable[[str], bool]) -> _Edit:
    def edit(value: _Object) -> _Object:
        return {key: _inside(inner, edit) for key, inner in value.items() if not lost(key)}

    return edit


def _inside(value: JsonValue, edit: _Edit) -> JsonValue:
    return edit(value) if isinstance(value, dict) else value


def _half(value: _Object) -> _Object:
    return {
        key: inner for number, (key, inner) in enumerate(value.items()) if number % 2 or key == "model_type"
    }


def _numbers(of: frozenset[str], change: Callable[[int], int]) -> _Edit:
    def edit(value: _Object) -> _Object:
        return {
            key: change(inner) if key in of and isinstance(inner, int) else _inside(inner, edit)
            for key, inner in value.items()
        }

    return edit


def _untied(value: _Object) -> _Object:
    return value | {"tie_word_embeddings": value.get("tie_word_embeddings") is False}


def _one_stop(value: _Object) -> _Object:
    ids = value.get("eos_token_id")
    return value | {"eos_token_id": ids[0]} if isinstance(ids, list) and ids else value


_TOKENIZER: Final = ("tokenizer", "special_tokens_map", "added_tokens", "vocab", "merges", "chat_template")
_IDS: Final = _without_keys(lambda key: key.endswith(("_token_id", "_token_index")))
_LAYERS: Final = frozenset({"num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers"})

DAMAGES: Final[Mapping[str, Callable[[Files], Files]]] = {
    "generation_config lost": _without_files("generation_config.json"),
    "one stop id left": _edited("generation_config.json", _one_stop),
    "token ids lost": _edited("config.json", _IDS),
    "RoPE lost": _edited("config.json", _without_keys(lambda key: key.startswith("rope"))),
    "half of config.json lost": _edited("config.json", _half),
    "architectures lost": _edited("config.json", _without_keys(lambda key: key == "architectures")),
    "another vocabulary size": _edited(
        "config.json", _numbers(frozenset({"vocab_size"}), lambda size: size + 64)
    ),
    "another layer count": _edited("config.json", _numbers(_LAYERS, lambda size: size + 1)),
    "tied or untied": _edited("config.json", _untied),
    "tokenizer files lost": _without_files(*_TOKENIZER),
    "tokenizer_config narrowed": lambda files: _edited(
        "tokenizer_config.json",
        _without_keys(lambda key: key not in {"eos_token", "tokenizer_class", "backend"}),
    )(_without_files("special_tokens_map", "chat_template")(files)),
    "processor files lost": _without_files(
        "preprocessor_config", "processor_config", "video_preprocessor_config"
    ),
}


def damaged(files: Files, name: str, at_most: int) -> Mapping[str, Files]:
    """By damage, the folder with it; only where it changes something.

    With ``at_most`` fewer than all it is their turn by the subject's name, so that many subjects get all.
    """
    done = {damage: damaging(files) for damage, damaging in DAMAGES.items()}
    real = [(damage, result) for damage, result in done.items() if result != files]
    start = crc32(name.encode()) % max(len(real), 1)
    return dict([*real[start:], *real[:start]][:at_most])
