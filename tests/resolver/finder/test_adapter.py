"""The adapter that was merged: named, found beside the folder, refused, and never another one's."""

import json
from pathlib import Path

import pytest

from genfix.errors import BaseModelError, GenfixError, InputError, RefusedError
from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.resolver import Adapter, find_adapter
from genfix.resolver.case import Case
from tests.support.folders import Files, chatml_files, dump, write_folder
from tests.support.trees import tree
from tests.support.weight_files import HIDDEN, causal, weight_file

CONFIG, WEIGHTS, RUN = "adapter_config.json", "adapter_model.safetensors", "args.json"
Q_PROJ = "model.layers.1.self_attn.q_proj"


def lora(module: str = Q_PROJ, takes: int = HIDDEN, gives: int = HIDDEN) -> bytes:
    """The weights of an adapter on one module, as peft saves them."""
    name = f"base_model.model.{module}"
    return weight_file({f"{name}.lora_A.weight": (8, takes), f"{name}.lora_B.weight": (gives, 8)}, "F32")


def adapter_files(base: str = "Qwen/Qwen2.5-7B-Instruct", weights: bytes | None = None) -> Files:
    """What peft leaves, with the tokenizer of the training."""
    tokenizer = {name: chatml_files()[name] for name in ("tokenizer.json", "tokenizer_config.json")}
    config = {"base_model_name_or_path": base, "peft_type": "LORA", "r": 8, "task_type": "CAUSAL_LM"}
    return tokenizer | {CONFIG: dump(config), WEIGHTS: lora() if weights is None else weights}


MERGED = chatml_files() | {"model.safetensors": weight_file(causal())}


def look(merged: Path, spec: str | Path | None = None) -> Adapter:
    return find_adapter(Case(merged, adapter=spec), Model(LocalFolder(merged)))


def put(root: Path, merged: str, adapter: str, files: Files | None = None, own: Files | None = None) -> Path:
    """A merged folder and an adapter at these places."""
    write_folder(root / adapter, adapter_files() if files is None else files)
    return write_folder(root / merged, MERGED | (own or {}))


def left_out(found: Adapter) -> str:
    """Why the one that was found is left out."""
    assert found.facts is None
    [note] = map(str, found.notes)
    place, colon, reason = note.partition(" is left out: ")
    assert colon, note
    assert place.startswith("the adapter in ")
    return reason


# -- found beside --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("merged", "adapter"),
    [
        ("v0/checkpoint-100-merged", "v0/checkpoint-100"),  # ms-swift
        ("out/merged", "out"),  # axolotl
        ("out/final_merged_checkpoint", "out"),  # TRL's examples
        ("out/merged_model_16bit", "out"),
        ("qwen-sft/qwen-sft-merged", "qwen-sft"),
        ("x_merged", "x"),
        ("out/checkpoint-100-merged", "out"),  # the checkpoint is gone; the run's last adapter is there
    ],
)
def test_the_adapter_that_tools_leave_beside_the_result_is_taken(
    tmp_path: Path, merged: str, adapter: str
) -> None:
    folder = put(tmp_path, merged, adapter)
    before = tree(tmp_path)
    found = look(folder)
    assert found.facts is not None
    assert found.facts.folder.origin.label == str(tmp_path / adapter)
    [note] = found.notes
    assert str(note) == f"the adapter in {tmp_path / adapter} is taken for the one that was merged"
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("merged", "adapter"),
    [
        ("output/x_merged", "saves/x/lora/sft"),  # LLaMA-Factory
        ("models/qwen", "models"),
        ("work/base", "work"),  # a base that was put into the folder of some adapter
        ("work/Qwen2.5-7B", "work"),
        ("work/other-merged", "work"),
        ("run/merged", "run/sibling"),
        ("run/x-merged", "run/y"),
        ("run/x", "run/x-merged"),  # the other way round
        ("run/merged/deep", "run"),
        ("run/emerged", "run"),
    ],
)
def test_another_models_adapter_nearby_is_not(tmp_path: Path, merged: str, adapter: str) -> None:
    assert look(put(tmp_path, merged, adapter)) == Adapter(None)


