"""The table of released transformers is made from wheels, whose code is read and never runs."""

import json
import zipfile
from pathlib import Path

from dev.tools.transformers_table import main
from dev.tools.wheel_names import mapped_types
from genfix.json_types import JsonValue

OLD = """
raise RuntimeError("this must not run")

class OwnConfig(PretrainedConfig):
    model_type = "own"

    def __init__(self, hidden_size=64, heads=4, head_dim=None, kv_heads=None, length=4096 * 32, layers=None,
                 rope_theta=5e5, **kwargs):
        self.head_dim = head_dim if head_dim is not None else hidden_size // heads
        if kv_heads is None:
            kv_heads = heads
        if layers is None:
            self.layers = ["full" for _ in range(heads)]
        super().__init__(**kwargs)

class GoneConfig(PretrainedConfig):
    model_type = "gone"
"""
NEW = """
class OwnConfig(PreTrainedConfig):
    model_type = "own"
    default_theta = 1_000_000.0
    hidden_size: int = 64
    heads: int = 8
    head_dim: int | None = None
    kv_heads: int | None = None
    length: int = interval(min=1)(default=131072)
    layers: list[str] | None = None
    rope_parameters: dict | None = None
    table: dict = field(default_factory=dict)
    width: int = 3

    def __post_init__(self, **kwargs):
        kwargs.setdefault("partial_rotary_factor", 0.5)
        self.width = self.heads
        self.head_dim = self.head_dim or self.hidden_size // self.heads
        if self.kv_heads is None:
            self.kv_heads = self.heads
        if self.layers is None:
            if self.heads > 4:
                self.layers = []

class ChildConfig(OwnConfig):
    model_type = "child"
    heads: int = 2
"""
MAPPING = 'CONFIG_MAPPING_NAMES = OrderedDict([("own", "OwnConfig"), ("other-name", "OwnConfig")])\n'


MODELING = """
class OwnPreTrainedModel(PreTrainedModel):
    config: OwnConfig

class OwnForCausalLM(OwnPreTrainedModel):
    pass

class OwnMLP(nn.Module):
    pass
"""
PROCESSING = """
class OwnProcessor(ProcessorMixin):
    def __init__(self, tokenizer=None, patch_size=None, stride=None, rate=16, mode=None, **kwargs):
        self.patch_size, self.stride, self.mode = patch_size, stride, mode

    def __call__(self, height):
        steps = self.stride + 1 if self.stride is not None else 0
        return height // self.patch_size + steps + (1 if self.mode == "default" else 0)
"""
IMAGES = """
IMAGE_PROCESSOR_MAPPING_NAMES = OrderedDict(
    [("own", {"pil": "OwnImageProcessorPil", "torchvision": "OwnImageProcessor" if fast else None})]
)
"""
SETTINGS = """
class GenerationConfig:
    def __init__(self, **kwargs):
        self.top_k = kwargs.pop("top_k", 50)

    def save(self, **kwargs):
        kwargs.pop("commit_message", None)
"""


def wheel(folder: Path, version: str, code: str) -> Path:
    path = folder / f"transformers-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("transformers/models/own/configuration_own.py", code)
        archive.writestr("transformers/models/own/modeling_own.py", MODELING)
        archive.writestr("transformers/models/own/processing_own.py", PROCESSING)
        archive.writestr("transformers/models/auto/configuration_auto.py", MAPPING)
        archive.writestr("transformers/models/auto/image_processing_auto.py", IMAGES)
        archive.writestr("transformers/generation/configuration_utils.py", SETTINGS)
    return path


def test_the_types_of_a_release_are_those_that_it_maps(tmp_path: Path) -> None:
    """Not those of all its classes: nothing maps ``child``."""
    assert mapped_types(wheel(tmp_path, "5.0.0", NEW)) == {"own", "other-name"}


def test_it_has_the_defaults_of_each_release(tmp_path: Path) -> None:
    out = tmp_path / "table.jsonl"
    assert main(out, wheel(tmp_path, "4.57.6", OLD), wheel(tmp_path, "5.0.0", NEW)) == 0
    releases, *lines = map(json.loads, out.read_text("utf-8").splitlines())
    table: dict[str, list[JsonValue]] = {kind: rest for kind, *rest in lines}
    assert releases == ["4.57.6", "5.0.0"]
    assert {kind: line[:2] for kind, line in table.items() if " " not in kind and kind != "settings"} == {
        "child": [1, 1],
        "gone": [0, 0],
        "other-name": [0, 1],
        "own": [0, 1],
    }
    same = {
        "head_dim": {"=": "hidden_size // heads"},
        "hidden_size": 64,
        "kv_heads": {"=": "heads"},
        "layers": {"?": 1},
        "length": 131072,
    }
    changed = {
        "heads": [[0, 0, 4], [1, 1, 8]],
        "partial_rotary_factor": [[1, 1, 0.5]],
        "rope_parameters": [[1, 1, None]],
        "rope_theta": [[0, 0, 5e5], [1, 1, 1e6]],
        "table": [[1, 1, {"?": 1}]],
        "width": [[1, 1, {"?": 1}]],
    }
    assert table["own"][2:4] == table["other-name"][2:4] == [same, changed]


def test_it_has_the_names_that_files_can_name(tmp_path: Path) -> None:
    """Models with types, processors with what they compute with, and the keys of a generation config."""
    out = tmp_path / "table.jsonl"
    main(out, wheel(tmp_path, "5.0.0", NEW))
    table = {line[0]: line[1:] for line in map(json.loads, out.read_text("utf-8").splitlines()[1:])}
    assert table["own"][4] == {
        "config": ["OwnConfig"],
        "image": ["OwnImageProcessorPil", "OwnImageProcessor"],
    }
    assert table["settings"] == [["top_k"]]
    assert {name: line for name, line in table.items() if name.startswith("class ")} == {
        "class OwnForCausalLM": [0, 0, "model", ["other-name", "own"], {}],
        "class OwnProcessor": [0, 0, "processor", [], {"mode": "default", "patch_size": None}],
    }


def test_a_class_has_the_fields_of_its_parent(tmp_path: Path) -> None:
    out = tmp_path / "table.jsonl"
    main(out, wheel(tmp_path, "5.0.0", NEW))
    child = next(line for line in map(json.loads, out.read_text("utf-8").splitlines()) if line[0] == "child")
    assert (child[3]["heads"], child[3]["kv_heads"]) == (2, {"=": "heads"})
