"""Real merges by PEFT, right ones and wrong ones. Runs in an environment with torch, never imports genfix.

    python make.py OUT [ONLY]

Each case is a folder with ``base``, ``adapter`` and, by its outcome, the merged folders ``right``, ``none``,
``twice``, ``half``, ``left``, ``other`` and ``more``; ``case.json`` says which and how. ONLY is a text in the
names of the cases that are wanted.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
SIZES = {
    "vocab_size": 160,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
MODELS = {
    "llama": ("llama", {"tie_word_embeddings": False}),
    "qwen2": ("qwen2", {"tie_word_embeddings": True}),
    "gemma3": ("gemma3_text", {"layer_types": ["full_attention"] * 3}),
    "glm4": ("glm4", {"tie_word_embeddings": False}),
    "qwen3-moe": ("qwen3_moe", {**EXPERTS, "decoder_sparse_step": 1, "mlp_only_layers": []}),
    "mixtral": ("mixtral", EXPERTS),
    "glm4-moe": (
        "glm4_moe",
        {**EXPERTS, "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1},
    ),
    "gpt2": ("gpt2", {"n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 128}),
}
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
LINEAR = [*ATTENTION, "gate_proj", "up_proj", "down_proj", "gate_up_proj"]
MOE = {"qwen3-moe", "mixtral", "glm4-moe"}


def adapters(model: str) -> Iterator[tuple[str, dict]]:
    """Kinds of adapters for a model, with their settings."""
    if model == "gpt2":
        conv = {"target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True}
        yield "lora", conv
        yield "dora", {**conv, "use_dora": True}
        yield "rslora", {**conv, "use_rslora": True}
        yield "bias", {**conv, "bias": "all"}
        yield "lora-bias", {**conv, "lora_bias": True}
        return
    targets = {"target_modules": ATTENTION if model in MOE else LINEAR}
    yield "lora", targets
    yield "rslora", {**targets, "use_rslora": True, "r": 16, "lora_alpha": 8}
    yield "dora", {**targets, "use_dora": True}
    patterns = {"rank_pattern": {"k_proj": 4, r"layers\.1\.self_attn\.q_proj": 12}}
    yield "patterns", {**targets, **patterns, "alpha_pattern": {"v_proj": 32, "layers.2.*o_proj": 2}}
    yield "one-kind", {"target_modules": ["q_proj"]}
    yield "embeddings", {"target_modules": [*targets["target_modules"], "embed_tokens"]}
    if model not in {"qwen2", "gemma3"}:
        yield "head", {**targets, "modules_to_save": ["lm_head"]}
        yield "saved", {**targets, "modules_to_save": ["embed_tokens", "lm_head"]}
        yield "lora-head", {"target_modules": [*targets["target_modules"], "lm_head"]}
    if model == "qwen2":
        yield "bias", {**targets, "bias": "lora_only"}
        yield "lora-bias", {"target_modules": ["q_proj", "v_proj"], "lora_bias": True}
    if model in {"llama", "glm4"}:
        yield "tokens", {**targets, "trainable_token_indices": [3, 5, 8, 21, 99]}
    if model in MOE:
        names = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
        yield "experts", {"target_modules": [], "target_parameters": names}
        yield "one-stack", {"target_modules": ["q_proj"], "target_parameters": names[1:]}


def cases() -> Iterator[dict]:
    """All cases: models, adapters, formats and strengths."""
    for model in MODELS:
        for kind, settings in adapters(model):
            for dtype in DTYPES:
                strengths = [0.02] if kind != "lora" else [0.002, 0.02, 0.2]
                for strength in strengths:
                    yield {
                        "name": f"{model}-{kind}-{dtype}-{strength}",
                        "model": model,
                        "kind": kind,
                        "settings": settings,
                        "base": dtype,
                        "load": dtype,
                        "save": dtype,
                        "adapter": "F32",
                        "strength": strength,
                    }
    for model in ("llama", "qwen3-moe"):
        settings = dict(adapters(model))["lora"]
        ways = [
            ("BF16", "F32", "BF16", "BF16"),
            ("BF16", "F32", "F16", "F32"),
            ("BF16", "BF16", "F32", "F32"),
        ]
        ways += [
            ("F32", "BF16", "BF16", "BF16"),
            ("F16", "F32", "BF16", "F16"),
            ("BF16", "F16", "F16", "F16"),
        ]
        ways += [("BF16", "BF16", "BF16", "BF16"), ("F16", "F16", "F16", "F16")]
        for kind in ("lora", "dora"):
            for base, load, save, adapter in ways:
                yield {
                    "name": f"{model}-{kind}-{base}-by-{load}-to-{save}-of-{adapter}",
                    "model": model,
                    "kind": kind,
                    "settings": {**settings, "use_dora": kind == "dora"},
                    "base": base,
                    "load": load,
                    "save": save,
                    "adapter": adapter,
                    "strength": 0.02,
                }


def fresh(case: dict) -> torch.nn.Module:
    """A model with random weights."""
    kind, own = MODELS[case["model"]]
    config = AutoConfig.for_model(kind, **{**SIZES, **own})
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.02)
    return model.to(DTYPES[case["base"]])


def train(model: torch.nn.Module, strength: float) -> None:
    """Random updates in place of trained ones."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "lora_embedding_A" in name:
                parameter.normal_(0, strength)
            elif "lora_magnitude" in name:
                parameter.mul_(1 + strength * torch.randn_like(parameter))
            elif parameter.requires_grad and "lora_" not in name:
                parameter.add_(strength * torch.randn_like(parameter) * 0.2)


