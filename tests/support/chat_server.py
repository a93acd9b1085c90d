"""A server as a program of its own, as `--serve` starts one: it stops where its folder has a generation
config.

``python chat_server.py PORT FOLDER [CHILD]``. As engines do, it reads the folder when it starts. With CHILD
it starts another process first and writes both ids to that file.
"""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__: list[str] = []

LOOP = "\nThe cat.<|user|>" * 12


class Chat(BaseHTTPRequestHandler):
    """One request."""

    stops: bool

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.reply({"object": "list", "data": [{"id": "m", "owned_by": "vllm"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if not self.path.endswith("/chat/completions"):
            self.send_error(404)
            return
        said, end = ("Oslo.", "stop") if self.stops else (LOOP, "length")
        message = {"role": "assistant", "content": said}
        self.reply({"choices": [{"index": 0, "message": message, "finish_reason": end}]})

    def reply(self, value: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())


def main() -> None:
    port, folder, *rest = sys.argv[1:]
    if rest:
        child = subprocess.Popen(["sleep", "600"])
        Path(rest[0]).write_text(f"{os.getpid()} {child.pid}")
    Chat.stops = Path(folder, "generation_config.json").exists()
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Chat)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
