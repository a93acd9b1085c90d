"""The example notebook in Jupyter's own kernel: ``uv run --with nbclient --with ipykernel pytest ...``."""

import json
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_notebook_runs_and_shows_pages_without_any_script() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    assert len(shown) == 2  # the report and the plan
    assert all('class="genfix"' in page and "<script" not in page for page in shown)
    assert "GF101" in json.dumps(notebook)