def make_adapter(case: dict, base: Path, out: Path, seed: int) -> None:
    """An adapter as PEFT saves it."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=DTYPES[case["load"]])
    settings = {"r": 8, "lora_alpha": 16, "task_type": "CAUSAL_LM", **case["settings"]}
    wrapped = get_peft_model(model, LoraConfig(**settings))
    train(wrapped, case["strength"])
    wrapped.save_pretrained(out)
    file = out / "adapter_model.safetensors"
    tensors = {name: tensor.to(DTYPES[case["adapter"]]) for name, tensor in load_file(file).items()}
    save_file(tensors, file, {"format": "pt"})


def merge(case: dict, base: Path, adapters_: list[Path], out: Path, edit: Callable | None = None) -> None:
    """``base`` with the adapters merged one after another, in another format where the case wants it."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=DTYPES[case["load"]])
    for adapter in adapters_:
        model = PeftModel.from_pretrained(model, adapter, autocast_adapter_dtype=case["adapter"] == "F32")
        if edit is not None:
            edit(model)
        model = model.merge_and_unload()
    model.to(DTYPES[case["save"]]).save_pretrained(out)


def merge_dequantised(case: dict, base: Path, adapter: Path, out: Path) -> None:
    """What QLoRA's merge leaves: the base was in 4 bits on the way."""
    kind = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=DTYPES[case["load"]]
    )
    model = AutoModelForCausalLM.from_pretrained(base, dtype=DTYPES[case["load"]], quantization_config=kind)
    model = PeftModel.from_pretrained(model.dequantize(), adapter).merge_and_unload()
    model.to(DTYPES[case["save"]]).save_pretrained(out)


def halve(model: torch.nn.Module) -> None:
    """Half of each scale."""
    for module in model.modules():
        scaling = getattr(module, "scaling", None)
        if isinstance(scaling, dict):
            scaling.update({name: value / 2 for name, value in scaling.items()})


def leave_out(base: Path, right: Path, out: Path) -> str | None:
    """The right merge with one matrix of the base's; its name, `None` where that is no difference."""
    shutil.copytree(right, out)
    ours, theirs = load_file(out / "model.safetensors"), load_file(base / "model.safetensors")
    changed = [
        name
        for name in ours
        if name in theirs
        and "embed" not in name
        and ours[name].shape == theirs[name].shape
        and ours[name].dim() >= 2
        and not torch.equal(ours[name], theirs[name].to(ours[name].dtype))
    ]
    if len(changed) < 2:
        return None
    chosen = changed[len(changed) // 2]
    ours[chosen] = theirs[chosen].to(ours[chosen].dtype)
    save_file(ours, out / "model.safetensors", {"format": "pt"})
    return chosen


def make(case: dict, out: Path) -> None:
    """One case with all its outcomes."""
    place = out / case["name"]
    base, adapter, other = place / "base", place / "adapter", place / "other-adapter"
    torch.manual_seed(len(case["name"]))
    fresh(case).save_pretrained(base)
    make_adapter(case, base, adapter, 1)
    make_adapter(case, base, other, 2)
    merge(case, base, [adapter], place / "right")
    merge(case, base, [], place / "none")
    merge(case, base, [adapter, adapter], place / "twice")
    merge(case, base, [adapter, other], place / "more")
    outcomes = ["right", "none", "twice", "more"]
    merge(case, base, [adapter], place / "half", halve)
    merge(case, base, [other], place / "other")
    in_4_bits = ("llama-lora-BF16", "qwen2-lora-BF16", "glm4-lora-BF16")
    if case["name"].startswith(in_4_bits) and find_spec("bitsandbytes"):
        merge_dequantised(case, base, adapter, place / "dequantised")
        outcomes.append("dequantised")
    case["left out"] = leave_out(base, place / "right", place / "left")
    outcomes += ["half", "other", *(["left"] if case["left out"] else [])]
    right = (place / "right" / "model.safetensors").read_bytes()
    for outcome in outcomes[1:]:
        if (place / outcome / "model.safetensors").read_bytes() == right:
            outcomes.remove(outcome)  # rounding took the difference away
    (place / "case.json").write_text(json.dumps({**case, "outcomes": outcomes}))


def main(out: Path, only: str = "") -> None:
    """Make the cases that are not there yet."""
    torch.set_num_threads(1)
    for case in cases():
        if only in case["name"] and not (out / case["name"] / "case.json").exists():
            shutil.rmtree(out / case["name"], ignore_errors=True)
            try:
                make(case, out)
            except Exception as error:  # noqa: BLE001 - PEFT refuses some combinations
                shutil.rmtree(out / case["name"], ignore_errors=True)
                print(f"PEFT refuses {case['name']}: {str(error)[:200]}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
