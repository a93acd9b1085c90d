"""The toy: what it does that others do not."""

from genfix.engines.every import engine_view
from genfix.model import Model
from tests.support.folders import MemoryFolder, glm_files


def test_it_stops_at_the_ids_of_the_file_alone() -> None:
    assert engine_view("toy", Model(MemoryFolder(glm_files()))).stop_token_ids == (151329, 151336, 151338)
