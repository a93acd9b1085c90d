"""What a judgement covers is said in one line, in each format."""

import json
from pathlib import Path

import pytest

from genfix import check
from genfix.report.covered import coverage_line
from genfix.report.html import check_page
from genfix.report.json import report_json
from genfix.report.markdown import comment
from genfix.report.outcome import of_report
from genfix.rules.core.coverage import coverage
from tests.support.folders import Files, chatml_files
from tests.support.judging import context
from tests.support.weighted import WEIGHTED

QWEN = chatml_files()


@pytest.mark.parametrize(
    ("merged", "base", "kind", "witnesses", "gaps"),
    [
        (QWEN, None, "config-files", ["folder", "engine"], ["lost", "shapes"]),
        (QWEN, QWEN, "config-files", ["base", "folder", "engine"], ["shapes"]),
        (WEIGHTED, None, "model", ["weights", "folder", "engine"], ["lost"]),
        (WEIGHTED, QWEN, "model", ["base", "weights", "folder", "engine"], []),
        (QWEN | {"model.gguf": b"GGUF"}, None, "export", ["folder", "engine"], ["lost", "shapes"]),
        (QWEN | {"pytorch_model.bin": b""}, None, "model", ["folder", "engine"], ["lost", "shapes"]),
    ],
)
def test_it_says_what_was_judged_and_what_was_not(
    merged: Files, base: Files | None, kind: str, witnesses: list[str], gaps: list[str]
) -> None:
    found = coverage(context(merged, base))
    assert (found.kind, [*found.witnesses], [*found.gaps]) == (kind, witnesses, gaps)


def test_each_format_has_it(tmp_path: Path) -> None:
    for name, content in QWEN.items():
        (tmp_path / name).write_bytes(content)
    report = check(tmp_path)
    line = str(coverage_line(report.coverage))
    assert line.startswith("config files only, judged by the folder's own files")
    assert "not judged: what was lost" in line
    assert line in check_page(report).replace("&#39;", "'")
    document = json.loads(json.dumps(report_json(report)))
    assert document["coverage"]["not_judged"] == ["lost", "shapes"]
    assert "Config files only, judged by the folder's own files" in comment(of_report(report))
