"""How a merge is made again, by the tool that made the adapter."""

from typing import Final

from genfix.message import Message, message
from genfix.model import Model
from genfix.model.front_matter import front_matter_list

_TAGS: Final = ("axolotl", "unsloth", "llama-factory")
_COMMANDS: Final = {
    "mlx": "mlx_lm.fuse --model BASE --adapter-path ADAPTER --save-path OUT",
    "swift": "swift export --adapters ADAPTER --merge_lora true",
    "llama-factory": "llamafactory-cli export merge.yaml",
    "axolotl": "axolotl merge-lora config.yml --lora-model-dir ADAPTER",
    "unsloth": 'model.save_pretrained_merged(OUT, tokenizer, save_method="merged_16bit")',
    "peft": "AutoPeftModelForCausalLM.from_pretrained(ADAPTER).merge_and_unload().save_pretrained(OUT)",
}


def merge_again(adapter: Model) -> Message:
    """What to do about weights that are not what the adapter says."""
    return message(
        "why-merge-again",
        "no repair writes weights: merge into the base again ({how}), and check the new folder",
        how=_COMMANDS[_tool(adapter)],
    )


def _tool(adapter: Model) -> str:
    """The tool whose marks the adapter's folder has."""
    config = adapter.object("adapter_config.json")
    if "lora_parameters" in config or "fine_tune_type" in config:
        return "mlx"
    if adapter.has("args.json"):
        return "swift"
    if adapter.has("trainer_log.jsonl") or adapter.has("training_args.yaml"):
        return "llama-factory"
    tags = {tag.lower() for tag in front_matter_list(adapter.folder, "tags")}
    return next((tag for tag in _TAGS if tag in tags), "peft")
