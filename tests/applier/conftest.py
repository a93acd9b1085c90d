from pathlib import Path

import pytest

from tests.support.disks import make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "merged")
