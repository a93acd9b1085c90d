"""Real-shaped model folders for tests, written by us: GLM-4, a ChatML model, a vision-language one."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from genfix.folder import FileStat, Origin
from genfix.json_types import JsonValue

__all__ = [
    "CHATML",
    "CHATML_TOKENS",
    "FAMILIES",
    "GLM_TEMPLATE",
    "Files",
    "MemoryFolder",
    "added_tokens",
    "chatml_files",
    "dump",
    "glm_files",
    "pretrained_files",
    "safetensors",
    "vlm_files",
    "with_head",
    "with_json",
    "with_token_list",
    "without",
    "write_folder",
]

Files: TypeAlias = dict[str, bytes]

GLM_TOKENS = {
    "<|endoftext|>": 151329,
    "[gMASK]": 151331,
    "<sop>": 151333,
    "<|system|>": 151335,
    "<|user|>": 151336,
    "<|assistant|>": 151337,
    "<|observation|>": 151338,
}
GLM_TEMPLATE = (
    "[gMASK]<sop>{% for m in messages %}{% if m.role == 'tool' %}<|observation|>\n{{ m.content }}"
    "{% else %}<|{{ m.role }}|>\n{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
CHATML_TOKENS = {"<|endoftext|>": 1000, "<|im_start|>": 1001, "<|im_end|>": 1002}
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def dump(value: object) -> bytes:
    """JSON as transformers saves it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def added_tokens(tokens: Mapping[str, int]) -> dict[str, JsonValue]:
    """``added_tokens_decoder`` of a tokenizer_config.json."""
    return {str(token_id): {"content": text, "special": True} for text, token_id in tokens.items()}


def glm_files() -> Files:
    """A GLM-4-9B-Chat-shaped base, as custom code."""
    code = {"AutoConfig": "configuration_chatglm.ChatGLMConfig", "AutoModel": "modeling_chatglm.ChatGLMModel"}
    return {
        "config.json": dump(
            {
                "model_type": "chatglm",
                "architectures": ["ChatGLMModel"],
                "auto_map": code,
                "hidden_size": 4096,
                "padded_vocab_size": 151552,
                "eos_token_id": [151329, 151336, 151338],
                "pad_token_id": 151329,
                "rope_ratio": 500,
                "torch_dtype": "bfloat16",
            }
        ),
        "generation_config.json": dump(
            {
                "eos_token_id": [151329, 151336, 151338],
                "pad_token_id": 151329,
                "do_sample": True,
                "temperature": 0.8,
                "max_length": 128000,
                "top_p": 0.8,
                "transformers_version": "4.44.0",
            }
        ),
        "tokenizer_config.json": dump(
            {
                "auto_map": {"AutoTokenizer": ["tokenization_chatglm.ChatGLM4Tokenizer", None]},
                "added_tokens_decoder": added_tokens(GLM_TOKENS),
                "chat_template": GLM_TEMPLATE,
                "eos_token": "<|endoftext|>",
                "model_max_length": 1000000000000000019884624838656,
                "tokenizer_class": "ChatGLM4Tokenizer",
            }
        ),
        "tokenizer.model": b"vocabulary",
        "configuration_chatglm.py": b"class ChatGLMConfig: ...\n",
        "modeling_chatglm.py": b"from .configuration_chatglm import ChatGLMConfig\n",
        "tokenization_chatglm.py": b"class ChatGLM4Tokenizer: ...\n",
        "LICENSE": b"do good\n",
        "README.md": b"# base\n",
    }


