"""Real config sets, each as it is and with one change that merges, editors and people make.

What a toy of a few tokens cannot have is asked here: real vocabularies, real chat templates, and the keys
that real authors write. A file that no change touches is the same object in all folders of a set.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from genfix.json_types import JsonObject, JsonValue

__all__ = ["real_folders"]

Files = dict[str, bytes]
Change = Callable[[Files], Files]

_CONFIG: Final = "config.json"
_GENERATION: Final = "generation_config.json"
_TOKENIZER: Final = "tokenizer_config.json"
_SPECIAL: Final = "special_tokens_map.json"
_JINJA: Final = "chat_template.jinja"
_LEGACY: Final = "chat_template.json"
_SLOW: Final = ("vocab.json", "merges.txt", "tokenizer.model", "vocab.txt", "spiece.model")
_VOCABULARIES: Final = ("tokenizer.json", *_SLOW, "tekken.json")
_LARGEST: Final = 1 << 26
_LEFT_OUT: Final = (".index.json", ".safetensors", ".bin", ".gguf", ".md", ".py", ".png", ".pdf")
_TEMPLATE: Final = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
_OTHER: Final = "{% for m in messages %}{{ m.content }}\n{% endfor %}"


def real_folders(places: Iterable[Path]) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Names and files, for every folder in or below ``places`` that has a config.json."""
    for place in places:
        for config in sorted(place.rglob(_CONFIG)):
            files = _files(config.parent)
            name = str(config.parent.relative_to(place.parent))
            for change, changed in _changes(files):
                yield f"{name}/{change}", changed


def _files(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((*folder.glob("*"), *folder.glob("additional_chat_templates/*")))
        if path.is_file() and not path.name.endswith(_LEFT_OUT) and path.stat().st_size < _LARGEST
    }


def _changes(files: Files) -> Iterator[tuple[str, Files]]:
    """A change that changes nothing here, or that another made already, is left out."""
    seen: list[Files] = []
    for name, change in {"as-is": dict, **_CHANGES}.items():
        try:
            changed = change(files)
        except (KeyError, ValueError, AttributeError, TypeError):  # this set is not of that shape
            continue
        if changed not in seen:
            seen.append(changed)
            yield name, changed


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _object(files: Files, name: str) -> JsonObject:
    found: JsonObject = json.loads(files[name])
    return found


def _with(name: str, **values: JsonValue) -> Change:
    """These keys of a JSON file, which is made where it is missing."""
    return lambda files: {**files, name: _dump({**(_object(files, name) if name in files else {}), **values})}


def _without(name: str, *keys: str) -> Change:
    def change(files: Files) -> Files:
        kept = {key: value for key, value in _object(files, name).items() if key not in keys}
        return {**files, name: _dump(kept)}

    return change


def _lost(*names: str) -> Change:
    return lambda files: {name: content for name, content in files.items() if name not in names}


def _content(name: str, content: bytes) -> Change:
    return lambda files: {**files, name: content}


def _each(*changes: Change) -> Change:
    def change(files: Files) -> Files:
        for one in changes:
            files = one(files)
        return files

    return change


def _ends(files: Files) -> list[JsonValue]:
    """The stop ids that the set's own files list."""
    for name in (_GENERATION, _CONFIG):
        if name in files:
            found = _object(files, name).get("eos_token_id")
            if found is not None:
                return found if isinstance(found, list) else [found]
    raise KeyError("eos_token_id")


def _eos(name: str, choose: Callable[[list[JsonValue]], JsonValue]) -> Change:
    return lambda files: _with(name, eos_token_id=choose(_ends(files)))(files)


