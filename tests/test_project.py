"""What the project says of itself is said once: its version and its address."""

import json
import re
import shutil
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import genfix
from dev.packaging.conda import recipe
from dev.packaging.man_page import man_page
from dev.packaging.project import project
from genfix.cli.app import COMMANDS
from genfix.rules import RULES
from genfix.version import HOME, PAGES
from tests.support.docs import PAGES as DOCS
from tests.support.places import ROOT

yaml = pytest.importorskip("yaml")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TOLD = [
    *DOCS,
    ROOT / "action.yml",
    ROOT / ".pre-commit-hooks.yaml",
    *sorted((ROOT / ".github").rglob("*.yml")),
    *sorted((ROOT / "dev" / "packaging").iterdir()),
    *sorted((ROOT / "examples").rglob("*.sh")),
]
ADDRESSES = re.compile(r"https?://[\w.-]+(?:/[\w.-]+)?/genfix(?=[/.@\s\"'`)#]|$)")
VERSIONED = re.compile(
    r"(?:uses: ([\w.-]+/genfix)@|/genfix(?:\.git)?\n +rev: |/genfix/(?:blob|raw|tree)/)(v[\w.]+)"
)


def test_the_address_stands_once_in_the_project() -> None:
    (address,) = PROJECT["urls"].values()
    assert address == HOME == project().address


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == genfix.__version__ == metadata.version("genfix") == project().version
    headings = re.findall(
        r"^## \[(.+)\](?: - (\S+))?$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == genfix.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", headings[1][1])


def test_every_link_to_the_project_has_its_address_and_version() -> None:
    for path in filter(Path.is_file, TOLD):
        text = path.read_text("utf-8")
        assert {found for found in ADDRESSES.findall(text) if "pypi" not in found} <= {HOME}, path
        for name, version in VERSIONED.findall(text):
            assert not name or f"https://github.com/{name}" == HOME, path
            assert version == f"v{genfix.__version__}", path


def test_what_0_1_0_kept_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan files say which genfix wrote them; receipts and snapshots name a format, and that is the same."""
    merged, base = tmp_path / "merged", tmp_path / "base"
    for folder in (merged, base):
        shutil.copytree(ROOT / "examples" / "glm4" / folder.name, folder)
    with monkeypatch.context() as patch:
        patch.setattr("genfix.api.plan_files.__version__", "0.1.0")
        genfix.save_plan(genfix.plan(merged, str(base)), tmp_path / "plan.json")
    assert json.loads((tmp_path / "plan.json").read_bytes())["genfix"] == "0.1.0"
    assert genfix.apply(genfix.load_plan(tmp_path / "plan.json")) is not None
    assert "GF101" not in {finding.code for finding in genfix.check(merged, str(base)).findings}


def test_the_links_of_rules_lead_to_their_pages() -> None:
    assert f"{HOME}/blob/v{genfix.__version__}/docs" == PAGES
    assert all((ROOT / "docs" / "rules" / f"{code}.md").is_file() for code in RULES)


def test_the_package_shows_its_readme_with_whole_links() -> None:
    shown = str(metadata.metadata("genfix").json["description"])
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_the_package_is_typed() -> None:
    assert (ROOT / "genfix" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_the_manual_page_has_every_command() -> None:
    page = man_page()
    assert page.startswith(f'.TH GENFIX 1 "" "genfix {genfix.__version__}"')
    sections = [line for line in page.splitlines() if line.startswith(".SS ")]
    assert sections == [f".SS genfix {name}" for name in COMMANDS]
    assert r"\-\-fail\-on" in page
    assert not re.search(r"^[.'](?!(TH|SH|SS|PP|TP|nf|fi|B|I)\b)", page, re.MULTILINE)


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    made = yaml.safe_load(recipe(project(), "0" * 64))
    assert made["package"]["version"] == genfix.__version__
    run = {line.partition(" ")[0]: line.partition(" ")[2] for line in made["requirements"]["run"]}
    assert run.pop("python") == PROJECT["requires-python"]
    assert {f"{name}{versions}" for name, versions in run.items()} == {*PROJECT["dependencies"]}


def test_the_workflow_pins_every_action_and_publishes_by_trust() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert len(used) > 5
    for action, comment in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    jobs = yaml.safe_load(text)["jobs"]
    publish = jobs["publish"]
    assert publish["permissions"]["id-token"] == "write"
    assert publish["environment"]["name"] == "pypi"
    assert "password" not in text
    assert "secrets." not in text
    for job in jobs.values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])
