"""A base on a Hub that answers."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fakehub import FakeHub, git_sha1, sha256
from tests.support.hub_runner import Runner

CONFIG = b'{"eos_token_id": 151645}\n'
TOKENIZER = b'{"model": {}}'
WEIGHTS = b"\x08weights" * 1000
FILES = {
    "config.json": CONFIG,
    "tokenizer.json": TOKENIZER,
    "model.safetensors": WEIGHTS,
    "additional_chat_templates/tool.jinja": b"{{ messages }}",
}


def test_files_of_main_are_pinned_listed_and_read(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    told = run("org/name", read=["config.json", "tokenizer.json", "additional_chat_templates/tool.jinja"])
    assert told.origin == ("hub", "org/name", sha)
    assert told.notes == ()
    assert set(told.names) == set(FILES)
    assert told.files == {
        "config.json": CONFIG.decode(),
        "tokenizer.json": TOKENIZER.decode(),
        "additional_chat_templates/tool.jinja": "{{ messages }}",
    }


def test_listing_carries_the_digest_of_the_content(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    told = run("org/name")
    assert told.digests["config.json"] == [git_sha1(CONFIG), None]
    # For an LFS file git only knows a pointer, whose SHA-1 must not pass for the content's.
    assert told.digests["model.safetensors"] == [None, sha256(WEIGHTS)]


def test_opening_costs_one_request_and_no_telemetry(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run("org/name")
    assert [path.lower() for path in hub.asked()] == ["get /api/models/org/name?blobs=true"]


def test_second_run_downloads_nothing(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    first = run("org/name", read=["config.json", "tokenizer.json"])
    assert hub.asked("/resolve/")
    hub.requests.clear()
    second = run("org/name", read=["config.json", "tokenizer.json"])
    assert second.files == first.files
    assert second.commit == sha
    assert len(hub.requests) == 1


def test_commit_that_was_listed_before_costs_no_request(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    hub.requests.clear()
    told = run(f"org/name@{sha}", read=["config.json"])
    assert told.files == {"config.json": CONFIG.decode()}
    assert set(told.names) == set(FILES)
    assert told.notes == ()
    assert hub.requests == []
    assert not told.imported


def test_known_commit_still_downloads_what_is_not_cached(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    told = run(f"org/name@{sha}", read=["tokenizer.json"])
    assert told.files == {"tokenizer.json": TOKENIZER.decode()}


@pytest.mark.parametrize("revision", ["dev", "v1.0", "refs/pr/3", "commit"])
def test_revision(hub: FakeHub, run: Runner, revision: str) -> None:
    hub.add_repo("org/name", {"config.json": b"{}"})
    sha = hub.commit("org/name", {"config.json": CONFIG}, branch=revision)
    if revision == "commit":
        revision = sha
    told = run(f"org/name@{revision}", read=["config.json"])
    assert told.commit == sha
    assert told.files == {"config.json": CONFIG.decode()}


def test_all_files_are_of_the_commit_that_was_listed(hub: FakeHub, run: Runner) -> None:
    old = hub.add_repo("org/name", {"config.json": CONFIG, "generation_config.json": b"{}"})
    run("org/name")
    new = hub.commit("org/name", {"config.json": b'{"new": 1}'})
    # The branch moves after the listing: a run pinned to the old commit must not see the new file.
    told = run(f"org/name@{old}", read=["config.json", "generation_config.json"])
    assert told.files == {"config.json": CONFIG.decode(), "generation_config.json": "{}"}
    assert run("org/name", read=["config.json"]).commit == new


def test_branch_that_moves_between_listing_and_download(hub: FakeHub, run: Runner) -> None:
    old = hub.add_repo("org/name", {"config.json": CONFIG})
    hub.when("GET /org/name/resolve/", lambda: hub.commit("org/name", {"config.json": b'{"new": 1}'}))
    told = run("org/name", read=["config.json"])
    assert hub.repos["org/name"].refs["main"] != old
    assert told.commit == old
    assert told.files == {"config.json": CONFIG.decode()}


@pytest.mark.parametrize("revision", ["", "@main"])
def test_moved_repo(hub: FakeHub, run: Runner, revision: str) -> None:
    sha = hub.add_repo("THUDM/glm-4-9b-chat", FILES)
    hub.rename("THUDM/glm-4-9b-chat", "zai-org/glm-4-9b-chat")
    told = run("THUDM/glm-4-9b-chat" + revision, read=["config.json", "tokenizer.json"])
    assert told.origin == ("hub", "zai-org/glm-4-9b-chat", sha)
    assert told.notes == ("THUDM/glm-4-9b-chat moved to zai-org/glm-4-9b-chat",)
    assert told.files == {"config.json": CONFIG.decode(), "tokenizer.json": TOKENIZER.decode()}


def test_moved_repo_is_found_offline_by_its_old_name(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("THUDM/glm-4-9b-chat", FILES)
    hub.rename("THUDM/glm-4-9b-chat", "zai-org/glm-4-9b-chat")
    run("THUDM/glm-4-9b-chat", read=["config.json"])
    told = run("THUDM/glm-4-9b-chat", read=["config.json"], offline=True)
    assert told.origin == ("hub", "zai-org/glm-4-9b-chat", sha)
    assert told.notes[0] == "THUDM/glm-4-9b-chat moved to zai-org/glm-4-9b-chat"


def test_other_spelling_of_a_name_is_not_called_a_move(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("qwen/qwen2", FILES)
    hub.rename("qwen/qwen2", "Qwen/Qwen2")
    assert run("qwen/qwen2").notes == ("qwen/qwen2 is spelled Qwen/Qwen2 on the Hub",)


def test_hostile_names_in_the_listing_are_dropped(hub: FakeHub, run: Runner) -> None:
    paths = [
        "../x",
        "/etc/x",
        "a/../../x",
        "C:x",
        "a\\x",
        "a\nb",
        "CON",
        "x.",
        "-x",
        ".git/config",
        "a/b/c/d/e.json",
    ]
    hub.add_repo("org/name", {"config.json": CONFIG, **dict.fromkeys(paths, b"evil")})
    told = run("org/name", read=["config.json"])
    assert told.names == ("config.json",)
    assert told.files == {"config.json": CONFIG.decode()}
    assert run("org/name", offline=True).names == ("config.json",)


def test_private_repo_with_a_token(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES, private=True)
    hub.tokens["hf_good"] = True
    run.env["HF_TOKEN"] = "hf_good"
    told = run("org/name", read=["config.json", "tokenizer.json"])
    assert told.commit == sha
    assert set(told.files) == {"config.json", "tokenizer.json"}
    assert [request.token for request in hub.requests if request.host == "cdn"] == [None]
    assert "hf_good" not in "".join(
        path.read_text() for path in run.genfix_cache.rglob("*") if path.is_file()
    )


def test_gated_repo_with_access(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES, gate="all")
    hub.tokens["hf_good"] = True
    run.env["HF_TOKEN"] = "hf_good"
    assert run("org/name", read=["config.json"]).files == {"config.json": CONFIG.decode()}


def test_weights_are_never_downloaded(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    told = run("org/name", read=["model.safetensors"])
    assert told.errors["model.safetensors"][0] == "FolderFileError"
    assert told.files == {}
    assert hub.asked("safetensors") == []


def test_range_of_cached_weights(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    done = run.python("from huggingface_hub import hf_hub_download as d; d('org/name', 'model.safetensors')")
    assert done.returncode == 0, done.stderr
    assert run("org/name", head=["model.safetensors"]).files == {"model.safetensors": "eig"}


def test_range_of_a_small_file(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    assert run("org/name", head=["config.json"]).files == {"config.json": "eos"}


def test_file_over_its_cap_is_not_downloaded(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", {"config.json": b"x" * (1024 * 1024 + 1)})
    told = run("org/name", read=["config.json"])
    assert "more than the 1 MiB" in told.errors["config.json"][1]
    assert hub.asked("/resolve/") == []


def test_file_cached_by_another_program_is_used(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    done = run.python("from huggingface_hub import hf_hub_download as d; d('org/name', 'config.json')")
    assert done.returncode == 0, done.stderr
    hub.requests.clear()
    assert run("org/name", read=["config.json"]).files == {"config.json": CONFIG.decode()}
    assert hub.asked("/resolve/") == []


def test_cached_path_is_the_one_huggingface_hub_finds(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json", "tokenizer.json"])
    code = (
        "import json, os, sys\n"
        "from pathlib import Path\n"
        "from huggingface_hub import try_to_load_from_cache as find\n"
        "from huggingface_hub.constants import HF_HUB_CACHE\n"
        "from genfix.resolver.hub.hub_cache import HubCache\n"
        "cache = HubCache(Path(HF_HUB_CACHE), 'org/name')\n"
        "for name in ('config.json', 'tokenizer.json', 'additional_chat_templates/tool.jinja'):\n"
        f"    theirs, ours = find('org/name', name), cache.path({sha!r}, name)\n"
        "    assert (str(ours) if ours else None) == "
        "(os.path.realpath(theirs) if theirs else None), (theirs, ours)\n"
        "assert cache.commit_of('main') is not None\n"
    )
    done = run.python(code)
    assert done.returncode == 0, done.stderr


def test_settings_of_the_process_are_left_as_they_were(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    code = (
        "import logging, os\n"
        "from huggingface_hub import constants, hf_api\n"
        "from huggingface_hub.utils.tqdm import are_progress_bars_disabled\n"
        "from genfix.resolver.hub.hub_repo import open_hub\n"
        "from genfix.resolver.naming.spec import HubSpec\n"
        "def state():\n"
        "    bars = are_progress_bars_disabled()\n"
        "    level = logging.getLogger('huggingface_hub').level\n"
        "    return dict(os.environ), constants.HF_HUB_DISABLE_TELEMETRY, bars, level\n"
        "before = state()\n"
        "open_hub(HubSpec('org/name')).folder.read('config.json')\n"
        "assert state() == before, (before, state())\n"
    )
    done = run.python(code)
    assert done.returncode == 0, done.stderr


def test_nothing_is_shown_on_a_terminal(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    code = (
        "from genfix.resolver.hub.hub_repo import open_hub\n"
        "from genfix.resolver.naming.spec import HubSpec\n"
        "open_hub(HubSpec('org/name')).folder.read('tokenizer.json')\n"
    )
    terminal, end = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", code], env=run.env, stdout=end, stderr=end, check=True, timeout=60
        )
        shown, _, _ = select.select([terminal], [], [], 0)
        assert not shown, os.read(terminal, 1000)
    finally:
        os.close(terminal)
        os.close(end)


def test_import_of_the_resolver_does_not_import_huggingface_hub(run: Runner) -> None:
    done = run.python("import sys, genfix.resolver.hub.hub_repo; sys.exit('huggingface_hub' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_nothing_is_written_outside_the_caches(hub: FakeHub, run: Runner, tmp_path: Path) -> None:
    hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    assert {path.name for path in tmp_path.iterdir()} <= {"hf", "xdg"}
