"""A page that checks a model on a Hub, or its dropped config files, and shows what a repair would change.

``python app.py`` serves it here; README.md says how it becomes a Space.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from html import escape
from itertools import chain
from pathlib import Path
from shutil import copyfile
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import gradio as gr
from visit import MEMORY_GB

import genfix
from genfix.applier.building import CONFIG_KINDS
from genfix.folder import FileKind, kind_of
from genfix.language import language_of
from genfix.resolver.naming.spec import parse_spec

HERE = Path(__file__).parent
WORDS: dict[str, dict[str, str]] = json.loads((HERE / "words.json").read_text("utf-8"))
LIMITS = {"files": 40, "size": 64, "seconds": 90, "memory": MEMORY_GB, "once": 4, "queue": 32, "minutes": 10}
PARTS = ("check", "engines", "review", "weights")
KEPT = ("PATH", "HF_ENDPOINT", "MODELSCOPE_ENDPOINT", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
CSS = """
iframe { width: 100%; height: 80vh; border: 1px solid var(--border-color-primary); border-radius: 8px; }
pre.views { white-space: pre-wrap; overflow-wrap: anywhere; }
.prose { overflow-wrap: anywhere; }
.prose p a { padding: 0; }
[role="tab"][aria-selected="true"] { color: inherit !important; font-weight: 600; }
"""
LANG = "l => { document.documentElement.lang = l === 'zh' ? 'zh-CN' : 'en'; return [l]; }"


def address(given: str, words: dict[str, str]) -> str | None:
    """What a visitor names, as an address: a path is none. Raises `ValueError`."""
    scheme, _, rest = given.strip().rpartition("://")
    named = f"{scheme.lower() or 'hf'}://{rest}"
    try:
        if named.startswith(("hf://", "ms://")):
            return named if rest and parse_spec(named) else None
    except genfix.GenfixError as error:
        raise ValueError(words["place"].format(given=given)) from error
    raise ValueError(words["place"].format(given=given))


def put(dropped: Sequence[Path], folder: Path, words: dict[str, str]) -> None:
    """Copy dropped files into a new folder. Raises `ValueError` for what is not taken."""
    for path in dropped:
        if kind_of(path.name) not in {*CONFIG_KINDS, FileKind.WEIGHTS_INDEX}:
            raise ValueError(words["other"].format(name=path.name))
    try:
        given = {"count": len(dropped), "given": sum(path.stat().st_size for path in dropped) // 2**20}
        if given["count"] > LIMITS["files"] or given["given"] >= LIMITS["size"]:
            raise ValueError(words["many"].format(**given, **LIMITS))
        folder.mkdir()
        for path in dropped:
            copyfile(path, folder / path.name)
    except FileNotFoundError as error:
        raise ValueError(words["gone"]) from error


def asked(
    target: str, base: str, dropped: Sequence[str], home: Path, words: dict[str, str]
) -> dict[str, Any]:
    """What ``visit.py`` is asked. Raises `ValueError` with a sentence for the visitor."""
    named = address(target, words)
    if bool(named) is bool(dropped):
        raise ValueError(words["both" if dropped else "nothing"])
    if dropped:
        put([Path(path) for path in dropped], home / "merged", words)
    return {"target": named or "merged", "base": address(base, words)}


def answers(question: dict[str, Any], home: Path) -> Iterator[dict[str, Any]]:
    """What ``visit.py`` says, within the limits; the last says ``end``, where it came so far."""
    own = {"HOME": home, "HF_HOME": home / "hf", "XDG_CACHE_HOME": home / "cache", "TMPDIR": home}
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {"PYTHONPATH": os.pathsep.join(sys.path), **{name: str(path) for name, path in own.items()}}
    command = [sys.executable, str(HERE / "visit.py")]
    with Popen(command, cwd=home, env=env, stdin=PIPE, stdout=PIPE, start_new_session=True) as process:
        timer = Timer(LIMITS["seconds"], os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            process.stdin.write(json.dumps(question).encode())
            process.stdin.close()
            yield from map(json.loads, process.stdout)
        finally:  # also where the visitor has left
            timer.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def shown(answer: dict[str, Any], words: dict[str, str]) -> str:
    """An answer as HTML that does nothing."""
    match answer:
        case {"part": part, "html": html}:
            own = escape(html.replace("<head>", '<head><base href="about:srcdoc">', 1))  # or # is this page
            return f'<iframe sandbox title="{words[part]}" srcdoc="{own}"></iframe>'
        case {"text": text}:
            return f'<pre class="views" tabindex="0">{escape(text)}</pre>'
        case {"file": name, "href": href}:
            return f'<p><a download="{name}" href="{href}">{words[name]} ({name})</a></p>'
        case {"done": counts}:
            return f"<p>{escape(words['done'].format(**counts))}</p>"
    return f"<p>{escape(answer['error'])}</p>"


def check(target: str, base: str, dropped: list[str] | None, lang: str) -> Iterator[dict[gr.Component, Any]]:
    """Everything that the page shows, as it comes."""
    words, ended = WORDS[lang], {"error": WORDS[lang]["ended"].format(**LIMITS)}
    page = dict.fromkeys((said, *PLACES.values()), "")
    yield {**page, results: gr.Tabs(visible=False)}
    with TemporaryDirectory(prefix="genfix-visit-") as home:
        try:
            question = asked(target, base, dropped or (), Path(home), words) | {"lang": lang}
            for answer in chain(answers(question, Path(home)), [ended]):
                if "end" in answer:
                    return
                place = PLACES.get(answer.get("part"), said)
                page[place] += shown(answer, words)
                yield {place: page[place], results: gr.Tabs(visible=bool(page[PLACES["check"]]))}
        except ValueError as error:
            yield {said: shown({"error": str(error)}, words)}


def relabelled(lang: str) -> dict[gr.Component, Any]:
    """The page in a language."""
    words = WORDS[lang]
    return {
        head: f"<h1>{words['title']}</h1><p>{words['about']}</p>",
        target: gr.Textbox(label=words["target"], info=words["target_info"]),
        base: gr.Textbox(label=words["base"], info=words["base_info"]),
        drop: gr.File(label=words["files"]),
        go: gr.Button(words["go"]),
        foot: f"<p>{words['limits'].format(**LIMITS)}</p>",
        **{tab: gr.Tab(words[part]) for part, tab in TABS.items()},
    }


def opened(request: gr.Request) -> dict[gr.Component, Any]:
    """The page in the language of the visitor's browser."""
    found = language_of(request.headers.get("accept-language"), {}).value
    return {lang: found, **relabelled(found)}


