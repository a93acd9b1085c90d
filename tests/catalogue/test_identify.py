"""The catalogue: what every row has, and which real folders it names, or does not know."""

import json
from pathlib import Path

from genfix.catalogue.identify import identify
from genfix.catalogue.official import official, official_models
from genfix.folder import LocalFolder
from genfix.model import Model
from tests.support.folders import glm_files, write_folder


def test_each_fact_has_a_place() -> None:
    rows = official_models()
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.sources, row.id
        assert all(len(source.commit) == 40 for source in row.sources), row.id
        assert (row.type is None) == (not row.sizes and not row.facts), row.id
        if row.type is not None:
            assert any(source.file.endswith(".json") for source in row.sources), row.id


def test_a_model_is_found_by_each_of_its_names() -> None:
    row = official("zai-org/glm-4-9b-chat")
    assert row is not None
    assert row.stops == (151329, 151336, 151338)
    for name in ("THUDM/glm-4-9b-chat", "ms://ZhipuAI/glm-4-9b-chat", "ZAI-ORG/GLM-4-9b-chat@main"):
        assert official(name) == row
    assert official("nobody/nothing") is None


CONTEXT = ("max_position_embeddings", "seq_length")


def cut_in(manifest: str) -> set[str]:
    """The folders whose config.json has another context length than the model: their source cut it."""
    found: set[str] = set()
    for section in manifest.split("\n## ")[1:]:
        rows = [line for line in section.splitlines() if line.startswith("| config.json ")]
        found |= {section.splitlines()[0].strip() for line in rows if "MODIFIED" in line}
    return found


def test_real_folders_are_named_rightly_or_not_at_all(real_configs: Path, tmp_path: Path) -> None:
    known = named = 0
    cut = cut_in((real_configs / "MANIFEST.md").read_text("utf-8"))
    for folder in sorted(real_configs.iterdir()):
        row = official(folder.name.replace("__", "/", 1))
        if not (folder / "config.json").is_file() or row is None or row.type is None:
            continue
        config = json.loads((folder / "config.json").read_text())
        for key in ("_name_or_path", *(CONTEXT if folder.name in cut else ())):
            config.pop(key, None)
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "README.md"}
        bare = write_folder(tmp_path / folder.name, files | {"config.json": json.dumps(config).encode()})
        found = identify(Model(LocalFolder(bare)))
        known += 1
        named += found.named is not None
        assert found.named is None or found.named == row, folder.name
        assert row in [match.row for match in found.matches if not match.differing], folder.name
    assert known >= 15
    assert named >= known - 2


def test_a_folder_of_other_sizes_is_not_known(tmp_path: Path) -> None:
    found = identify(Model(LocalFolder(write_folder(tmp_path / "x", glm_files()))))
    assert found.named is None
    assert found.matches == ()
