"""The process that runs lm-evaluation-harness against a server: a script of its own, started by `benchmarks`.

``python -I tasks_child.py`` in an interpreter that has lm-eval. One JSON object is read from stdin: ``url``
of the chat completions, ``model``, ``tasks``, ``include`` (a folder of tasks, or null), ``limit`` of
questions a task, ``concurrency`` and ``seconds`` per answer. One JSON line is written: the results, or
``{"error": kind, "detail": ...}``. Nothing of genfix is imported.
"""

import json
import logging
import os
import site
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Final

_MAX_DETAIL: Final = 400
_DATA: Final = (
    "offline",
    "connect",
    "resolve",
    "hub",
    "dataset",
    "datafiles",
    "datasetnotfound",
    "localentry",
)
"""What the names and texts of errors have in them where the data of a task cannot be had."""


def _evaluated(job: dict[str, object]) -> dict[str, object]:
    lm_eval = import_module("lm_eval")
    manager = import_module("lm_eval.tasks").TaskManager(include_path=job["include"])
    found = lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args={
            "base_url": job["url"],
            "model": job["model"],
            "num_concurrent": job["concurrency"],
            "timeout": job["seconds"],
            "max_retries": 3,
        },
        tasks=job["tasks"],
        limit=job["limit"],
        task_manager=manager,
        apply_chat_template=True,
        log_samples=False,
        bootstrap_iters=1000,
    )
    return {
        "version": version("lm-eval"),
        "results": {task: _plain(values) for task, values in found["results"].items()},
        "counts": {task: counts["effective"] for task, counts in found["n-samples"].items()},
    }


def _plain(values: dict[str, object]) -> dict[str, float]:
    """The numbers of one task, the standard errors among them."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _kind(error: BaseException) -> str:
    if isinstance(error, ImportError):
        return "no-lm-eval" if getattr(error, "name", "") in {"lm_eval", "datasets"} else "missing"
    said = f"{type(error).__name__} {error}".casefold()
    if "loglikelihood" in said:
        return "loglikelihood"
    if "not a registered task" in said:
        return "no-task"
    return "data" if any(word in said for word in _DATA) else "failed"


def main() -> int:
    """Run from the command line."""
    sys.path.append(site.getusersitepackages())
    out = os.dup(1)
    os.dup2(2, 1)  # the harness prints: only the results may reach the pipe
    logging.disable(logging.WARNING)
    job: dict[str, object] = json.loads(sys.stdin.buffer.read())
    try:
        line = _evaluated(job)
    except BaseException as error:  # noqa: BLE001 - the harness also exits where a task is unknown
        detail = " ".join(str(error).split())[:_MAX_DETAIL]
        line = {"error": _kind(error), "detail": f"{type(error).__name__}: {detail}"}
    rest = (json.dumps(line) + "\n").encode()
    while rest:
        rest = rest[os.write(out, rest) :]
    return 1 if "error" in line else 0


if __name__ == "__main__":
    sys.exit(main())
