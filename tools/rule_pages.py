# ruff: noqa: INP001, RUF001, S603, TID251 - a script of its own; Chinese text; it runs genfix on a temporary copy
"""Writes what the documentation takes from the code, so that it cannot go stale.

``python tools/rule_pages.py`` writes the pages of the rules, their index, and in both READMEs the table of the
rules, the help text and the output of the example's repair. With ``--check`` it writes nothing, names what is
stale and exits with 1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genfix.rules import RULES, Rule  # noqa: E402 - a clone need not be installed
from genfix.rules.questions import QUESTIONS  # noqa: E402
from tests.rules.cases import CASES  # noqa: E402
from tests.rules.examples import example  # noqa: E402

__all__ = [
    "CHINESE",
    "HELP_FROM",
    "PAGES",
    "READMES",
    "block",
    "generated",
    "help_text",
    "main",
    "stale",
    "typer_version",
]

PAGES: Final = ROOT / "docs" / "rules"
WHO: Final = ROOT / "docs" / "who-is-right.md"
READMES: Final = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}

HELP_FROM: Final = (0, 26)
"""Older versions of typer lay the help text out in another way; with them it is left alone."""

_EXAMPLE: Final = ROOT / "examples" / "glm4"
_TRANSACTION: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_ISSUE: Final = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)#(?P<number>\d+)", re.ASCII)

_HEADS: Final = {
    "en": ("code", "name", "at worst", "without `--base`", "what it means"),
    "zh": ("编号", "名称", "最高级别", "不给 `--base`", "含义"),
}
_ALONE: Final = {"en": ("no", "yes"), "zh": ("不检查", "也检查")}
CHINESE: Final[Mapping[str, str]] = {
    "GF101": "`generation_config.json` 的 `eos_token_id` 比基座少了停止 id，或者一个也没有。",
    "GF102": "对话模板用来结束一轮的 token，某个引擎并不在那里停止。",
    "GF103": "`config.json` 的 `eos_token_id` 比基座的 `config.json` 少。",
    "GF104": "`generation_config.json` 的 `eos_token_id` 里有不是 token id 的内容：文字、小数或负数。",
    "GF105": "基座的某个停止 id 在这里是另一个 token，或者超出了嵌入矩阵的行数。",
    "GF106": "对话模板与基座相同，而 `tokenizer_config.json` 的 `eos_token` 不是基座的，或者不见了。",
    "GF107": "对话模板用来结束一轮的文字（例如 `<|im_end|>`），分词器里没有这个 token。",
    "GF108": "填充 token 被改成了唯一结束一轮的 token：结束符可能从未被训练，配置无法修复。",
    "GF201": "基座有对话模板，这里没有，或者不在 processor 读取的位置。",
    "GF202": "`chat_template.jinja` 与目录里的另一份模板内容不同。",
    "GF203": "对话模板无法渲染：语法错误、沙箱不允许的访问，或者在限额内渲染不完。",
    "GF204": "对话模板里有 `{% generation %}` 标签：它只用于训练，有些引擎不认识。",
    "GF205": "对话模板写出形如 `<|...|>` 的文字，而这里的分词器没有这些 token。",
    "GF206": "视觉语言模型的对话模板不为图像写任何内容，而基座的模板会写。",
    "GF207": "对话模板只在 `chat_template.jinja` 里，基座在旧读取者查找的位置也有一份。",
    "GF208": "被合并的适配器有自己的对话模板（训练时用的那一个），这里的却是另一个，或者没有。",
    "GF209": "对话模板写出 BOS，分词器又加一个，而基座的分词器不加。",
    "GF301": "基座的某个分词器文件不见了，其他文件里也没有它的内容。",
    "GF302": "分词器不是适配器训练时用的那一个：缺少 token、id 不同，或者 EOS 仍是基座的。",
    "GF303": "嵌入矩阵行数与基座相同，基座的某个附加 token 却不见了，或者换了 id。",
    "GF304": "某个附加 token 的标志（`special`、`lstrip`、`rstrip`、`normalized`、`single_word`）与基座不同。",
    "GF305": "特殊 token 列表比基座的短，而这些 token 仍在分词器里。",
    "GF306": "分词器或配置里的 BOS、填充 token 与基座不同。",
    "GF307": "填充 token 的 id 超出了嵌入矩阵的行数。",
    "GF308": "`tokenizer.json` 里留有训练器的 `truncation` 或 `padding`，直接读取它的程序会截断或填充文本。",
    "GF309": "分词器在右侧填充，而基座在左侧填充（`padding_side`）。",
    "GF310": "`tokenizer.json` 还在，而慢速分词器和转换工具读取的词表文件不见了。",
    "GF311": "`tokenizer.json` 的 `normalizer` 或 `pre_tokenizer` 与基座不同。",
    "GF312": "`tokenizer_config.json` 里的 `eos_token` 等具名 token 既不是文本，也不是标有 `AddedToken` 的对象，引擎无法加载。",
    "GF401": "基座有 `config.json`，这里没有。",
    "GF402": "基座 `config.json` 的某个键不见了，transformers 认识的别名也都没有。",
    "GF403": "`config.json` 或 `generation_config.json` 的 `use_cache` 是 `false`，生成会慢得多。",
    "GF404": "`max_position_embeddings`、实际使用的滑动窗口或分词器的 `model_max_length` 与基座不同。",
    "GF405": "`config.json` 的 `dtype` 与权重的 dtype 不同。",
    "GF411": "`config.json` 的 `vocab_size` 不等于权重里嵌入矩阵的行数。",
    "GF412": "分词器里有附加 token 的 id 超出了嵌入矩阵的行数。",
    "GF413": "`tie_word_embeddings` 与权重矛盾：为 true 而输出头是另一组值，或为 false 而没有输出头。",
    "GF414": "`config.json` 的层数与权重不符，或者权重中间缺了层。",
    "GF415": "`config.json` 的专家数与权重不符。",
    "GF416": "`config.json` 声明了多 token 预测层，而权重里没有。",
    "GF421": "`config.json` 声明了量化，而权重是普通浮点张量。",
    "GF422": "权重是量化的，而目录里没有文件说明量化方式。",
    "GF431": "`architectures` 指名的类与权重里的部件不符：没有输出头、奖励头被当成生成模型，或视觉部分不见了。",
    "GF432": "张量名还带着训练器的包装（`base_model.model.`、`_orig_mod.`、`lora_A` 等）。",
    "GF501": "图像、视频或音频 processor 的文件不见了。",
    "GF502": "`auto_map` 指名的 Python 文件，或者它引用的同目录文件，不见了。",
    "GF503": "基座的许可证、声明或使用政策文件不在目录里。",
    "GF504": "目录里没有任何引擎会读取的文件。",
    "GF505": "模型旁边的某个文件不见了：`additional_chat_templates/` 里的模板，或 sentence-transformers 的池化配置。",
    "GF521": "缺少索引或文件编号所说的某个权重文件。",
    "GF522": "某个 safetensors 文件没有可读的头部，或者在头部所说的数据之前就结束了。",
    "GF523": "多个分片旁边没有 `model.safetensors.index.json`，或者它与分片头部不符。",
    "GF524": "有索引没有提到的权重文件，或者 `model.safetensors` 旁边还有分片。",
    "GF525": "safetensors 头部有元数据，却没有其中的 `format`。",
    "GF601": "基座有 `generation_config.json`，这里没有。",
    "GF602": "该文件是由 `config.json` 重新生成的（`_from_model_config`），基座的设置丢了。",
    "GF603": "训练或评测时的 `max_new_tokens` 或 `max_length` 留在了文件里，而基座没有设置。",
    "GF604": "某项设置是引擎拒绝的值（负的 temperature、为 0 的 `top_p`），或者有采样参数却没有 `do_sample`。",
    "GF605": "某项采样设置与基座不同。",
    "GF701": "transformers 4 没有 `tokenizer_class` 所指的类（例如 `TokenizersBackend`），而基座的类它能加载。",
    "GF702": "`extra_special_tokens` 是列表，transformers 4 无法加载；基座不是这样。",
    "GF704": "`tokenizer.model` 还在，而附加 token 只写在 `tokenizer.json` 里，llama.cpp 转换时会丢掉它们。",
    "GF705": "processor 或分词器的类名带着训练器运行时的前缀（`_Unsloth_Patched_`）。",
    "GF711": "RoPE 只写在 transformers 5 的 `rope_parameters` 里，旧读取器会悄悄使用默认值。",
    "GF712": "RoPE 与基座不同，或者被重置成了默认值。",
    "GF713": "`tie_word_embeddings` 只写在复合 `config.json` 的顶层，而权重里没有单独的输出头：transformers 4 会随机生成一个。",
    "GF721": "完整权重旁边有 `adapter_config.json`。",
    "GF722": "目录里有训练留下的文件：优化器、调度器、随机状态、参数。",
    "GF901": "某个 JSON 文件无法解析，或者不是一个对象。",
    "GF902": "同一个 JSON 对象里有重复的键。",
    "GF903": "某个 JSON 文件以 UTF-8 的 BOM 开头。",
    "GF904": "某个配置文件不是普通文件、是指向别处的链接、大得离谱，或者没有读取权限。",
    "GF905": "JSON 文件里有 `NaN`、`Infinity` 或大到无法表示的数，而基座模型没有。",
    "GF906": "本该是文件的地方只有一个 Git LFS 指针。",
}
"""What each rule means, in one sentence: rules themselves speak English only."""


def generated() -> Mapping[Path, str]:
    """Every generated file and every file with generated parts, with the text it should have."""
    files = {PAGES / f"{rule.code}.md": _page(rule) for rule in RULES.values()}
    files[PAGES / "README.md"] = _index()
    files[WHO] = _who_is_right()
    repair = _repair()
    for language, path in READMES.items():
        text = path.read_text(encoding="utf-8")
        text = _replaced(text, "rules", _table(language, "docs/rules/"))
        text = _replaced(text, "repair", repair)
        if typer_version() >= HELP_FROM:
            text = _replaced(text, "help", _console("genfix --help", help_text()))
        files[path] = text
    return files


def stale() -> list[str]:
    """Names of the files that are not what `generated` says, and of pages whose rule is gone."""
    wanted = generated()
    differing = {
        path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text
    }
    return sorted(str(path.relative_to(ROOT)) for path in differing | _orphans(wanted))


def typer_version() -> tuple[int, ...]:
    """Major and minor version of the typer that is installed."""
    return tuple(int(part) for part in version("typer").split(".")[:2])


def help_text() -> str:
    """What ``genfix --help`` prints."""
    return _run("--help", cwd=ROOT)


def block(text: str, name: str) -> str:
    """The generated part ``name`` of ``text``, without its markers. Raises `ValueError` where it is missing."""
    start, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"the markers of the generated part {name!r} are missing, or there twice")
    return text.partition(start)[2].partition(end)[0]


def main() -> int:
    """Write, or check; the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of the documentation.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where something is stale"
    )
    if parser.parse_args().check:
        names = stale()
        sys.stdout.write("".join(f"stale: {name}\n" for name in names))
        return 1 if names else 0
    files = generated()
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in _orphans(files):
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _orphans(wanted: Mapping[Path, str]) -> set[Path]:
    return set(PAGES.glob("*.md")) - wanted.keys()