def test_a_checkpoint_of_the_same_name_goes_before_the_folder_around_it(tmp_path: Path) -> None:
    put(tmp_path, "out/checkpoint-9-merged", "out")
    folder = put(tmp_path, "out/checkpoint-9-merged", "out/checkpoint-9")
    found = look(folder)
    assert found.facts is not None
    assert found.facts.folder.origin.label == str(tmp_path / "out/checkpoint-9")


def test_a_base_beside_its_merge_is_no_adapter(tmp_path: Path) -> None:
    write_folder(tmp_path / "qwen", MERGED)
    assert look(write_folder(tmp_path / "qwen-merged", MERGED)) == Adapter(None)


def test_a_whole_model_with_a_forgotten_adapter_file_is_no_adapter(tmp_path: Path) -> None:
    folder = put(tmp_path, "qwen-merged", "qwen", adapter_files() | MERGED)
    assert left_out(look(folder)).endswith(
        f"{tmp_path / 'qwen'} is no adapter: it has the weights of a whole model, model.safetensors"
    )


@pytest.mark.parametrize(
    "name", ["value_head.safetensors", "vit.safetensors", "pytorch_model_fsdp.bin", "optimizer.pt"]
)
def test_other_things_that_training_saves_do_not_matter(tmp_path: Path, name: str) -> None:
    files = adapter_files() | {name: b"", "config.json": MERGED["config.json"]}
    assert look(put(tmp_path, "out/merged", "out", files)).facts is not None


def test_an_adapter_of_a_later_stage_is_not_the_one_that_was_merged(tmp_path: Path) -> None:
    """Preference training on the merged model, whose adapter is written around or beside it."""
    for base in ("/workspace/out/merged", "out/merged", "./merged", "merged/"):
        folder = put(tmp_path, "out/merged", "out", adapter_files(base))
        assert left_out(look(folder)) == "it was trained on top of this model, and is not in it", base
        assert look(folder, tmp_path / "out").facts is not None  # gpt2, merged into a folder of that name
    for base in ("/models/merged", "Qwen/merged", "../merged", "merged-v1", "Qwen/Qwen2.5-7B-Instruct"):
        assert look(put(tmp_path, "out/merged", "out", adapter_files(base))).facts is not None, base


def test_an_adapter_of_a_later_run_is_not_the_one_that_was_merged(tmp_path: Path) -> None:
    """ms-swift copies the arguments of the run into the merged folder."""
    run, later = {RUN: b'{"learning_rate": 1e-4}'}, {RUN: b'{"learning_rate": 1e-5}'}
    same = put(tmp_path, "a-merged", "a", adapter_files() | run, run)
    assert look(same).facts is not None
    other = put(tmp_path, "b-merged", "b", adapter_files() | later, run)
    assert left_out(look(other)) == "its args.json is of another run than the one here"
    assert look(other, tmp_path / "b").facts is not None  # the user knows better
    quiet = put(tmp_path, "c-merged", "c", adapter_files() | run)
    assert look(quiet).facts is not None


def test_a_merge_of_whole_models_has_no_adapter(tmp_path: Path) -> None:
    folder = put(tmp_path, "x-merged", "x", own={"mergekit_config.yml": b"models: []\n"})
    assert look(folder) == Adapter(None)
    assert look(folder, tmp_path / "x").facts is not None


def test_a_broken_one_is_left_out_and_the_next_one_taken(tmp_path: Path) -> None:
    put(tmp_path, "out/checkpoint-9-merged", "out/checkpoint-9", adapter_files() | {CONFIG: b"{"})
    alone = look(tmp_path / "out/checkpoint-9-merged")
    assert f"{CONFIG} of the adapter {tmp_path / 'out/checkpoint-9'} cannot be used" in left_out(alone)
    found = look(put(tmp_path, "out/checkpoint-9-merged", "out"))
    assert found.facts is not None
    broken, taken = map(str, found.notes)
    assert broken.startswith(f"the adapter in {tmp_path / 'out/checkpoint-9'} is left out: ")
    assert taken == f"the adapter in {tmp_path / 'out'} is taken for the one that was merged"


def test_it_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path, "out/merged", "out")
    monkeypatch.chdir(folder)
    assert look(Path()).facts is not None
    assert look(Path("../merged/")).facts is not None
    monkeypatch.chdir(tmp_path)
    assert look(Path("out/merged")).facts is not None
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "out").symlink_to("elsewhere")
    assert look(Path("out/merged")).facts is not None


