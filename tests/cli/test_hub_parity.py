"""A base on the Hub says what the same base on this machine says, however little of it is fetched."""

import json
import os
import subprocess
import sys

from tests.support.places import ROOT, SHARED


def test_the_same_findings_from_the_hub_and_from_a_folder() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.hub_parity", str(SHARED / "merge_corpus")],
        env={name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) > 20
    assert any(row[0] == "GF102" for row in told["tuned"][0])
    for name, (here, there) in told.items():
        assert there == here, name
