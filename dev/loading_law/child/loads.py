"""Loads the parts of one folder, one by one, and says what they hold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
import transformers

from dev.loading_law.child import classes

__all__ = ["load"]

TEXTS: Final = (
    "The quick brown fox, 42 times.",
    "天地玄黄宇宙洪荒",
    " two  spaces\tand\na line",
    "<|im_start|>user\nhi<|im_end|>",
    "<s>[INST] hi [/INST]</s>",
    "naïve café — “quoted”",
    "def f(x):\n    return x**2  # code\n",
    "1234567890 3.14159",
    "🙂🙃 emoji",
    "",
)
QUESTION: Final = "qqqq"
REPLY: Final = "zzzz"
CHATS: Final = tuple(
    [{"role": role, "content": text} for role, text in (("user", QUESTION), ("assistant", REPLY), *rest)]
    for rest in ((), (("user", QUESTION),), (("tool", QUESTION),), (("observation", QUESTION),))
)
LARGEST: Final = 60_000_000
IDS: Final = tuple(range(3, 43))
"""What the model is asked: long enough for a wrong rotation to show, and without special tokens."""


def load(folder: Path, parts: Sequence[str], *, code: bool) -> dict[str, object]:
    """By part, ``{"error"}`` or ``{"facts"}``; ``code``: whether the folder's own code may run."""
    loaders: Mapping[str, Callable[..., dict[str, object]]] = {
        "config": _config,
        "generation": _generation,
        "tokenizer": _tokenizer,
        "processor": _processor,
        "model": _model,
    }
    found: dict[str, object] = {}
    for part in parts:
        try:
            found[part] = {"facts": loaders[part](folder, code=code)}
        except Exception as error:
            said = " ".join(str(error).replace(str(folder), "FOLDER").split())
            found[part] = {"error": f"{type(error).__name__}: {said}"[:300]}
    return found


def _auto_config(folder: Path, *, code: bool) -> transformers.PretrainedConfig:
    return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=code)


def _config(folder: Path, *, code: bool) -> dict[str, object]:
    return {"class": type(_auto_config(folder, code=code)).__name__}


def _generation(folder: Path, *, code: bool) -> dict[str, object]:
    if (folder / "generation_config.json").is_file():
        generation = transformers.GenerationConfig.from_pretrained(folder)
    else:
        generation = transformers.GenerationConfig.from_model_config(_auto_config(folder, code=code))
    eos = generation.eos_token_id
    return {"stops": sorted(set(eos if isinstance(eos, list) else [] if eos is None else [eos]))}


def _tokenizer(folder: Path, *, code: bool) -> dict[str, object]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=code)
    facts: dict[str, object] = {"ids": [tokenizer(text)["input_ids"] for text in TEXTS]}
    if getattr(tokenizer, "chat_template", None):
        texts = [_render(tokenizer, chat) for chat in CHATS]
        facts["template"] = texts
        facts["turn ends"] = sorted({end for text in texts if text for end in _turn_ends(tokenizer, text)})
    return facts


def _render(tokenizer: transformers.PreTrainedTokenizerBase, chat: list[dict[str, str]]) -> str | None:
    try:
        text: str = tokenizer.apply_chat_template(chat, tokenize=False)
    except Exception:
        return None
    return text


def _turn_ends(tokenizer: transformers.PreTrainedTokenizerBase, text: str) -> Iterator[int]:
    """The first special token after the answer."""
    after = text.partition(REPLY)[2]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    yield from [i for i in tokenizer(after, add_special_tokens=False)["input_ids"] if i in special][:1]


def _processor(folder: Path, *, code: bool) -> dict[str, object]:
    processor = transformers.AutoProcessor.from_pretrained(folder, trust_remote_code=code)
    return {"class": type(processor).__name__}


def _model(folder: Path, *, code: bool) -> dict[str, object]:
    config = _auto_config(folder, code=code)
    name = (config.architectures or [""])[0]
    model_class = getattr(transformers, name, None)
    if model_class is None and not getattr(config, "auto_map", None):
        found = classes.model_classes(config.model_type, type(config))
        model_class = next((each for each in found if each.__name__ == name), None)
    if model_class is None:
        model_class = transformers.AutoModelForCausalLM
    _refuse_large(model_class, config)
    torch.manual_seed(0)  # what is missing is made up, each time alike
    model, info = model_class.from_pretrained(
        folder, trust_remote_code=code, output_loading_info=True, dtype=torch.float32
    )
    rotations = {tuple(float(f"{value:.5g}") for value in values) for values in _frequencies(model)}
    facts: dict[str, object] = {
        "class": type(model).__name__,
        "missing": sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]])),
        "rope": [*sorted(rotations), sorted(_scalings(model))],
    }
    if (answer := _answer(model.eval())) is not None:
        facts["answer"] = answer
    return facts


def _refuse_large(model_class: type, config: transformers.PretrainedConfig) -> None:
    """Raise where the config, of lost sizes, asks for a whole model of made-up weights."""
    if getattr(config, "auto_map", None):
        return  # its own code may not know of tensors without memory
    with torch.device("meta"):
        model = getattr(model_class, "from_config", model_class)(config)
    size = sum(parameter.numel() for parameter in model.parameters())
    if size > LARGEST:
        raise MemoryError(f"{size:.0e} parameters: not the tiny model")


def _frequencies(model: torch.nn.Module) -> Iterator[list[float]]:
    """The rotation of each position as the built model really uses it."""
    for name, buffer in model.named_buffers():
        if name.endswith("inv_freq") and not name.endswith("original_inv_freq"):
            yield buffer.flatten().tolist()


def _scalings(model: torch.nn.Module) -> set[float]:
    return {
        float(f"{value:.5g}")
        for module in model.modules()
        for name, value in vars(module).items()
        if name.endswith("attention_scaling") and isinstance(value, float | int) and value != 1
    }


def _answer(model: torch.nn.Module) -> list[float] | None:
    """What the model says next, of a model that takes token ids."""
    asked = torch.tensor([IDS])
    given = {"decoder_input_ids": asked} if getattr(model.config, "is_encoder_decoder", False) else {}
    try:
        with torch.no_grad():
            logits = model(input_ids=asked, **given).logits
        return [round(float(value), 5) for value in logits.reshape(-1, logits.shape[-1])[-1][:64]]
    except Exception:
        return None