# -- named ---------------------------------------------------------------------------------------------------


def test_the_one_that_is_named_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path, "output/x_merged", "saves/x/lora/sft")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for spec in (
        "saves/x/lora/sft",
        "./saves/x/lora/sft/",
        "~/saves/x/lora/sft",
        tmp_path / "saves/x/lora/sft",
    ):
        found = look(folder, spec)
        assert found.facts is not None
        assert found.facts.folder.origin.label == str(spec)
        assert found.notes == ()
        assert found.facts.end_ids == {"<|im_end|>": 1002}


def test_it_goes_before_one_beside(tmp_path: Path) -> None:
    folder = put(tmp_path, "out/merged", "out")
    other = write_folder(tmp_path / "other", adapter_files())
    found = look(folder, other)
    assert found.facts is not None
    assert found.facts.folder.origin.label == str(other)
    assert found.notes == ()


def test_an_adapter_without_a_tokenizer_or_weights_is_one(tmp_path: Path) -> None:
    files = {CONFIG: adapter_files()[CONFIG]}
    found = look(put(tmp_path, "x-merged", "x", files))
    assert found.facts is not None
    assert not found.facts.tokenizer.is_known
    assert found.facts.chat_template is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "the path of the adapter is empty"),
        ("  ", "the path of the adapter is empty"),
        ("gone", "there is no adapter folder gone"),
        ("~nobody-here/x", "there is no adapter folder ~nobody-here/x"),
        ("x" * 5000, "there is no adapter folder " + "x" * 5000),
        ("nul\0", "there is no adapter folder nul\\x00"),
        ("adapter/adapter_config.json", "adapter/adapter_config.json is a file, not an adapter folder"),
        ("merged", "merged is no adapter: it has no adapter_config.json"),
        ("empty", "empty is no adapter: it has no adapter_config.json"),
    ],
)
def test_what_is_no_adapter_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    folder = put(tmp_path, "merged", "adapter")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises((BaseModelError, InputError)) as error:
        look(folder, spec)
    assert error.value.exit_code == 2
    assert error.value.message == message
    assert error.value.hint


def test_the_merged_folder_itself_is_no_adapter(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "merged", MERGED | adapter_files())
    with pytest.raises(BaseModelError, match="it has the weights of a whole model"):
        look(folder, folder)


@pytest.mark.parametrize("name", [CONFIG, "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_an_error_at_once(tmp_path: Path, name: str, content: bytes) -> None:
    folder = put(tmp_path, "merged", "adapter", adapter_files() | {name: content})
    with pytest.raises(BaseModelError) as error:
        look(folder, tmp_path / "adapter")
    assert error.value.exit_code == 2
    assert error.value.message.startswith(f"{name} of the adapter {tmp_path / 'adapter'} cannot be used: ")
    assert "\n" not in error.value.message
    assert error.value.hint == "get the adapter's file again, or name another adapter"


def test_a_link_out_of_it_is_refused_and_one_into_the_hubs_cache_is_not(tmp_path: Path) -> None:
    folder = put(tmp_path, "merged", "adapter")
    (tmp_path / "secret").write_text('{"password": "x"}')
    (tmp_path / "adapter" / CONFIG).unlink()
    (tmp_path / "adapter" / CONFIG).symlink_to(tmp_path / "secret")
    with pytest.raises(BaseModelError, match="is a link to a file outside the folder"):
        look(folder, tmp_path / "adapter")
    repo = tmp_path / "hub" / "models--org--lora"
    write_folder(repo / "blobs", {"0": adapter_files()[CONFIG]})
    (repo / "snapshots" / "c0").mkdir(parents=True)
    (repo / "snapshots" / "c0" / CONFIG).symlink_to("../../blobs/0")
    assert look(folder, repo / "snapshots" / "c0").facts is not None


# -- whose matrices they are ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (lora(takes=8), f"{Q_PROJ} takes 4 values here and 8 there"),
        (lora(gives=6), f"{Q_PROJ} gives 4 values here and 6 there"),
        (lora("model.layers.2.self_attn.q_proj"),
            "it changes model.layers.2.self_attn.q_proj, and there are 2 layers here"),
        (lora("model.language_model.layers.0.self_attn.q_proj", takes=8),
         "model.language_model.layers.0.self_attn.q_proj takes 4 values here and 8 there"),
    ],
    ids=["width", "height", "depth", "another name of the stack"],
)  # fmt: skip
def test_an_adapter_of_another_model_is_refused(tmp_path: Path, weights: bytes, reason: str) -> None:
    folder = put(tmp_path, "x-merged", "x", adapter_files(weights=weights))
    with pytest.raises(RefusedError) as error:
        look(folder, tmp_path / "x")
    assert error.value.exit_code == 3
    assert error.value.message == f"the adapter {tmp_path / 'x'} is not of this model: {reason}"
    assert left_out(look(folder)) == error.value.message


