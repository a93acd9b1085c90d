"""Builds model folders: a model type with tiny sizes, and a published config with tiny sizes and its own
spelling.
"""

import contextlib
import inspect
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import torch
import transformers

from dev.loading_law.child import classes
from dev.loading_law.child.sizes import ATTEMPTS, Shrink, layer_counts, of_counted, of_published
from dev.loading_law.child.tokenizers import KINDS, special_tokens, token_id, write_tokenizer

__all__ = ["Built", "build_type", "resave", "shrink_published", "spell"]

_LARGEST: Final = 20_000_000
"""Parameters, beyond which a model is not tiny."""
_ID: Final = re.compile(r"(\w+?)_token_(?:id|index)$")
_PARTS: Final = ("image_processor", "video_processor", "feature_extractor")
_ROPES: Final = (
    {"rope_theta": 4321.0},
    {"rope_theta": 4321.0, "rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    {
        "rope_theta": 4321.0,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
    },
)
"""Tried in an order that differs by type; never the class's own, so that a loss of them is one."""


class Built(NamedTuple):
    """How a type was built, for the other readers to spell it too."""

    kind: str
    model: str
    options: Mapping[str, object]
    """What the config class is given beyond its defaults."""
    generates: bool


def _overrides(config: transformers.PretrainedConfig, shrink: Shrink) -> tuple[dict[str, object], set[str]]:
    """What makes a config tiny, and the names of the tokens whose ids it has."""
    options: dict[str, object] = {}
    names: set[str] = set()
    known = config.to_dict()
    counts = layer_counts(vars(config), shrink)
    for field, value in vars(config).items():
        if isinstance(value, transformers.PretrainedConfig):
            inner, inside = _overrides(value, shrink)
            options[field] = inner | ({"model_type": value.model_type} if value.model_type else {})
            names |= inside
        elif field in known and not field.startswith("_"):
            if (match := _ID.match(field)) and isinstance(value, int | list) and not isinstance(value, bool):
                names.add(match[1])
                options[field] = token_id
            elif (small := of_counted(shrink(field, value), counts)) != value:
                options[field] = small
    return options, names


def _with_ids(options: Mapping[str, object], specials: Mapping[str, int]) -> dict[str, object]:
    out: dict[str, object] = {}
    for field, value in options.items():
        if value is token_id:
            out[field] = token_id(specials, _ID.match(field)[1])
        else:
            out[field] = _with_ids(value, specials) if isinstance(value, dict) else value
    return out


def _with_rope(kind: str, options: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """The options with other RoPE settings than the class's own, and without."""
    turn = crc32(kind.encode()) % len(_ROPES)
    for rope in (*_ROPES[turn:], _ROPES[0]):
        yield {**options, **deepcopy(rope)}  # classes write into what they are given
    yield dict(options)


def _keeps_rope(config: transformers.PretrainedConfig) -> bool:
    return "4321.0" in json.dumps(config.to_dict().get("rope_parameters") or {}, default=str)


def build_type(kind: str, raw: Path) -> Built:
    """Make ``raw`` a folder with tiny weights, a config, and tokenizer files of the type.

    Raises what the type's classes raise, where none of the attempts builds.
    """
    config_class = classes.config_class(kind)
    models = list(dict.fromkeys(classes.model_classes(kind, config_class)))
    if not models:
        raise LookupError("no model class takes this config")
    processor = classes.part_class("processor", kind)
    named = classes.named_tokens(processor) if processor else ()
    first: Exception | None = None
    for shrink in ATTEMPTS:
        options, names = _overrides(config_class(), shrink)
        specials = special_tokens(sorted(names | set(named)))
        plain = _with_ids(options, specials)
        for model_class in models[:3]:
            for chosen in _with_rope(kind, plain):
                try:
                    config = config_class(**chosen)
                    if "rope_theta" in chosen and not _keeps_rope(config):
                        continue
                    model = _model(model_class, config)
                except Exception as error:
                    if chosen == plain:  # a class without RoPE says only what it misses for it
                        first = first or error
                    continue
                config.save_pretrained(raw)
                model.save_pretrained(raw)
                built = Built(
                    kind, model_class.__name__, chosen, bool(getattr(model, "can_generate", bool)())
                )
                _choose_tokenizer(built, raw, specials, named)
                return built
    raise first or LookupError("nothing tiny")


def _model(model_class: type, config: transformers.PretrainedConfig) -> torch.nn.Module:
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in model_class(config).parameters())
    if size > _LARGEST:
        raise MemoryError(f"{size:.0e} parameters at the least")
    torch.manual_seed(0)
    return model_class(config).eval()


