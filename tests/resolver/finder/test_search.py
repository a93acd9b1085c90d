"""``--base auto`` where nothing names a base: what lies on this machine, and what weights prove."""

from pathlib import Path

import pytest

import genfix
from genfix.errors import BaseModelError
from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.resolver.finder.weight_likeness import Sample, likeness
from genfix.rules.core.finding import Applicability
from tests.support.folders import Files, dump, write_folder
from tests.support.hub_caches import COMMIT, cached, model_files, numbers, trained, use_cache, weights

BASE = numbers(1)
SIBLING = trained(BASE, 2, 0.05)
"""As a chat model is beside the pretrained one: nothing is equal, and all is near."""
STRANGER = numbers(3)
LORA = trained(BASE, 4, only="self_attn")
FULL = trained(BASE, 5, 0.002)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hub cache of a machine without network."""
    root = tmp_path / "hub"
    root.mkdir()
    use_cache(monkeypatch, root)
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "modelscope"))
    return root


def merged(tmp_path: Path, files: Files) -> Path:
    return write_folder(tmp_path / "work" / "out", files)


@pytest.mark.parametrize("tensors", [LORA, FULL], ids=["LoRA", "all trained"])
def test_weights_tell_the_base_from_its_sibling_and_from_strangers(
    tmp_path: Path, hub: Path, tensors: dict[str, list[float]]
) -> None:
    for repo, theirs in (("a/sibling", SIBLING), ("org/base", BASE), ("x/stranger", STRANGER)):
        cached(hub, repo, model_files(theirs))
    report = genfix.check(merged(tmp_path, model_files(tensors)), "auto")
    assert report.base == f"org/base@{COMMIT}"
    assert any("found in the Hugging Face cache" in str(note) for note in report.notes)


def test_another_merge_of_the_base_is_no_base_though_it_is_the_nearest(tmp_path: Path, hub: Path) -> None:
    """A later state of one run: only names could say which of the two the folder was made from."""
    later = trained(LORA, 7, 0.001, only="self_attn")
    cached(hub, "org/base", model_files(BASE))
    cached(hub, "somebody/step-200", model_files(later, max_position_embeddings=4096))
    with pytest.raises(BaseModelError) as error:
        genfix.check(merged(tmp_path, model_files(LORA)), "auto")
    assert "several models fit" in error.value.message
    assert "org/base" in error.value.message


def test_another_type_of_number_is_the_same_number(tmp_path: Path, hub: Path) -> None:
    rounded = model_files() | {"model.safetensors": weights(BASE, "BF16")}
    base = Sample(Model(LocalFolder(write_folder(tmp_path / "bf16", rounded))))
    again = Sample(Model(LocalFolder(write_folder(tmp_path / "again", rounded))))
    wider = Sample(Model(LocalFolder(write_folder(tmp_path / "f32", model_files(LORA)))))
    assert likeness(again, base).equal == likeness(again, base).compared == 12
    assert likeness(wider, base).distance < 0.02


def test_siblings_without_weights_are_asked_about(tmp_path: Path, hub: Path) -> None:
    cached(hub, "org/base", model_files() | {"generation_config.json": dump({"eos_token_id": 1000})})
    cached(
        hub, "org/base-chat", model_files() | {"generation_config.json": dump({"eos_token_id": [1000, 1002]})}
    )
    with pytest.raises(BaseModelError) as error:
        genfix.check(merged(tmp_path, model_files(LORA)), "auto")
    assert "several models fit" in error.value.message
    assert "org/base, org/base-chat; they answer differently: where it stops" in error.value.message
    assert "org/base-chat stops at 1000 <|endoftext|>, 1002 <|im_end|>" in error.value.message
    assert error.value.hint == "name the base: --base org/base"


def test_a_name_that_the_folder_gives_decides_between_them(tmp_path: Path, hub: Path) -> None:
    cached(hub, "org/base", model_files())
    cached(hub, "copies/base-chat", model_files() | {"generation_config.json": dump({"eos_token_id": 1002})})
    folder = merged(
        tmp_path, model_files(LORA) | {"sft_args.json": dump({"model_id_or_path": "/data/base-chat"})}
    )
    assert genfix.check(folder, "auto").base == f"copies/base-chat@{COMMIT}"


def test_one_model_in_two_places_is_one_model(tmp_path: Path, hub: Path) -> None:
    cached(hub, "org/base", model_files(BASE))
    cached(hub, "mirror/base-copy", model_files(BASE))
    assert genfix.check(merged(tmp_path, model_files(LORA)), "auto").base == f"mirror/base-copy@{COMMIT}"


def test_another_merge_of_the_same_base_is_not_the_base(tmp_path: Path, hub: Path) -> None:
    other = model_files(trained(BASE, 6, only="self_attn")) | {"args.json": dump({"model": "org/base"})}
    write_folder(tmp_path / "work" / "another", other)
    folder = merged(tmp_path, model_files(LORA))
    with pytest.raises(BaseModelError, match="nothing proves that it is the base: it was itself made from"):
        genfix.check(folder, "auto")
    cached(hub, "org/base", model_files(BASE))
    assert genfix.check(folder, "auto").base == f"org/base@{COMMIT}"


def test_weights_overrule_what_a_card_names(tmp_path: Path, hub: Path) -> None:
    cached(hub, "org/sibling", model_files(SIBLING))
    cached(hub, "org/base", model_files(BASE))
    card = b"---\nbase_model: org/sibling\n---\n"
    folder = merged(tmp_path, model_files(LORA) | {"README.md": card})
    assert genfix.check(folder, "auto").base == f"org/base@{COMMIT}"


def test_code_of_a_base_that_was_found_is_nobodys_choice(tmp_path: Path, hub: Path) -> None:
    mapped = {"auto_map": {"AutoModel": "modeling_x.X"}}
    cached(hub, "org/base", model_files(BASE, **mapped) | {"modeling_x.py": b"x = 1\n"})
    report = genfix.check(merged(tmp_path, model_files(LORA, **mapped)), "auto")
    [found] = [one for one in report.findings if one.file == "modeling_x.py"]
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE


def test_its_chat_template_is_taken_by_choice_only(tmp_path: Path, hub: Path) -> None:
    cached(hub, "org/base", model_files(BASE))
    lost = {name: content for name, content in model_files(LORA).items() if "tokenizer" not in name}
    folder = merged(tmp_path, lost)

    def fixes(spec: str) -> set[Applicability]:
        found = genfix.check(folder, spec).findings
        return {one.fix.applicability for one in found if one.fix and one.file == "tokenizer_config.json"}

    assert fixes("auto") == {Applicability.UNSAFE}
    assert fixes("org/base") == {Applicability.SAFE}


def test_nothing_that_fits(tmp_path: Path, hub: Path) -> None:
    cached(hub, "x/stranger", model_files(STRANGER))
    cached(hub, "x/wider", model_files(BASE, hidden_size=32))
    with pytest.raises(BaseModelError, match="and no model on this machine fits it"):
        genfix.check(merged(tmp_path, model_files(LORA)), "auto")


def test_modelscopes_cache_and_folders_beside_are_searched(tmp_path: Path, hub: Path) -> None:
    folder = merged(tmp_path, model_files(LORA))
    write_folder(tmp_path / "modelscope" / "models" / "org" / "base-1___5", model_files(BASE))
    assert genfix.check(folder, "auto").base == "ms://org/base-1.5"
    write_folder(tmp_path / "work" / "base-1.5", model_files(BASE))
    assert genfix.check(folder, "auto").base == str(tmp_path / "work" / "base-1.5")


def test_without_a_base_the_command_is_told(tmp_path: Path, hub: Path) -> None:
    folder = merged(tmp_path, model_files(LORA))
    assert genfix.check(folder).suggested_base is None
    cached(hub, "org/base", model_files(BASE))
    assert genfix.check(folder).suggested_base == "org/base"


def test_registered_capsules_are_searched(tmp_path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    base = write_folder(tmp_path / "elsewhere" / "base", model_files(BASE))
    genfix.capsule(base, tmp_path / "capsule", register=True)
    found = genfix.base_candidates(merged(tmp_path, model_files(LORA)))
    assert [(one.spec, str(one.source)) for one in found.candidates] == [
        (str(tmp_path / "capsule"), "a registered capsule")
    ]
    assert found.chosen is not None
