"""The table of config classes is made from wheels, whose code is read and never runs."""

import json
import zipfile
from pathlib import Path

from dev.tools.config_classes import main
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


def wheel(folder: Path, version: str, code: str) -> Path:
    path = folder / f"transformers-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("transformers/models/own/configuration_own.py", code)
        archive.writestr("transformers/models/auto/configuration_auto.py", MAPPING)
    return path


def test_it_has_the_defaults_of_each_release(tmp_path: Path) -> None:
    out = tmp_path / "table.jsonl"
    assert main(out, wheel(tmp_path, "4.57.6", OLD), wheel(tmp_path, "5.0.0", NEW)) == 0
    releases, *lines = map(json.loads, out.read_text("utf-8").splitlines())
    table: dict[str, list[JsonValue]] = {kind: rest for kind, *rest in lines}
    assert releases == ["4.57.6", "5.0.0"]
    assert {kind: line[:2] for kind, line in table.items()} == {
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
    assert table["own"][2:] == table["other-name"][2:] == [same, changed]


def test_a_class_has_the_fields_of_its_parent(tmp_path: Path) -> None:
    out = tmp_path / "table.jsonl"
    main(out, wheel(tmp_path, "5.0.0", NEW))
    child = next(line for line in map(json.loads, out.read_text("utf-8").splitlines()) if line[0] == "child")
    assert (child[3]["heads"], child[3]["kv_heads"]) == (2, {"=": "heads"})
