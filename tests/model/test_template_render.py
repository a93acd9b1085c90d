"""The renderer's limits, its likeness to transformers', and the cache of its results."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from genfix import cache
from genfix.json_types import JsonObject
from genfix.model import template_render
from genfix.model.template_render import Conversation, Rendered, RenderError, RenderErrorKind, render_template
from tests.support.places import ROOT
from tests.support.rendering import own_child

CHAT = Conversation(({"role": "user", "content": "hello"},))


@pytest.fixture(autouse=True)
def _own_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python of its own; of forks see `test_render_fork`."""
    monkeypatch.setattr(template_render, "_run_child", own_child)
    monkeypatch.setattr(template_render, "render_in_fork", lambda *_: None)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "genfix"


def render(
    template: str, variables: JsonObject | None = None, chat: Conversation = CHAT
) -> Rendered | RenderError:
    (result,) = render_template(template, [chat], variables or {})
    return result


def no_child(*_args: object, **_named: object) -> object:
    raise AssertionError("a child was started")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ bos_token }}{{ messages[0].content }}", "<s>hello"),
        ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "hello"),
        ("{%- generation -%}\n a \n{%- endgeneration -%}", "a"),
        ("{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}", "21"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "1"),
        ("{{ {'a': '<ü>'} | tojson }}", '{"a": "<ü>"}'),
        ("{{ {'b': 1, 'a': 2} | tojson(indent=1, sort_keys=true) }}", '{\n "a": 2,\n "b": 1\n}'),
        ("{{ {'a': 1, 'b': 2} | tojson(separators=(',', ':')) }}", '{"a":1,"b":2}'),
        ("{{ strftime_now('%Y-%m-%d') }}", "2024-07-26"),
        ("{{ dict(a=1).a }}{{ dict({'b': 2}, c=3).c }}{{ dict.fromkeys(['k'], 4).k }}", "134"),
        ("{% set ns = namespace(n=1) %}{% set ns.n = 5 %}{{ ns.n }}", "5"),
        ("{% set ns = namespace({'n': 1}, self=2) %}{{ ns.n }}{{ ns.self }}", "12"),
        ("{{ tools is none }} {{ documents is none }} {{ add_generation_prompt }} {{ nothing is defined }}",
         "True True False False"),
        ("{{ nothing }}|{{ messages[0].nothing }}|", "||"),
        ("{{ 'word word' | wordwrap(5) }}", "word\nword"),
    ],
)  # fmt: skip
def test_renders_as_transformers_does(template: str, text: str) -> None:
    assert render(template, {"bos_token": "<s>"}) == Rendered(text)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("{% if %}", RenderErrorKind.SYNTAX),
        ("{{ 1 | no_such_filter }}", RenderErrorKind.SYNTAX),
        ("{% for i in [1] %}" * 40 + "{% endfor %}" * 40, RenderErrorKind.SYNTAX),
        ("{{ " + "9" * 6000 + " }}", RenderErrorKind.SYNTAX),
        ("{{ ''.__class__.__mro__ }}", RenderErrorKind.SECURITY),
        ("{{ lipsum.__globals__['os'].popen('id').read() }}", RenderErrorKind.SECURITY),
        ("{{ cycler.__init__.__globals__ }}", RenderErrorKind.SECURITY),
        ("{{ '{0.__class__.__mro__}'.format(1) }}", RenderErrorKind.SECURITY),
        ("{% set ns = namespace(__x=1) %}", RenderErrorKind.SECURITY),
        ("{% set ns = namespace() %}{% set ns.__x = 1 %}", RenderErrorKind.SECURITY),
        ("{{ raise_exception('no such role') }}", RenderErrorKind.RAISED),
        ("{{ nothing.at.all }}", RenderErrorKind.RAISED),
        ("{{ 'a' + 1 }}", RenderErrorKind.RAISED),
        ("{% set _ = messages.append(1) %}", RenderErrorKind.RAISED),
        ("{% include 'config.json' %}", RenderErrorKind.RAISED),
        ("{{ 'a' * 10**10 }}", RenderErrorKind.MEMORY),
        ("{{ messages[0].content * 10**9 }}", RenderErrorKind.MEMORY),
        ("{{ '%999999999d' % 1 }}", RenderErrorKind.MEMORY),
        ("{% for i in range(10**9) %}{% endfor %}", RenderErrorKind.TOO_LARGE),
        ("{% for i in range(99999) %}some words{% endfor %}", RenderErrorKind.TOO_LARGE),
        ("x" * (1024 * 1024 + 1), RenderErrorKind.TOO_LARGE),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", RenderErrorKind.TOO_DEEP),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", RenderErrorKind.TOO_DEEP),
        ("{% if 1 %}" * 3000 + "{% endif %}" * 3000, RenderErrorKind.TOO_DEEP),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)  # fmt: skip