def _cut(name: str) -> Change:
    return lambda files: {**files, name: files[name][: len(files[name]) // 2]}


def _in_part(**values: JsonValue) -> Change:
    """Keys of the part of config.json that is the language model."""

    def change(files: Files) -> Files:
        part = _object(files, _CONFIG)["text_config"]
        return _with(_CONFIG, text_config={**dict(part), **values})(files)  # type: ignore[arg-type]

    return change


def _template(files: Files) -> str:
    """The set's own chat template, or one that any model could have."""
    if _JINJA in files:
        return files[_JINJA].decode()
    for name in (_TOKENIZER, _LEGACY):
        found = _object(files, name).get("chat_template") if name in files else None
        if isinstance(found, str):
            return found
    return _TEMPLATE


_no_template: Final = _each(
    _lost(_JINJA, _LEGACY),
    lambda files: _without(_TOKENIZER, "chat_template")(files) if _TOKENIZER in files else files,
)


def _templates(*, inline: JsonValue = None, **contents: str) -> Change:
    """Chat templates in these places alone; ``""`` is the set's own."""

    def change(files: Files) -> Files:
        own = _template(files)
        placed = _no_template(files)
        if inline is not None:
            placed = _with(_TOKENIZER, chat_template=inline or own)(placed)
        if "jinja" in contents:
            placed = _content(_JINJA, (contents["jinja"] or own).encode())(placed)
        if "legacy" in contents:
            placed = _with(_LEGACY, chat_template=contents["legacy"] or own)(placed)
        if "tools" in contents:
            placed = _content("additional_chat_templates/tool_use.jinja", contents["tools"].encode())(placed)
        return placed

    return change


def _eos_object(files: Files) -> Files:
    token = _object(files, _TOKENIZER)["eos_token"]
    text = token["content"] if isinstance(token, dict) else token
    return _with(_TOKENIZER, eos_token={"content": text, "lstrip": False, "special": True})(files)


def _other_eos(name: str) -> Change:
    """An EOS token that is another of the added ones."""

    def change(files: Files) -> Files:
        added = _object(files, _TOKENIZER)["added_tokens_decoder"]
        texts = [token["content"] for token in added.values()] if isinstance(added, dict) else []  # type: ignore[call-overload, index]
        return _with(name, eos_token=texts[-1])(files)

    return change


_NAMED: Final[JsonValue] = [
    {"name": "default", "template": _TEMPLATE},
    {"name": "tool_use", "template": _OTHER},
]
_NO_DEFAULT: Final[JsonValue] = [{"name": "tool_use", "template": _OTHER}]
_YARN: Final[JsonValue] = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}
_LENGTHS: Final = ("max_position_embeddings", "seq_length", "n_positions", "max_sequence_length")

_CHANGES: Final[Mapping[str, Change]] = {
    "generation-lost": _lost(_GENERATION),
    "generation-empty": _content(_GENERATION, b"{}"),
    "generation-no-bytes": _content(_GENERATION, b""),
    "generation-null": _content(_GENERATION, b"null"),
    "generation-cut": _cut(_GENERATION),
    "generation-bom": lambda files: {**files, _GENERATION: b"\xef\xbb\xbf" + files[_GENERATION]},
    "generation-eos-first": _eos(_GENERATION, lambda ends: ends[0]),
    "generation-eos-last": _eos(_GENERATION, lambda ends: ends[-1:]),
    "generation-eos-turned": _eos(_GENERATION, lambda ends: [*reversed(ends), ends[0]]),
    "generation-eos-texts": _eos(_GENERATION, lambda ends: [str(end) for end in ends]),
    "generation-eos-null": _with(_GENERATION, eos_token_id=None),
    "generation-eos-none": _with(_GENERATION, eos_token_id=[]),
    "generation-eos-lost": _without(_GENERATION, "eos_token_id"),
    "generation-eos-outside": _with(_GENERATION, eos_token_id=999_999_999),
    "generation-eos-true": _with(_GENERATION, eos_token_id=True),
    "generation-from-config": _with(
        _GENERATION, _from_model_config=True, presence_penalty=0.5, temperature=0.3, do_sample=True
    ),
    "generation-greedy": _with(_GENERATION, do_sample=False, temperature=0.6, top_p=0.9),
    "generation-sampling": _with(
        _GENERATION,
        do_sample=True,
        temperature=0.3,
        top_p=0.9,
        top_k=5,
        min_p=0.1,
        repetition_penalty=1.1,
        presence_penalty=0.2,
        frequency_penalty=0.1,
        max_new_tokens=7,
        skip_special_tokens=False,
    ),
    "generation-hot": _with(_GENERATION, temperature=0.0, top_k=0, top_p=1.5),
    "generation-stop-strings": _with(_GENERATION, stop_strings=["\nUser:"]),
    "generation-pad-text": _with(_GENERATION, pad_token_id="<pad>"),
    "config-eos-lost": _without(_CONFIG, "eos_token_id"),
    "config-eos-null": _with(_CONFIG, eos_token_id=None),
    "config-eos-first": _eos(_CONFIG, lambda ends: ends[0]),
    "config-eos-all": _eos(_CONFIG, lambda ends: ends),
    "config-eos-text": _with(_CONFIG, eos_token_id="2"),
    "config-eos-other-alone": _each(_lost(_GENERATION), _with(_CONFIG, eos_token_id=[2, 5])),
    "config-eos-lost-alone": _each(_lost(_GENERATION), _without(_CONFIG, "eos_token_id")),
    "config-eos-null-alone": _each(_lost(_GENERATION), _with(_CONFIG, eos_token_id=None)),
    "config-part-eos": _in_part(eos_token_id=7),
    "config-part-eos-alone": _each(_lost(_GENERATION), _in_part(eos_token_id=[7, 8])),
    "config-sampling-alone": _each(
        _lost(_GENERATION), _with(_CONFIG, temperature=0.4, top_k=9, max_length=7)
    ),
    "config-class-lost": _without(_CONFIG, "architectures"),
    "config-class-none": _with(_CONFIG, architectures=[]),
    "config-class-unknown": _with(_CONFIG, architectures=["OwnForCausalLM"]),
    "config-type-lost": _without(_CONFIG, "model_type"),
    "config-type-unknown": _with(_CONFIG, model_type="own_type"),
    "config-code-lost": _without(_CONFIG, "auto_map"),
    "config-code-named": _with(_CONFIG, auto_map={"AutoConfig": "configuration_own.OwnConfig"}),
    "config-cut": _cut(_CONFIG),
    "config-length-lost": _without(_CONFIG, *_LENGTHS),
    "config-length-short": _with(_CONFIG, max_position_embeddings=1000),
    "config-length-null": _with(_CONFIG, max_position_embeddings=None),
    "config-length-own": _with(_CONFIG, model_max_length=1500),
    "config-window": _with(_CONFIG, sliding_window=512, use_sliding_window=True),
    "config-rope-null": _each(_without(_CONFIG, "rope_parameters"), _with(_CONFIG, rope_scaling=None)),
    "config-rope-yarn": _with(_CONFIG, rope_scaling=_YARN),
    "config-rope-older": _with(_CONFIG, rope_scaling={"type": "linear", "factor": 2.0}),
    "config-rope-dynamic": _with(_CONFIG, rope_scaling={"rope_type": "dynamic", "factor": 2.0}),
    "config-rope-without-factor": _with(_CONFIG, rope_scaling={"rope_type": "yarn"}),
    "config-rope-parameters": _with(_CONFIG, rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
    "tokenizer-config-lost": _lost(_TOKENIZER),
    "tokenizer-config-cut": _cut(_TOKENIZER),
    "tokenizer-eos-lost": _without(_TOKENIZER, "eos_token"),
    "tokenizer-eos-lost-everywhere": _each(_without(_TOKENIZER, "eos_token"), _lost(_SPECIAL)),
    "tokenizer-eos-null": _with(_TOKENIZER, eos_token=None),
    "tokenizer-eos-other": _other_eos(_TOKENIZER),
    "tokenizer-eos-object": _eos_object,
    "tokenizer-eos-unknown": _with(_TOKENIZER, eos_token="<|no such token|>"),
    "tokenizer-eos-empty": _with(_TOKENIZER, eos_token=""),
    "tokenizer-unknown-empty": _with(_TOKENIZER, unk_token=""),
    "tokenizer-class-t5": _with(_TOKENIZER, tokenizer_class="T5Tokenizer"),
    "tokenizer-class-lost": _without(_TOKENIZER, "tokenizer_class"),
    "tokenizer-class-fast": _with(_TOKENIZER, tokenizer_class="PreTrainedTokenizerFast"),
    "tokenizer-class-newest": _with(_TOKENIZER, tokenizer_class="TokenizersBackend"),
    "tokenizer-class-llama": _with(_TOKENIZER, tokenizer_class="LlamaTokenizer"),
    "tokenizer-class-qwen": _with(_TOKENIZER, tokenizer_class="Qwen2TokenizerFast"),
    "tokenizer-class-unknown": _with(_TOKENIZER, tokenizer_class="OwnTokenizer"),
    "tokenizer-added-lost": _without(_TOKENIZER, "added_tokens_decoder"),
    "tokenizer-length": _with(_TOKENIZER, model_max_length=512),
    "tokenizer-extra": _with(_TOKENIZER, extra_special_tokens=["<|extra|>"]),
    "tokenizer-code-lost": _without(_TOKENIZER, "auto_map"),
    "special-lost": _lost(_SPECIAL),
    "special-eos-other": _other_eos(_SPECIAL),
    "special-alone": _each(_without(_TOKENIZER, "eos_token"), _with(_SPECIAL, pad_token="<pad>")),
    "added-lost": _lost("added_tokens.json"),
    "vocabulary-fast-lost": _lost("tokenizer.json"),
    "vocabulary-fast-cut": _cut("tokenizer.json"),
    "vocabulary-slow-lost": _lost(*_SLOW),
    "vocabulary-lost": _lost(*_VOCABULARIES),
    "template-none": _no_template,
    "template-inline": _templates(inline=""),
    "template-inline-named": _templates(inline=_NAMED),
    "template-inline-no-default": _templates(inline=_NO_DEFAULT),
    "template-jinja": _templates(jinja=""),
    "template-legacy": _templates(legacy=""),
    "template-jinja-over-inline": _templates(jinja="", inline=_OTHER),
    "template-legacy-over-jinja": _templates(legacy=_OTHER, jinja=""),
    "template-legacy-and-inline": _templates(legacy=_OTHER, inline=""),
    "template-tools": _templates(jinja="", tools=_OTHER),
    "template-tools-alone": _templates(tools=_OTHER),
    "template-broken": _templates(jinja="{% for m in messages %}"),
    "template-processor": _with("processor_config.json", chat_template=_OTHER),
    "preprocessor-lost": _lost("preprocessor_config.json", "processor_config.json"),
}
