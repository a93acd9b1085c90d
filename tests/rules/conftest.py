from collections.abc import Iterator

import pytest

from tests.support.judging import judged, viewed


@pytest.fixture(scope="package", autouse=True)
def _the_same_files_are_judged_once() -> Iterator[None]:
    """A repaired folder is repaired again, and a base stands behind many folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genfix.planner.trials.judge", judged)
        patch.setattr("genfix.engines.every.every_view", viewed)
        yield
