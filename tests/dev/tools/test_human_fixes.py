"""What people mended, held against what genfix finds and would write."""

from pathlib import Path

from dev.tools.human_fixes import cases, measure
from genfix.rules import Severity
from tests.support.folders import chatml_files, with_json, without, write_folder

CONFIG, GEN, TOK = "config.json", "generation_config.json", "tokenizer_config.json"


def test_each_key_is_asked_for_with_the_base_and_alone(tmp_path: Path) -> None:
    base = chatml_files()
    merged = without(with_json(with_json(base, GEN, eos_token_id=1000), CONFIG, hidden_act="gelu"), TOK)
    mended = with_json(merged, GEN, eos_token_id=[1002, 1000]) | {"extra.json": b"{}"}
    for name, files in {"base": base, "merged": merged, "fixed": mended}.items():
        write_folder(tmp_path / "case" / name, files)
    write_folder(tmp_path / "other" / "merged", merged)
    [case] = cases(tmp_path)
    results, harm = measure(case)
    found = [(r.key, r.has_base, r.found, r.right_safe, r.right_unsafe) for r in results]
    assert found == [
        (("extra.json", ""), True, None, False, False),
        ((GEN, "/eos_token_id"), True, Severity.ERROR, True, True),
        (("extra.json", ""), False, None, False, False),
        ((GEN, "/eos_token_id"), False, Severity.ERROR, True, True),
    ]
    assert harm == [f"case with its base: {TOK} "]
