"""Loading before and after a repair: the laws hold where they should and break where they must."""

import os
import sys
from pathlib import Path

import pytest

from dev.tools import loads
from dev.tools.load_folders import Loaded
from tests.support.folders import chatml_files, write_folder

ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="the reader is a shell script")

TRANSFORMERS = '''
"""As much of transformers as the script asks for; this one knows no TokenizersBackend."""

import json
from pathlib import Path
from types import SimpleNamespace

__version__ = "{version}"
logging = SimpleNamespace(set_verbosity=lambda level: None)


class _Auto:
    name = "config.json"

    @classmethod
    def from_pretrained(cls, path, trust_remote_code=False):
        return cls(json.loads((Path(path) / cls.name).read_text()))

    def __init__(self, values):
        self.values = values


class AutoConfig(_Auto):
    pass


class GenerationConfig(_Auto):
    name = "generation_config.json"

    def __init__(self, values):
        vars(self).update(values)


class AutoTokenizer(_Auto):
    name = "tokenizer_config.json"
    all_special_ids = (2, 1)

    def __init__(self, values):
        if values["tokenizer_class"] == "TokenizersBackend":
            raise ValueError("Tokenizer class TokenizersBackend does not exist")
        self.eos_token_id = values["eos_token"]

    def __call__(self, text, add_special_tokens=True):
        return {{"input_ids": list(text.encode())}}

    def apply_chat_template(self, chat, tokenize, add_generation_prompt):
        return "".join(turn["content"] for turn in chat)
'''


def loaded(*fails: str, **facts: object) -> "Loaded":
    return {"errors": dict.fromkeys(fails, "ValueError: no"), "facts": facts}


def case(
    base: "Loaded",
    merged: "Loaded",
    safe: "Loaded",
    unsafe: "Loaded | None" = None,
    *,
    reader: str = "v5",
    version: str = "transformers 5.23.0",
) -> "loads.Case":
    stages = {"base": base, "merged": merged, "safe": safe, "unsafe": unsafe or safe}
    return loads.Case("tool@1/model", reader, version, stages)


def reader(folder: Path, version: str) -> str:
    """An interpreter whose transformers is ours."""
    library = write_folder(
        folder / version,
        {
            "transformers.py": TRANSFORMERS.format(version=version).encode(),
            "torch.py": b"raise ImportError\n",
        },
    )
    python = folder / f"python-{version}"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{library}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


def test_a_repair_that_mends_a_part_breaks_no_law() -> None:
    mended = case(loaded(ids=[1]), loaded("tokenizer"), loaded(ids=[1]))
    assert list(loads.broken_laws([mended])) == []
    assert list(loads.still_open([mended])) == []


def test_a_part_that_fails_only_after_the_repair_breaks_a_law_in_every_reader() -> None:
    worse = case(loaded("model"), loaded(), loaded("model"), loaded(), version="transformers 4.57.6")
    assert list(loads.broken_laws([worse])) == [
        "tool@1/model, v5, safe: model loaded before the repair and fails after it."
    ]


def test_a_tokenizer_that_fails_after_the_repair_takes_its_template_along() -> None:
    worse = case(loaded(), loaded(), loaded("tokenizer"), loaded(), version="transformers 4.57.6")
    assert [line.split()[3] for line in loads.broken_laws([worse])] == ["template", "tokenizer"]


def test_a_template_that_still_fails_where_the_tokenizer_failed_is_no_worse() -> None:
    same = case(loaded("template"), loaded("tokenizer"), loaded("template"))
    assert list(loads.broken_laws([same])) == []


def test_what_the_base_loads_has_to_load_after_the_repair_in_a_modern_reader_only() -> None:
    stages = (loaded(), loaded("model"), loaded("model"), loaded())
    assert list(loads.broken_laws([case(*stages)])) == [
        "tool@1/model, v5, safe: model loads from the base and fails after the repair."
    ]
    old = case(*stages, reader="v4", version="transformers 4.57.6")
    assert list(loads.broken_laws([old])) == []
    assert list(loads.still_open([old])) == ["tool@1/model, v4: model fails, from the base it loads."]