def _replaced(text: str, name: str, new: str) -> str:
    marker = f"<!-- {name}:begin -->\n"
    return text.replace(marker + block(text, name), marker + new)


def _page(rule: Rule) -> str:
    doc = rule.doc
    source = rule.check.__module__.replace(".", "/") + ".py"
    base = "needs `--base`" if rule.needs_base else "also without `--base`"
    sections = (
        ("What it means", doc.what),
        ("Why it hurts", doc.why),
        ("Fix", doc.fix),
        ("Safety", doc.safety),
    )
    parts = [
        f"<!-- Written by tools/rule_pages.py from {source}. -->",
        f"# {rule.code} {rule.name}",
        f"At worst: **{rule.severity}** · {base} · [all rules](README.md)",
        *(f"## {title}\n\n{text}" for title, text in sections),
        *([f"## Example\n\n{example(rule.code, CASES[rule.code])}"] if rule.code in CASES else []),
        "## Sources\n\n" + "\n".join(f"- {_linked(source)}" for source in doc.sources),
    ]
    return "\n\n".join(parts) + "\n"


def _index() -> str:
    parts = [
        "<!-- Written by tools/rule_pages.py from genfix.rules.RULES. -->",
        "# Rules",
        (
            "Each finding names its rule. The severity in this table is the worst a rule gives; that of a finding "
            "follows from what the engines do with the folder."
        ),
        (
            "The first digit is the family: 1 stop tokens, 2 chat template, 3 tokenizer, 4 `config.json`, 5 other files, "
            "6 generation settings, 9 files that cannot be read."
        ),
        _table("en", "").rstrip("\n"),
        "`genfix explain` with a code or a name prints the same text as these pages.",
    ]
    return "\n\n".join(parts) + "\n"


