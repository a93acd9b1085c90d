"""What the package loads, what it may import, who writes, and that nothing of a model ever runs."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.folders import glm_files, write_folder
from tests.support.places import ROOT
from tests.support.sources import MODULES, parsed

HEAVY = ("typer", "click", "rich", "pydantic", "huggingface_hub", "jinja2", "filelock", "httpx", "requests")

BOTTOM = frozenset(
    {"show", "message", "language", "json_types", "errors", "cache", "web", "version"}
    | {"known_names", "spelling", "display"}
)
"""Small modules anybody may use."""

BELOW_RULES = BOTTOM | {"jsontext", "folder", "gguf", "model"}
BELOW_API = BELOW_RULES | {
    *("engines", "weights", "catalogue", "rules", "planner", "applier", "resolver", "probe")
}

MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "json_types": frozenset(),
    "version": frozenset(),
    "show": frozenset({"json_types"}),
    "message": frozenset({"json_types", "show"}),
    "language": frozenset({"message"}),
    "errors": frozenset({"message"}),
    "cache": frozenset(),
    "known_names": frozenset(),
    "display": frozenset(),  # it loads `report` by its name, when a value is shown
    "spelling": frozenset({"known_names", "message", "errors"}),
    "web": frozenset({"message", "show", "json_types"}),
    "jsontext": BOTTOM,
    "folder": BOTTOM,
    "gguf": BOTTOM | {"folder"},
    "model": BOTTOM | {"folder", "gguf", "jsontext"},
    "engines": BELOW_RULES,
    "weights": BELOW_RULES,
    "catalogue": BELOW_RULES | {"engines"},
    "rules": BELOW_RULES | {"engines", "weights", "catalogue"},
    "planner": BELOW_RULES | {"engines", "rules"},
    "resolver": BELOW_RULES | {"engines", "weights", "catalogue", "rules"},
    "applier": BOTTOM | {"folder", "jsontext"},
    "probe": BELOW_RULES | {"engines"},
    "api": BELOW_API,
    "zoo": BELOW_API | {"api"},
    "report": BELOW_API | {"api", "zoo"},
    "integrations": BELOW_API | {"api"},
    "cli": BELOW_API | {"api", "zoo", "report"},
    "": frozenset(
        {"version", "api", "applier", "errors", "folder", "planner", "report", "rules", "web", "zoo"}
    ),
    "__main__": frozenset({"cli", "version"}),
}
"""Imports run one way, from the top. Reports take values of the api and hand none back."""


def test_the_page_of_the_architecture_says_so_too() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("<!-- imports:begin -->\n")[2].partition("<!-- imports:end -->")[0]
    rows = {
        name: frozenset({*BOTTOM} if "bottom" in found else ()) | frozenset(found) - {"bottom"}
        for name, found in (
            (cells[1].strip(" `"), [word.strip() for word in cells[2].split(",") if word.strip()])
            for cells in (line.split("|") for line in table.splitlines() if line.startswith("|"))
        )
    }
    written = {name: needs for name, needs in MAY_IMPORT.items() if name not in {*BOTTOM, "", "__main__"}}
    assert written == rows
    below: set[str] = {*BOTTOM}
    for name, needs in reversed(rows.items()):
        assert needs <= below, f"{name} imports what stands above it"
        below.add(name)


def test_no_module_imports_itself_through_others() -> None:
    graph = {name: {*imports_of(path, running=True)} - {name} for name, path in MODULES.items()}
    while graph:
        free = {name for name, needs in graph.items() if not needs & graph.keys()}
        assert free, f"a circle among {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in free}


def test_each_file_has_a_name_of_its_own_and_is_read_in_one_go() -> None:
    names = [path.name for path in MODULES.values() if path.name != "__init__.py"]
    assert sorted(names) == sorted({*names})
    assert [path.name for path in MODULES.values() if path.read_bytes().count(b"\n") > 350] == []


def room(module: str) -> str:
    """The part of the package that ``module`` (``genfix.x.y``) belongs to; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def imports_of(path: Path, *, running: bool = False) -> Iterator[str]:
    """All modules of genfix that a file imports, wherever in the file; if ``running``, none for types."""
    tree = parsed(path)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if running and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "genfix")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "genfix":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def test_every_part_is_known() -> None:
    assert {room(module) for module in MODULES} == set(MAY_IMPORT)


def test_imports_run_one_way() -> None:
    assert {
        (module, name)
        for module, path in MODULES.items()
        for name in imports_of(path)
        if room(name) not in MAY_IMPORT[room(module)] | {room(module)}
    } == set()