@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_a_hostile_template_is_an_error_of_its_kind(template: str, kind: RenderErrorKind) -> None:
    result = render(template)
    assert isinstance(result, RenderError)
    assert result.kind is kind
    assert 0 < len(str(result.detail)) <= 300


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on CPU time")
def test_a_loop_without_end_is_stopped_by_its_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_render, "_WALL_SECONDS", 600)
    nested = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
    result = render(nested)
    assert isinstance(result, RenderError)
    assert result.kind is RenderErrorKind.TIMEOUT


def test_a_child_that_waits_is_stopped_by_the_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text('import time\nprint(\'{"text": "first"}\', flush=True)\ntime.sleep(60)\n')
    monkeypatch.setattr(template_render, "_CHILD", sleeper)
    monkeypatch.setattr(template_render, "_WALL_SECONDS", 0.6)
    first, second = render_template("x", [CHAT, CHAT], {})
    assert first == Rendered("first")
    assert isinstance(second, RenderError)
    assert second.kind is RenderErrorKind.TIMEOUT


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("raise SystemExit(3)", RenderErrorKind.OTHER),
        ("print('no json')", RenderErrorKind.OTHER),
        ("print('{\"text\": 1}')", RenderErrorKind.OTHER),
        ('print(\'{"error": "no such kind", "detail": ""}\')', RenderErrorKind.OTHER),
        ("sys.stdin.read()\nprint('[' * 100000)", RenderErrorKind.OTHER),
        ("os.kill(os.getpid(), 9)", RenderErrorKind.OTHER),
        ("import time\nsys.stdin.close()\ntime.sleep(0.1)", RenderErrorKind.OTHER),
        ("sys.stdin.read()\nwhile True: sys.stdout.write('x' * 100000)", RenderErrorKind.TOO_LARGE),
    ],
)
def test_a_child_that_fails_is_told_and_not_remembered(
    script: str, kind: RenderErrorKind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_cache: Path
) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"import os, sys\n{script}\n")
    monkeypatch.setattr(template_render, "_CHILD", child)
    result = render("x" * 300_000)  # more than a pipe holds: the child may die before it has read it
    assert isinstance(result, RenderError)
    assert result.kind is kind
    assert not own_cache.exists()


def test_without_jinja2_the_renderer_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    result = render("x")
    assert isinstance(result, RenderError)
    assert result.kind is RenderErrorKind.OTHER
    assert "jinja2" in str(result.detail)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_the_child_has_given_up_files_processes_and_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a template outside the sandbox could do: the same limits, taken by the real child."""
    probe = tmp_path / "probe.py"
    probe.write_text(
        f"""