with gr.Blocks(title="genfix", analytics_enabled=False, delete_cache=(60, LIMITS["minutes"] * 60)) as demo:
    lang = gr.Radio([("English", "en"), ("中文", "zh")], value="en", show_label=False, container=False)
    head = gr.HTML()
    with gr.Row():
        target, base = gr.Textbox(max_length=200), gr.Textbox(max_length=200)
    drop = gr.File(file_count="multiple", height=140)
    go = gr.Button(variant="primary")
    said = gr.HTML(html_template='<div role="status">${value}</div>')
    TABS, PLACES = {}, {}
    with gr.Tabs(visible=False) as results:
        for part in PARTS:
            with gr.Tab() as TABS[part]:
                PLACES[part] = gr.HTML()
    foot = gr.HTML()
    labels = [head, target, base, drop, go, foot, *TABS.values()]
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    demo.load(opened, None, [lang, *labels], **quick).then(None, lang, None, js=LANG)
    lang.input(relabelled, lang, labels, js=LANG, **quick)
    gr.on(
        [go.click, target.submit, base.submit], check, [target, base, drop, lang],
        [said, results, *PLACES.values()], concurrency_limit=LIMITS["once"], trigger_mode="once",
        api_visibility="private", show_progress_on=said,
    )  # fmt: skip
demo.queue(max_size=LIMITS["queue"])

if __name__ == "__main__":
    shades = {"": "*neutral_600", "_dark": "*neutral_300"}  # contrast by WCAG AA
    colors = {f"body_text_color_subdued{mode}": shade for mode, shade in shades.items()}
    colors |= {f"block_info_text_color{mode}": shade for mode, shade in shades.items()}
    fills = [f"button_primary_background_fill{state}{mode}" for mode in shades for state in ("", "_hover")]
    colors |= dict.fromkeys(fills, "*primary_800")
    fonts = {"font": ("system-ui", "sans-serif"), "font_mono": ("monospace",)}
    theme = gr.themes.Default(primary_hue="cyan", **fonts).set(**colors)
    demo.launch(
        max_file_size=f"{LIMITS['size']}mb", theme=theme, css=CSS, footer_links=["gradio"], quiet=True,
        run_history=False, enable_monitoring=False, ssr_mode=False, mcp_server=False, pwa=False,
    )  # fmt: skip