def test_the_model_of_layers_has_no_circle() -> None:
    rooms = dict(MAY_IMPORT)
    order: list[str] = []
    while rooms:
        free = [name for name, needs in rooms.items() if not (needs - set(order))]
        assert free, f"a circle among {sorted(rooms)}"
        order += free
        rooms = {name: needs for name, needs in rooms.items() if name not in free}


def test_one_module_talks_to_the_hub() -> None:
    users = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("huggingface_hub"))
        or (
            isinstance(node, ast.Import)
            and any(alias.name.startswith("huggingface_hub") for alias in node.names)
        )
    }
    assert users == {"genfix.resolver.hub.hub_client"}


# Who writes -------------------------------------------------------------------------------------------------

WRITERS = {"genfix.cache", "genfix.applier.fs", "genfix.applier.kernel"}

WRITING_CALLS = frozenset({
    "write_bytes", "write_text", "touch", "mkdir", "makedirs", "rmdir", "removedirs", "unlink", "remove",
    "rename", "renames", "replace", "symlink", "symlink_to", "hardlink_to", "link", "chmod", "fchmod",
    "lchmod", "chown", "fchown", "utime", "truncate", "ftruncate", "mkfifo", "mknod", "setxattr", "copy",
    "copy2", "copyfile", "copytree", "move", "rmtree", "mkstemp", "mkdtemp", "NamedTemporaryFile",
    "TemporaryDirectory", "TemporaryFile",
})  # fmt: skip
"""Methods of `os`, `shutil`, `tempfile` and `Path` that change a disk."""
OF_OS = frozenset({"os", "shutil", "tempfile"})
OF_PATH_ONLY = WRITING_CALLS - {"replace", "copy", "remove", "link", "move", "truncate"}
"""The others are names of methods of strings, lists and dicts as well."""
WRITING_FLAGS = frozenset({"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"})


def writes_in(path: Path) -> Iterator[str]:
    """What in a file's code would change a disk."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute) and node.attr in WRITING_FLAGS:
            yield node.attr
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = function.value.id if isinstance(function.value, ast.Name) else ""
            if function.attr in WRITING_CALLS and owner in OF_OS:
                yield f"{owner}.{function.attr}"
            elif (
                function.attr in OF_PATH_ONLY
                and owner not in {"fs", "dataclasses"}
                and not _of_seam(function)
            ):
                yield f".{function.attr}"
        if any(_is_writing_mode(mode) for mode in _modes(node)):
            yield "open(..., 'w')"


def _of_seam(function: ast.Attribute) -> bool:
    """A call of the applier's file system seam: ``state.fs.unlink``."""
    return isinstance(function.value, ast.Attribute) and function.value.attr == "fs"


def _modes(call: ast.Call) -> list[ast.expr]:
    """The mode that ``open(name, mode)``, ``path.open(mode)`` or ``os.fdopen(fd, mode)`` is given."""
    match call.func:
        case ast.Name("open") | ast.Attribute(ast.Name("os" | "io" | "codecs"), "fdopen" | "open"):
            place = 1
        case ast.Attribute(attr="open"):
            place = 0
        case _:
            return []
    return [
        *call.args[place : place + 1],
        *(keyword.value for keyword in call.keywords if keyword.arg == "mode"),
    ]


def _is_writing_mode(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and 0 < len(node.value) <= 4
        and set(node.value) <= set("rwxabt+U")
        and bool(set(node.value) & set("wxa+"))
    )


def test_nobody_else_writes() -> None:
    found = {module: list(writes_in(path)) for module, path in MODULES.items() if module not in WRITERS}
    assert {module: writes for module, writes in found.items() if writes} == {
        "genfix.cli.streams": ["O_WRONLY"]  # to /dev/null, where nobody listens any more
    }


def test_the_search_for_writers_finds_writers(tmp_path: Path) -> None:
    for writer in WRITERS:
        assert list(writes_in(MODULES[writer]))
    source = tmp_path / "x.py"
    for line in (
        "open('a', 'w')", "open('a', mode='ab')", "p.open('x')", "os.fdopen(1, 'r+')",
        "Path('a').write_text('b')",
        "p.write_bytes(b'')", "os.replace(a, b)", "os.open(a, os.O_WRONLY)", "p.unlink()",
        "shutil.move(a, b)",
        "p.mkdir()", "p.rename(q)", "tempfile.mkdtemp()", "p.touch()",
    ):  # fmt: skip
        source.write_text(line)
        assert list(writes_in(source)), line
    for line in (
        "open('a')",
        "p.open('rb')",
        "text.replace('a', 'b')",
        "os.open(a, os.O_RDONLY)",
        "{}.copy()",
    ):
        source.write_text(line)
        assert not list(writes_in(source)), line


RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})
LOADERS = frozenset({"pickle", "marshal", "shelve", "dill", "torch", "transformers", "runpy", "yaml"})
METHODS = frozenset({"extractall", "spec_from_file_location", "exec_module", "run_path"})


def running(path: Path) -> Iterator[str]:
    """What in a file runs text as code, or reads objects out of bytes."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in RUNNERS:
                yield name
            case ast.Import(names=names):
                yield from LOADERS & {alias.name for alias in names}
            case ast.ImportFrom(module=str(name)) if name in LOADERS:
                yield name
            case ast.Attribute(attr=name) if name in METHODS:
                yield name
            case _:
                continue


def test_nobody_runs_text_as_code_or_unpickles(tmp_path: Path) -> None:
    found = {module: [*running(path)] for module, path in MODULES.items()}
    assert {module: words for module, words in found.items() if words} == {
        "genfix.integrations.transformers": ["transformers"]  # its Trainer calls us
    }
    source = tmp_path / "x.py"
    source.write_text("eval('1')\nimport os, pickle\nfrom yaml import x\nz.extractall()\n")
    assert {*running(source)} == {"eval", "pickle", "yaml", "extractall"}


def test_what_tests_share_is_in_one_place() -> None:
    """Nothing imports a test module, and helpers import no tools: these import them."""
    for part in ("tests", "dev"):
        for path in (ROOT / part).rglob("*.py"):
            named = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text("utf-8"), re.MULTILINE)
            foreign = {
                name for name in named if name.startswith("tests") and not name.startswith("tests.support")
            }
            if path.is_relative_to(ROOT / "tests" / "support"):
                foreign |= {name for name in named if name.split(".")[0] == "dev"}
            assert foreign == set(), path


# What is loaded ---------------------------------------------------------------------------------------------


def python(code: str, *args: str | Path, home: Path | None = None) -> str:
    """What a fresh Python says to ``code``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(code: str, *args: str | Path, home: Path | None = None) -> set[str]:
    """The modules that are loaded once ``code`` has run."""
    told = python(f"{code}\nimport sys; print('\\nLOADED', *sys.modules)", *args, home=home)
    return set(told.rpartition("LOADED")[2].split())


def test_import_genfix_is_free() -> None:
    assert {name for name in loaded("import genfix") if name.startswith("genfix")} == {"genfix"}
    names = loaded("import genfix; genfix.__version__")
    assert names.isdisjoint(HEAVY)
    assert {name for name in names if name.startswith("genfix")} == {"genfix", "genfix.version"}
    assert names.isdisjoint({"asyncio", "json", "pathlib", "dataclasses", "subprocess"} - _of_python())


def _of_python() -> set[str]:
    """What a bare interpreter loads by itself (site, an editable install)."""
    return set(python("import sys, importlib; print(*sys.modules)").split())