@pytest.mark.parametrize("after", [{"eos": [1]}, {}], ids=["other", "lost"])
def test_what_equalled_the_base_has_to_stay(after: dict[str, object]) -> None:
    moved = case(loaded(eos=[1, 2]), loaded(eos=[1, 2]), loaded(**after), loaded(eos=[1, 2]))
    assert list(loads.broken_laws([moved])) == [
        "tool@1/model, v5, safe: stop ids equalled the base's before the repair and not after it."
    ]


def test_a_difference_that_was_there_before_is_listed_and_breaks_no_law() -> None:
    tuned = case(loaded(sampling={"top_k": 20}), loaded(sampling={"top_k": 5}), loaded(sampling={"top_k": 5}))
    assert list(loads.broken_laws([tuned])) == []
    assert list(loads.still_open([tuned])) == ["tool@1/model, v5: sampling is not the base's (other top_k)."]


def test_what_a_repair_changes_in_a_folder_that_loads_is_listed() -> None:
    mended = case(
        loaded(rope={"inv_freq": [1.0]}),
        loaded(rope={"inv_freq": [2.0]}, answer=[1.0, 2.0]),
        loaded(rope={"inv_freq": [1.0]}, answer=[1.0, 2.5]),
    )
    assert list(loads.changed([mended])) == [
        "tool@1/model, v5: rope (other inv_freq), now the base's.",
        "tool@1/model, v5: the weights give another answer.",
    ]


def test_readers_that_answer_differently_after_a_repair_are_listed() -> None:
    same, other = loaded(answer=[1.0, 2.0]), loaded(answer=[1.0, 2.1])
    cases = [case(same, same, same), case(same, other, other, reader="v4", version="transformers 4.57.6")]
    assert list(loads.still_open(cases)) == [
        "tool@1/model, v5: all readers get the same answer from the base, here it is not as v4.",
        "tool@1/model, v4: all readers get the same answer from the base, here it is not as v5.",
    ]
    near = loaded(answer=[1.0, 2.000001])
    assert list(loads.still_open([case(same, same, same), case(same, near, near, reader="v4")])) == []


@ON_POSIX
def test_a_corpus_is_repaired_and_loaded_by_each_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = chatml_files()
    saved_by_5 = base["tokenizer_config.json"].replace(b"Qwen2Tokenizer", b"TokenizersBackend")
    merged = {**base, "tokenizer_config.json": saved_by_5}
    assert merged != base
    write_folder(tmp_path / "corpus" / "tool@1" / "model" / "base", base)
    kept = write_folder(tmp_path / "corpus" / "tool@1" / "model" / "merged", merged)
    monkeypatch.setattr(loads, "GOLDEN", tmp_path / "loads.md")
    arguments = ["loads.py", str(tmp_path / "corpus"), "--reader", f"old={reader(tmp_path, '4.57.6')}"]
    monkeypatch.setattr(sys, "argv", arguments)

    assert loads.main() == 0
    page = (tmp_path / "loads.md").read_text("utf-8")
    assert "- old: transformers 4.57.6, no torch" in page
    assert "| old | 1 of 1 | 0 of 1 | 1 of 1 | 1 of 1 |" in page
    assert "| merged | tokenizer: ValueError: Tokenizer class TokenizersBackend does not exist |" in page
    assert "Safe fixes: tokenizer_config.json (GF701)." in page
    assert (kept / "tokenizer_config.json").read_bytes() == saved_by_5

    monkeypatch.setattr(sys, "argv", [*arguments, "--check"])
    assert loads.main() == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "loads.md").write_text("old\n")
    assert loads.main() == 1
    assert capsys.readouterr().out.startswith("--- committed")
    assert (tmp_path / "loads.md").read_text() == "old\n"


@ON_POSIX
def test_a_reader_that_does_not_get_to_the_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "corpus").mkdir()
    no_transformers = tmp_path / "python"
    no_transformers.write_text("#!/bin/sh\necho no transformers >&2\nexit 1\n")
    no_transformers.chmod(0o755)
    monkeypatch.setattr(
        sys, "argv", ["loads.py", str(tmp_path / "corpus"), "--reader", f"x={no_transformers}"]
    )
    with pytest.raises(SystemExit, match="no transformers"):
        loads.main()
