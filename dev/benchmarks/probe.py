"""What the client of ``genfix probe`` costs, as a share of a request's time.

    python -m dev.benchmarks.probe [SECONDS]

64 prompts at concurrency 16 against a server in a process of its own, which streams 64 tokens over SECONDS
(default 1) and measures each request itself, from the last byte of the request to the last byte of the
answer. What the client measures beyond that is its overhead: connecting, sending, reading, parsing, and
waiting for a thread. The issue's bound is 5 %.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time

from genfix.api.probing import probe_model
from genfix.probe.probe_values import Answer, Limits
from genfix.probe.prompts import quality_prompts
from genfix.probe.quality.answer_verdict import judge

TOKENS = 64
CONCURRENCY = 16
BOUND = 0.05


async def serve(seconds: float) -> None:
    """The server: one JSON line with the port, then the seconds of each request."""
    pause = seconds / TOKENS

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")),
            "0",
        )
        await reader.readexactly(int(length))
        started = time.perf_counter()
        if head.startswith("GET"):
            body = json.dumps({"data": [{"id": "stub", "owned_by": "vllm"}]})
            writer.write(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
                f"{body}".encode()
            )
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            for place in range(TOKENS):
                due = started + place * pause
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                reason = "stop" if place == TOKENS - 1 else None
                choice = {
                    "index": 0,
                    "delta": {"content": f" word{place}"},
                    "finish_reason": reason,
                    "token_ids": [place],
                }
                writer.write(f"data: {json.dumps({'id': 'x', 'choices': [choice]})}\n\n".encode())
            writer.write(b"data: [DONE]\n\n")
        await writer.drain()
        if not head.startswith("GET"):
            print(json.dumps(time.perf_counter() - started), flush=True)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=256)
    print(json.dumps(server.sockets[0].getsockname()[1]), flush=True)
    async with server:
        await server.serve_forever()


def main(seconds: float) -> int:
    """Print the ratio; 1 where it is above the bound."""
    command = [sys.executable, __file__, "--serve", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = json.loads(server.stdout.readline())
        started, spent = time.perf_counter(), time.process_time()
        report = probe_model(f"http://127.0.0.1:{port}", limits=Limits(concurrency=CONCURRENCY))
        wall, cpu = time.perf_counter() - started, time.process_time() - spent
        theirs = [json.loads(server.stdout.readline()) for _ in report.run.measures]
        server.terminate()
    ours = [one.answer.seconds for one in report.run.measures]
    assert report.run.summary.stop_rate == 1
    overhead = statistics.mean(ours) / statistics.mean(theirs) - 1
    ideal = statistics.mean(theirs) * len(ours) / CONCURRENCY
    print(
        f"{len(ours)} prompts, {CONCURRENCY} at a time, "
        f"{TOKENS} tokens in {statistics.mean(theirs):.3f} s each"
    )
    print(
        f"overhead of a request: {overhead:.2%} (bound {BOUND:.0%}); "
        f"{cpu / len(ours) * 1000:.1f} ms of CPU time each"
    )
    print(
        f"whole run: {wall:.2f} s, {wall / ideal - 1:.1%} above {len(ours) // CONCURRENCY} rounds of requests"
    )
    print(f"judging an answer: {judging() * 1000:.1f} ms of CPU time, behind the run")
    return 0 if overhead < BOUND else 1


def judging() -> float:
    """Seconds of CPU time to judge one answer, on the average of all quality prompts."""
    answer = Answer("", text=" ".join(f"word{place}" for place in range(TOKENS)), finish_reason="stop")
    prompts, spent = quality_prompts(), time.process_time()
    for prompt in prompts:
        judge(prompt, answer, answer.text)
    return (time.process_time() - spent) / len(prompts)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(float(sys.argv[2])))
    else:
        sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 1.0))