def test_the_library_needs_no_command_line() -> None:
    names = loaded("import genfix; genfix.check; genfix.repair; genfix.Plan; genfix.GenfixError")
    assert names.isdisjoint(HEAVY)
    assert "genfix.cli" not in names


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with something to repair, and its base."""
    base = write_folder(tmp_path / "base", glm_files())
    files = {name: content for name, content in glm_files().items() if name != "generation_config.json"}
    return write_folder(tmp_path / "merged", files), base


RUN = "import sys; from genfix.cli import main; main(sys.argv[1:])"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("state", ["new", "repaired"])
def test_check_loads_nothing_it_does_not_need(folders: tuple[Path, Path], form: str, state: str) -> None:
    merged, base = folders
    if state == "repaired":
        python(RUN, "repair", merged, "--base", base)
    for target in (merged, base):
        # where no settings are
        names = loaded(RUN, "check", target, "--base", base, "--output-format", form, home=merged.parent)
        assert "genfix.api.judging" in names
        unwanted = {
            "huggingface_hub",
            "jinja2",
            "httpx",
            "filelock",
            "genfix.resolver.hub",
            "genfix.api.baseline",
            "genfix.api.plan_files",
            "genfix.zoo",
            "genfix.cli.many",
            "tomllib",
            "rich",
        }
        if state == "new" or target == base:
            unwanted |= {"genfix.applier"}
        if state == "repaired" or target == base:
            unwanted |= {"genfix.planner"}  # nothing is to be repaired
        unwanted |= {"genfix.planner.plan", "genfix.cli.hub_options"}  # no plan is made, nothing is written
        assert names.isdisjoint(
            unwanted - loaded("import typer")
        )  # early typer versions load rich themselves


def test_repair_loads_no_hub_client_for_a_local_base(folders: tuple[Path, Path]) -> None:
    merged, base = folders
    names = loaded(RUN, "repair", merged, "--base", base)
    assert (merged / "generation_config.json").exists()
    assert names.isdisjoint({"huggingface_hub", "jinja2", "httpx", "requests", "filelock"})


# Nothing of a model runs ------------------------------------------------------------------------------------

WATCH = """
import sys
seen = []
folders = tuple(sys.argv[1:3])
def hook(event, args):
    text = repr(args[:2])  # an import's third argument is sys.path
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request"):
        seen.append((event, text))
    elif event in ("exec", "compile", "import") and any(folder in text for folder in folders):
        seen.append((event, text))
    elif event == "import" and "chatglm" in text:
        seen.append((event, text))
    elif event in ("pickle.find_class", "marshal.loads") and any(folder in text for folder in folders):
        seen.append((event, text))
    elif event == "subprocess.Popen":
        command = args[1]
        if any(folder in str(part) for part in command for folder in folders):
            seen.append((event, text))
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        writes.append(args[0])
writes = []
import genfix
sys.addaudithook(hook)
sys.path.append(folders[0])
done = genfix.repair(*folders, unsafe_fixes=True)
genfix.undo(folders[0])
assert done.receipt is not None
written = [name for name in writes if str(name).startswith(folders)]
print(len(done.receipt.changes), seen, written, "", sep="|")
"""


def test_a_repair_runs_nothing_of_the_model(tmp_path: Path) -> None:
    """Custom code that would leave a mark, a template that reaches for the interpreter, and no network."""
    mark = b"from pathlib import Path\nPath(__file__).with_name('ran').write_text('x')\n"
    evil = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
        "{{ cycler.__init__.__globals__.os.system('touch ran') }}"
    )
    files = glm_files() | {
        "configuration_chatglm.py": mark,
        "modeling_chatglm.py": b"from .configuration_chatglm import X\n" + mark,
        "tokenization_chatglm.py": mark, "sitecustomize.py": mark, "chat_template.jinja": evil.encode(),
        "pytorch_model.bin": b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.",
        "training_args.bin": b"\x80\x04cos\nsystem\n.",
    }  # fmt: skip
    base = write_folder(tmp_path / "base", files)
    lost = {"generation_config.json", "tokenization_chatglm.py"}
    merged = write_folder(tmp_path / "merged", {name: files[name] for name in files.keys() - lost})
    changes, *told = python(WATCH, merged, base, home=tmp_path).split("|")
    assert int(changes) >= 2
    assert told == ["[]", "[]", "\n"]
    assert not list(tmp_path.rglob("ran"))
    assert not list(tmp_path.rglob("__pycache__"))


def test_the_working_directory_is_not_searched_for_modules(folders: tuple[Path, Path]) -> None:
    """`genfix check .` inside a model folder: its Python files must not shadow the standard library's."""
    merged, base = folders
    for name in ("json", "jinja2", "textwrap", "shlex", "typer", "difflib"):
        (merged / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "genfix",
            "repair",
            ".",
            "--base",
            base,
        ],  # -P: the search path of a command
        cwd=merged,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "shadowed" not in done.stderr


def test_python_m_genfix_in_a_model_folder_runs_nothing_of_it(folders: tuple[Path, Path]) -> None:
    """Python looks for modules in the working directory first, and that is a stranger's here."""
    merged, base = folders
    for name in ("json", "textwrap", "shlex", "typer", "difflib", "jinja2"):
        (merged / f"{name}.py").write_text("open('ran', 'w').close()\n")
    subprocess.run(
        [sys.executable, "-m", "genfix", "repair", ".", "--base", base],
        cwd=merged,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not (merged / "ran").exists()


def test_the_template_child_is_not_shadowed_either(tmp_path: Path) -> None:
    """The process that renders a template must not load modules from where the user stands."""
    base = write_folder(tmp_path / "base", glm_files())
    template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{# "
        + tmp_path.name
        + " not cached #}"
    )
    files = {name: content for name, content in glm_files().items() if name != "generation_config.json"}
    merged = write_folder(tmp_path / "merged", files | {"chat_template.jinja": template.encode()})
    for name in ("json", "jinja2", "resource", "signal", "sandbox"):
        (merged / f"{name}.py").write_text("open('ran', 'w').close()\n")
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if p]; "
        "import genfix; print(genfix.check(*sys.argv[1:]).views)"
    )
    python(code, merged, base, home=merged)
    assert not (merged / "ran").exists()
