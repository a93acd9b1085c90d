"""A forked renderer has the limits of one that is started, and nothing of the process it was forked from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux's processes are forked")

START = """
import json, os, sys, threading, time
from genfix.model import template_render
from genfix.model.render_fork import render_in_fork
from genfix.model.template_render import Conversation, RenderError, render_template

def started(*_args):
    raise AssertionError("a Python was started")

new_child = template_render._started
template_render._started = started
CHAT = Conversation(({"role": "user", "content": "hello"},))

def shown(template, chats=(CHAT,)):
    results = render_template(template, chats, {})
    return [r.kind if isinstance(r, RenderError) else r.text for r in results]
"""


def run(script: str, tmp_path: Path, **environment: str) -> str:
    """What a process of one thread prints."""
    done = subprocess.run(
        [sys.executable, "-c", START + script],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_templates_are_rendered_and_hostile_ones_stopped(tmp_path: Path) -> None:
    templates = {
        "{{ messages[0].content }}": "hello",
        "{{ [1, 2]|random is number }}": "True",
        "{{ ''.__class__.__mro__ }}": "security",
        "{% for m in messages %}": "syntax",
        "{{ messages.append(1) }}": "raised",
        "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3: "timeout",
        "{{ ('x' * 999999999)|length }}": "memory",
        "{% for i in range(99999) %}aaaaaaaaaa{% endfor %}": "too-large",
    }
    told = run(f"print(json.dumps([shown(t)[0] for t in {[*templates]!r}]))", tmp_path)
    assert json.loads(told) == [*templates.values()]


PROBE = """
from genfix.model import render_child
import socket
left = os.open("secret", os.O_RDONLY)

def probe(used):
    sys.stdin = None
    render_child._take_limits(used)
    said = []
    for what in (
        lambda: open("/etc/hostname"), lambda: open("written", "w"), lambda: socket.socket(),
        lambda: os.read(left, 9),
    ):
        try:
            what()
            said.append("done")
        except OSError:
            said.append("refused")
    said.append(str(sorted(os.environ)))
    os.write(1, json.dumps({"text": " ".join(said)}).encode() + b"\\n")

render_child.main = probe
print("before", end=" ")
print(shown("x")[0])
"""


def test_the_fork_has_given_up_files_processes_and_environment(tmp_path: Path) -> None:
    """And what this process had not written yet is written once."""
    (tmp_path / "secret").write_text("x")
    told = run(PROBE, tmp_path, SECRET_TOKEN="x")
    assert told == "before " + "refused " * 4 + "[]\n"
    assert not (tmp_path / "written").exists()


def test_a_fork_that_waits_or_dies_is_told(tmp_path: Path) -> None:
    script = """
from genfix.model import render_child
template_render._WALL_SECONDS = 0.6
ends = [lambda used: time.sleep(60), lambda used: os.kill(os.getpid(), 9), lambda used: 1 / 0]
for number, render_child.main in enumerate(ends):
    print(shown(f"x{number}" * 300_000)[0])
"""
    assert run(script, tmp_path).split() == ["timeout", "other", "other"]


def test_a_process_of_several_threads_starts_a_python(tmp_path: Path) -> None:
    script = """
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
print(render_in_fork(b"", 1, 1))
template_render._started = new_child
print(shown("y"))
stop.set()
thread.join()
print("jinja2" in sys.modules)
"""
    assert run(script, tmp_path).split() == ["None", "['y']", "False"]


def test_a_process_with_a_model_in_memory_starts_a_python(tmp_path: Path) -> None:
    script = """
import mmap
model = mmap.mmap(-1, 1 << 31)
print(render_in_fork(b"", 1, 1))
"""
    assert run(script, tmp_path).split() == ["None"]