import importlib.util, json, os, sys
sys.path.extend(sys.argv[1:])
spec = importlib.util.spec_from_file_location("render_child", {str(template_render._CHILD)!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
job = json.loads(sys.stdin.read())
import socket
child._take_limits(0)
said = []
for what in (lambda: open("/etc/hostname"), lambda: open("written", "w"), lambda: socket.socket()):
    try:
        what()
        said.append("done")
    except OSError:
        said.append("refused")
print(json.dumps({{"text": " ".join(said) + " " + str(sorted(set(os.environ) - {{"LC_CTYPE"}}))}}))
"""
    )
    monkeypatch.setattr(template_render, "_CHILD", probe)
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    assert render("x") == Rendered("refused refused refused []")
    assert not (tmp_path / "written").exists()


def test_jinja2_is_never_imported_by_the_parent() -> None:
    code = (
        "import sys; from genfix.model.turn_ends import find_turn_ends; find_turn_ends('x', ['y']);"
        "sys.exit('jinja2' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_details_are_printable() -> None:
    result = render("{{ raise_exception('\x1b[31mred\u202e\\n' + 'x' * 1000) }}")
    assert isinstance(result, RenderError)
    assert str(result.detail).isprintable()
    assert len(str(result.detail)) == 300


def test_a_lone_surrogate_is_rendered() -> None:
    assert render("\ud800") == Rendered("\ud800")


def test_one_failing_conversation_leaves_the_others() -> None:
    template = "{% if messages[0].role != 'user' %}{{ raise_exception('no') }}{% endif %}ok"
    system = Conversation(({"role": "system", "content": "x"},))
    first, second, third = render_template(template, [CHAT, system, CHAT], {})
    assert (first, third) == (Rendered("ok"), Rendered("ok"))
    assert second == RenderError(RenderErrorKind.RAISED, "no")


# -- the cache -----------------------------------------------------------------------------------------------


def test_a_second_rendering_starts_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    chats = [CHAT, Conversation(())]
    results = render_template("{{ messages[0].content.title() }}", chats, {})
    monkeypatch.setattr(subprocess, "Popen", no_child)
    assert render_template("{{ messages[0].content.title() }}", chats, {}) == results
    assert results[0] == Rendered("Hello")
    assert isinstance(results[1], RenderError)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{}\n",
        b'{"text": 1}\n',
        b'{"text": "a"}\n{"text": "b"}\n',
        b'{"text": "a"}',
        b"\xff\n",
        b"[" * 99999,
    ],
)
def test_an_entry_of_another_shape_is_rendered_again(entry: bytes, own_cache: Path) -> None:
    expected = render("{{ messages[0].content }}")
    (file,) = (own_cache / "render").iterdir()
    cache.store("render", file.name, entry)
    assert render("{{ messages[0].content }}") == expected
    assert cache.load("render", file.name) == b'{"text": "hello"}\n'


def test_a_busy_machine_is_not_remembered(own_cache: Path) -> None:
    render("{% for i in range(10**9) %}{% endfor %}")
    assert not own_cache.exists()


def test_what_is_stored_is_loaded(own_cache: Path) -> None:
    assert cache.load("kind", "key") is None
    cache.store("kind", "key", b"data")
    assert cache.load("kind", "key") == b"data"
    cache.store("kind", "key", b"")
    assert cache.load("kind", "key") == b""
    assert [file.name for file in (own_cache / "kind").iterdir()] == ["key"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_an_entry_is_for_its_user_alone(own_cache: Path) -> None:
    cache.store("kind", "key", b"data")
    assert stat.S_IMODE((own_cache / "kind" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((own_cache / "kind").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "../key", "a/b", ".hidden", "Upper", "x" * 129, "a\0b"])
def test_a_name_that_is_none_is_a_miss(name: str, own_cache: Path) -> None:
    cache.store(name, "key", b"data")
    cache.store("kind", name, b"data")
    assert cache.load("kind", name) is None
    assert not own_cache.exists()


@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 64 + b"\ndata", b"\0" * 500])
def test_a_damaged_entry_is_a_miss(damage: bytes, own_cache: Path) -> None:
    cache.store("kind", "key", b"data")
    (own_cache / "kind" / "key").write_bytes(damage)
    assert cache.load("kind", "key") is None
    cache.store("kind", "key", b"again")
    assert cache.load("kind", "key") == b"again"


def test_a_torn_entry_is_a_miss(own_cache: Path) -> None:
    cache.store("kind", "key", b"data" * 100)
    entry = own_cache / "kind" / "key"
    entry.write_bytes(entry.read_bytes()[:-1])
    assert cache.load("kind", "key") is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links and FIFOs")
def test_an_entry_that_is_no_plain_file_is_a_miss(own_cache: Path, tmp_path: Path) -> None:
    cache.store("kind", "key", b"data")
    entry = own_cache / "kind" / "key"
    target = tmp_path / "target"
    entry.rename(target)
    entry.symlink_to(target)
    assert cache.load("kind", "key") is None
    cache.store("kind", "key", b"new")
    assert cache.load("kind", "key") == b"new"
    assert b"data" in target.read_bytes()  # the link was replaced, not followed
    os.mkfifo(own_cache / "kind" / "pipe")
    assert cache.load("kind", "pipe") is None
    (own_cache / "kind" / "directory").mkdir()
    assert cache.load("kind", "directory") is None
    cache.store("kind", "directory", b"data")
    assert sorted(file.name for file in (own_cache / "kind").iterdir()) == ["directory", "key", "pipe"]


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    cache.store("kind", "key", b"data")
    assert cache.load("kind", "key") is None
    assert render("ok") == Rendered("ok")


def test_a_full_disk_leaves_nothing(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.store("kind", "key", b"data")
    assert list((own_cache / "kind").iterdir()) == []


def test_a_relative_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    cache.store("kind", "key", b"data")
    assert (tmp_path / "home" / ".cache" / "genfix" / "kind" / "key").is_file()
    assert not (tmp_path / "relative").exists()
