"""Run as a program: judges folders against a base on this machine and the same base on a fake Hub, and prints
both.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.fakehub import FakeHub
from tests.support.folders import Files, chatml_files, glm_files, safetensors, vlm_files, write_folder
from tests.support.hub_scene import forget, machine, pretrained, tuned
from tests.support.weight_files import causal, weight_file


def _read(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _cases(corpus: Path) -> Iterator[tuple[str, Files, Files]]:
    yield "tuned", tuned(), pretrained()
    saved_again = pretrained() | {
        "model.safetensors": weight_file(causal() | {"lm_head.weight": (1024, 4)}, metadata={})
    }
    yield "saved again", saved_again, pretrained()
    families = (("glm", glm_files(), 151552), ("chatml", chatml_files(), 1024), ("vlm", vlm_files(), 1024))
    for name, files, rows in families:
        whole = files | {"model.safetensors": safetensors(rows)}
        for lost in ("", *files):
            yield f"{name} without {lost}", {n: c for n, c in whole.items() if n != lost}, whole
    for case in sorted(corpus.glob("*@*/*")):
        yield f"{case.parent.name}/{case.name}", _read(case / "merged"), _read(case / "base")


def _main(corpus: Path) -> dict[str, list[object]]:
    told: dict[str, list[object]] = {}
    with FakeHub() as hub, machine(hub) as home:
        from genfix.api.judging import check  # noqa: PLC0415 - after the environment is set

        for number, (name, merged, base) in enumerate(_cases(corpus)):
            forget(home)
            hub.add_repo(f"org/base{number}", base)
            target = write_folder(home / f"merged{number}", merged)
            local = write_folder(home / f"base{number}", base)
            told[name] = [
                [
                    [
                        found.code,
                        found.severity,
                        found.file,
                        found.pointer,
                        found.fix and found.fix.applicability,
                    ]
                    for found in check(target, spec, allow_base_mismatch=True).findings
                ]
                for spec in (str(local), f"org/base{number}")
            ]
    return told


if __name__ == "__main__":
    json.dump(_main(Path(sys.argv[1])), sys.stdout)