def test_all_matrices_are_looked_at(tmp_path: Path) -> None:
    names = {
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": (8, HIDDEN),
        "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight": (8, 11008),
    }
    folder = put(tmp_path, "x-merged", "x", adapter_files(weights=weight_file(names)))
    assert "takes 4 values here and 11008 there" in left_out(look(folder))


def test_an_adapter_of_another_architecture_is_not_taken_unless_it_is_named(tmp_path: Path) -> None:
    weights = lora("transformer.encoder.layers.0.self_attention.query_key_value")
    folder = put(tmp_path, "x-merged", "x", adapter_files(weights=weights))
    assert left_out(look(folder)) == "none of the matrices that it changes is here"
    assert look(folder, tmp_path / "x").facts is not None


def whole(shapes: dict[str, tuple[int, ...]], dtype: str = "BF16") -> Files:
    return {"model.safetensors": weight_file(shapes, dtype)}


@pytest.mark.parametrize(
    ("own", "weights"),
    [
        # GPT-2 keeps a matrix as input times output
        (whole({"h.0.attn.c_attn.weight": (4, 12)}), lora("h.0.attn.c_attn", 4, 12)),
        # bitsandbytes, MLX and NVFP4 pack several values into one
        (whole({f"{Q_PROJ}.weight": (8, 1)}, "U8"), lora()),
        (whole({f"{Q_PROJ}.weight": (4, 1)}, "U32"), lora()),
        (whole({f"{Q_PROJ}.qweight": (1, 4), f"{Q_PROJ}.scales": (1, 4)}), lora()),
        # transformers 5 fuses experts and renames stacks
        (whole({"model.layers.0.mlp.experts.gate_up_proj": (2, 8, 4), f"{Q_PROJ}.weight": (4, 4)}),
         lora("model.layers.0.mlp.experts.1.gate_proj") ),
        (whole({"model.language_model.layers.0.mlp.up_proj.weight": (4, 4)}),
            lora("model.layers.0.mlp.up_proj")),
        # a vision tower whose layers have the language model's names, and another width
        (whole({"vision_model.encoder.layers.0.self_attn.q_proj.weight": (6, 6),
                "language_model.model.layers.0.self_attn.q_proj.weight": (4, 4)}),
         lora("model.language_model.layers.0.self_attn.q_proj")),
        # headers that do not tell
        ({"model.safetensors": b""}, lora()),
        (whole(causal()), b"garbage"),
        (whole(causal()), weight_file({"base_model.model.lm_head.weight": (9, 9)})),
    ],
    ids=["GPT-2", "bitsandbytes", "MLX", "AWQ", "fused experts", "another name", "two towers",
         "no header here", "no header there", "a saved module"],
)  # fmt: skip
def test_an_adapter_of_this_model_in_another_layout_is_taken(
    tmp_path: Path, own: Files, weights: bytes
) -> None:
    files = adapter_files(weights=weights)
    folder = put(tmp_path, "x-merged", "x", files, own)
    assert look(folder, tmp_path / "x").facts is not None


@pytest.mark.parametrize(
    "content", [b"null", b'{"base_model_name_or_path": ["a"]}', b'{"base_model_name_or_path": ""}']
)
def test_odd_values_in_its_config_are_no_reason_to_fail(tmp_path: Path, content: bytes) -> None:
    folder = put(tmp_path, "x-merged", "x", adapter_files() | {CONFIG: content})
    if isinstance(json.loads(content), dict):
        assert look(folder).facts is not None
        return
    with pytest.raises(GenfixError):
        look(folder, tmp_path / "x")