def chatml_files(eos: JsonValue = None) -> Files:
    """A Qwen2.5-Instruct-shaped base: two ids in generation_config.json, one in config.json."""
    tokens = [{"id": i, "content": t, "special": True} for t, i in CHATML_TOKENS.items()]
    return {
        "config.json": dump(
            {
                "architectures": ["Qwen2ForCausalLM"],
                "model_type": "qwen2",
                "hidden_size": 64,
                "vocab_size": 1024,
                "eos_token_id": 1002,
                "rope_theta": 1000000.0,
            }
        ),
        "generation_config.json": dump(
            {
                "bos_token_id": 1000,
                "do_sample": True,
                "eos_token_id": [1002, 1000] if eos is None else eos,
                "repetition_penalty": 1.05,
                "temperature": 0.7,
                "top_k": 20,
            }
        ),
        "tokenizer.json": dump(
            {"version": "1.0", "added_tokens": tokens, "model": {"type": "BPE", "vocab": {}}}
        ),
        "tokenizer_config.json": dump(
            {"chat_template": CHATML, "eos_token": "<|im_end|>", "tokenizer_class": "Qwen2Tokenizer"}
        ),
    }


def pretrained_files() -> Files:
    """A Qwen2.5-shaped pretrained model with the chat template of its sibling: its EOS is no turn end."""
    files = with_json(chatml_files(eos=1000), "config.json", eos_token_id=1000)
    return with_json(files, "tokenizer_config.json", eos_token="<|endoftext|>")


def vlm_files() -> Files:
    """A vision-language base in the layout of transformers 4."""
    files = chatml_files()
    config = json.loads(files["config.json"])
    config |= {
        "model_type": "qwen2_vl",
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "image_token_id": 1003,
    }
    return files | {
        "config.json": dump(config),
        "preprocessor_config.json": dump(
            {"image_processor_type": "Qwen2VLImageProcessor", "min_pixels": 3136}
        ),
        "chat_template.json": dump({"chat_template": CHATML + "{# images #}"}),
    }


def safetensors(rows: int, hidden: int = 64) -> bytes:
    """A weights file whose header says that the embedding has ``rows`` rows; the data is not there."""
    header = json.dumps(
        {"model.embed_tokens.weight": {"dtype": "BF16", "shape": [rows, hidden], "data_offsets": [0, 0]}}
    ).encode()
    return len(header).to_bytes(8, "little") + header


class MemoryFolder:
    """A `Folder` whose files are in memory."""

    def __init__(self, files: Mapping[str, bytes], label: str = "merged") -> None:
        self.files = dict(files)
        self.origin = Origin("local", label)

    def names(self) -> frozenset[str]:
        return frozenset(self.files)

    def stat(self, name: str) -> FileStat:
        return FileStat(len(self.files[name]), sha256=hashlib.sha256(self.files[name]).hexdigest())

    def read(self, name: str) -> bytes:
        return self.files[name]

    def read_range(self, name: str, start: int, length: int) -> bytes:
        return self.files[name][start : start + length]


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """Put ``files`` on disk."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def with_json(files: Files, name: str, **values: object) -> Files:
    """``files`` with values of one JSON file set, or removed where they are `...`."""
    document = json.loads(files[name]) | values
    return files | {name: dump({key: value for key, value in document.items() if value is not ...})}


def without(files: Files, *names: str) -> Files:
    """``files`` less the named ones."""
    return {name: content for name, content in files.items() if name not in names}


def with_token_list(files: Files, tokens: dict[str, int], **flags: bool) -> Files:
    """``files`` with these added tokens in tokenizer.json; ``flags`` for all of them."""
    entries = [{"id": i, "content": text, "special": True, **flags} for text, i in tokens.items()]
    return with_json(files, "tokenizer.json", added_tokens=entries)


def with_head(files: Files, **values: object) -> Files:
    """``files`` with values of tokenizer.json set in front of the vocabulary, where its writers have them."""
    name = "tokenizer.json"
    model = json.loads(files[name])["model"]
    return with_json(with_json(with_json(files, name, model=...), name, **values), name, model=model)


FAMILIES: Mapping[str, Callable[[], Files]] = {"glm": glm_files, "chatml": chatml_files, "vlm": vlm_files}
