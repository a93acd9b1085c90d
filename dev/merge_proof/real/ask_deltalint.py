"""Asks deltalint about folders, in an environment that has it; never imports genfix.

A line of standard input is a JSON object with ``base``, ``adapter`` and ``merged``; a line of the answer has
the word for the whole, the layers that fail, and the seconds of CPU. What deltalint raises is an answer, too.
"""

import json
import sys
import time

import torch
from deltalint import check_merge


def answer(given: dict) -> dict:
    """What deltalint says of one merge."""
    start = time.process_time()
    try:
        report = check_merge(given["base"], given["adapter"], given["merged"])
        found = {
            "verdict": report.verdict.value,
            "failed": [layer.name for layer in report.layers if layer.verdict.is_defect],
        }
    except Exception as error:  # noqa: BLE001 - a crash is what is counted
        found = {"verdict": "raises", "why": f"{type(error).__name__}: {str(error)[:200]}"}
    return {**found, "seconds": time.process_time() - start}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