def _who_is_right() -> str:
    rows = [
        "| question | witnesses, the strongest first | what they cannot settle | rules |",
        "| --- | --- | --- | --- |",
    ]
    for question in QUESTIONS:
        witnesses = ", ".join(str(witness).replace("_", " ") for witness in question.witnesses)
        links = " ".join(f"[{code}](rules/{code}.md)" for code in question.codes)
        rows.append(f"| {question.ask} | {witnesses} | {question.unsettled} | {links} |")
    parts = [
        "<!-- Written by tools/rule_pages.py from genfix/rules/questions.py. -->",
        "# Who is right",
        (
            "The base is one witness among several. For each question genfix asks the strongest one that is there and can "
            "tell. Where they contradict each other for certain, the weaker one is wrong; where nobody knows, the fix is "
            "*unsafe* (made only when you ask) or *manual*, and says what each of them claims."
        ),
        "\n".join(rows),
        (
            "*Folder* means other files of the folder itself, *engine* what engines do with a value by their own code. The "
            "adapter is asked first wherever it is there: its tokenizer and chat template are those of the training."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(language: str, pages: str) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in _rows(language, pages))


def _rows(language: str, pages: str) -> Iterator[tuple[str, ...]]:
    yield _HEADS[language]
    yield ("---",) * len(_HEADS[language])
    for rule in RULES.values():
        if rule.code not in CHINESE:
            raise ValueError(f"{rule.code} has no Chinese sentence in tools/rule_pages.py")
        what = CHINESE[rule.code] if language == "zh" else rule.doc.what
        alone = _ALONE[language][not rule.needs_base]
        link = f"[{rule.code}]({pages}{rule.code}.md)"
        yield (link, rule.name, rule.severity, alone, what.replace("|", "\\|"))


def _linked(source: str) -> str:
    return _ISSUE.sub(r"[\g<0>](https://github.com/\g<repo>/issues/\g<number>)", source)


def _repair() -> str:
    with tempfile.TemporaryDirectory(prefix="genfix-docs-") as folder:
        shutil.copytree(_EXAMPLE, folder, dirs_exist_ok=True)
        output = _run("repair", "merged", "--base", "base", cwd=Path(folder))
    return _console("genfix repair merged --base base", _TRANSACTION.sub("20260102T030405Z-a1b2c3", output))


def _console(command: str, output: str) -> str:
    return f"```console\n$ {command}\n{output.rstrip()}\n```\n"


def _run(*arguments: str, cwd: Path) -> str:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("GENFIX_", "FORCE_"))}
    result = subprocess.run(
        [sys.executable, "-m", "genfix", *arguments],
        check=True,
        cwd=cwd,
        env=keep
        | {"COLUMNS": "80", "GENFIX_LANG": "en", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