def _choose_tokenizer(built: Built, raw: Path, specials: Mapping[str, int], named: Sequence[str]) -> None:
    """The type's own tokenizer class where it loads these files, else the general one; none for no text."""
    own = classes.tokenizer_class(built.kind)
    if own is None and not built.generates:
        return
    tries = [(kind, own) for kind in KINDS if own] + [("BPE", "PreTrainedTokenizerFast")]
    for kind, name in tries:
        write_tokenizer(raw, kind, name, specials, named, chat=built.generates)
        with contextlib.suppress(Exception):
            tokenizer = transformers.AutoTokenizer.from_pretrained(raw)
            ids = tokenizer("the cat")["input_ids"]
            if type(tokenizer.backend_tokenizer.model).__name__ == kind and ids and max(ids) < 512:
                # the class cuts text in its own way: the file says so too, as published ones do
                tokenizer.backend_tokenizer.save(str(raw / "tokenizer.json"))
                return
    for left in raw.glob("tokenizer*"):
        left.unlink()


def spell(built: Built, raw: Path, folder: Path) -> dict[str, str]:
    """Write the type's folder as this release writes it; by part, why a part could not be made.

    The weights are not copied. Raises where this release has no such type or its classes take other options.
    """
    config = classes.config_class(built.kind)(**built.options)
    config.architectures = [built.model]
    config.save_pretrained(folder)
    failed: dict[str, str] = {}
    if built.generates:
        generation = transformers.GenerationConfig.from_model_config(config)
        if (raw / "tokenizer.json").is_file():
            specials = {
                token["content"]: token["id"]
                for token in json.loads((raw / "tokenizer.json").read_text("utf-8"))["added_tokens"]
            }
            generation.update(
                eos_token_id=[specials["</s>"], specials["<|im_end|>"]], pad_token_id=specials["<pad>"]
            )
        generation.update(do_sample=True, temperature=0.7, top_p=0.8)
        generation.save_pretrained(folder)
    tokenizer = None
    if (raw / "tokenizer.json").is_file():
        try:
            unspelled = folder.with_name(f"{folder.name}0")
            shutil.copytree(raw, unspelled, ignore=shutil.ignore_patterns("*.safetensors"))
            shutil.copyfile(folder / "config.json", unspelled / "config.json")
            tokenizer = transformers.AutoTokenizer.from_pretrained(unspelled)
            tokenizer.save_pretrained(folder)
        except Exception as error:
            failed["tokenizer"] = _said(error)
    _processor(built.kind, tokenizer, folder, failed)
    return failed


def resave(folder: Path, again: Path) -> dict[str, str]:
    """Write all that this release loads of a folder as it writes it; by part, why it cannot."""
    failed: dict[str, str] = {}
    # Without a vocabulary transformers 5 makes up an empty tokenizer.
    tokenizer = ("AutoTokenizer", "AutoProcessor") if any(folder.glob("tokenizer*")) else ()
    for part in ("AutoConfig", "GenerationConfig", *tokenizer):
        try:
            getattr(transformers, part).from_pretrained(folder).save_pretrained(again)
        except Exception as error:
            failed[part] = _said(error)
    return failed


def _processor(kind: str, tokenizer: object, folder: Path, failed: dict[str, str]) -> None:
    parts = {} if tokenizer is None else {"tokenizer": tokenizer}
    for part in _PARTS:
        if (of_part := classes.part_class(part, kind)) is not None:
            try:
                parts[part] = of_part()
                parts[part].save_pretrained(folder)
            except Exception as error:
                failed[part] = _said(error)
    if (of_all := classes.part_class("processor", kind)) is not None:
        try:
            asked = inspect.signature(of_all.__init__).parameters
            template = (
                {"chat_template": tokenizer.chat_template}
                if tokenizer is not None and "chat_template" in asked
                else {}
            )
            of_all(
                **{name: part for name, part in parts.items() if name in asked}, **template
            ).save_pretrained(folder)
        except Exception as error:
            failed["processor"] = _said(error)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def shrink_published(folder: Path) -> str:
    """Make the sizes in ``config.json`` tiny, with the file's own keys, and make weights; the class's name.

    The vocabulary and the head size stay, for the ids and the RoPE settings.
    """
    path = folder / "config.json"
    path.write_text(json.dumps(of_published(json.loads(path.read_text("utf-8"))), indent=2), encoding="utf-8")
    config = transformers.AutoConfig.from_pretrained(folder)
    model_class = getattr(transformers, (config.architectures or [""])[0], None)
    if model_class is None:
        raise LookupError("config.json names no class of transformers")
    torch.manual_seed(0)
    model = model_class(config).to(torch.bfloat16).eval()
    own = path.read_bytes()
    model.save_pretrained(folder)
    path.write_bytes(own)
    return str(model_class.__name__)
