"""The process that renders an untrusted chat template: a fork, or a script of its own.

``python -I -S render_child.py DIR...`` with the directories of jinja2 and markupsafe as arguments. One JSON
object is read from stdin: ``template`` (text), ``variables`` (names every rendering sees) and
``conversations`` (per rendering the names only it sees: ``messages``, ``tools`` ...); ``lenient`` may list
the conversations for which a missing name is empty. One JSON line per conversation is written as soon as it
is known: ``{"text": ...}`` or ``{"error": kind, "detail": ...}``.

Before it looks at the template it gives up files, sockets and processes, and takes limits on CPU time and
memory; passing one ends it. A template sees what transformers 5.23 shows it
(utils/chat_template_utils.py, ``_cached_compile_jinja_template``): the immutable sandbox, ``trim_blocks``,
``lstrip_blocks``, loop controls, the ``generation`` tag and four own names.
"""

import sys

if __name__ == "__main__":
    sys.path.extend(sys.argv[1:])  # -S hides site-packages

import datetime as dt
import json
import os
import re
import time
from typing import Final, Literal, NoReturn, TypeAlias

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

_CPU_SECONDS: Final = 2
_ADDRESS_SPACE: Final = 512 * 1024 * 1024
_MAX_CHARACTERS: Final = 256 * 1024
"""Per conversation: a real one renders to a few thousand."""
_MAX_DETAIL: Final = 300
_FIXED_NOW: Final = dt.datetime(2024, 7, 26, 12, 0, 0)  # noqa: DTZ001 - templates print a local date
"""The same every day: a rendering must not depend on when it is made."""

_BLOCKED_ATTRIBUTE: Final = re.compile(r"access to attribute '(?P<name>[^']*)'")
_MISSING_NAME: Final = re.compile(r"'(?P<name>\w+)' is undefined")
_MAX_MISSING: Final = 8
_CHANGING: Final = re.compile(
    "add|append|clear|discard|extend|insert|pop(item)?|remove|reverse|setdefault|sort|update"
)
_WARM_UP: Final = (
    "{% macro f(x) %}{{ x }}{% endmacro %}{{ f('a\n') }}{{ [1]|tojson }}"
    "{{ strftime_now('%d %b %Y') }}{{ none + 1 }}"
)

_LATE: Final = ("wordwrap", "pprint")
"""Filters that import what they need when they are first used."""

_Kind: TypeAlias = Literal["syntax", "security", "raised", "memory", "too-large", "too-deep", "other"]


class _GenerationTag(Extension):
    """``{% generation %}...{% endgeneration %}``: marks the assistant's words for training; renders its body.

    The body is called like a macro, as transformers does it: names set inside do not leave it.
    """

    tags: set[str] = {"generation"}  # noqa: RUF012 - declared like this by jinja2

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body_text"), [], [], body).set_lineno(line)

    def _body_text(self, caller: Macro) -> str:
        return caller()


class _DictMaker:
    """What ``dict`` is to a template: two ways to make one, and no type to climb up from."""

    def __call__(self, *args: object, **named: object) -> dict[str, object]:
        return dict(*args, **named)

    def fromkeys(self, keys: list[object], value: object = None) -> dict[object, object]:
        return dict.fromkeys(keys, value)


class _SafeNamespace(Namespace):
    """jinja2's ``namespace()`` without names that start with an underscore."""

    def __init__(*args: object, **named: object) -> None:  # a template may set the name `self`
        values: dict[str, object] = dict(*args[1:], **named)
        for name in values:
            _refuse_underscore(name)
        Namespace.__init__(args[0], values)

    def __setitem__(self, name: str, value: object) -> None:
        _refuse_underscore(name)
        super().__setitem__(name, value)


def _refuse_underscore(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace cannot have the attribute {name!r}")


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(pattern: str) -> str:
    return _FIXED_NOW.strftime(pattern)


def _tojson(
    value: object,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - a filter's arguments are the template's to place
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _tojson
    environment.globals.update(
        raise_exception=_raise_exception,
        strftime_now=_strftime_now,
        dict=_DictMaker(),
        namespace=_SafeNamespace,
    )
    return environment


def _kind_of(error: Exception) -> _Kind:
    if isinstance(error, SecurityError):
        blocked = _BLOCKED_ATTRIBUTE.search(str(error))
        # messages.append(...) is blocked as well: a template that works nowhere, but no way out.
        return "raised" if blocked and _CHANGING.fullmatch(blocked["name"]) else "security"
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, RecursionError):
        return "too-deep"
    if isinstance(error, OverflowError):
        return "too-large"  # the sandbox's own cap on range(), and numbers that leave C's
    if isinstance(error, (OSError, ImportError)):
        return "other"  # no template has files or modules to lose: something of Python's own came too late
    return "syntax" if isinstance(error, TemplateSyntaxError) else "raised"


def _failure(kind: str, error: Exception) -> dict[str, str]:
    try:
        detail = str(error)[:_MAX_DETAIL]
    except Exception:  # noqa: BLE001 - the message may be the template's own object
        detail = ""
    return {"error": kind, "detail": detail or type(error).__name__}


def _render(template: jinja2.Template, names: dict[str, object]) -> dict[str, str]:
    parts: list[str] = []
    size = 0
    try:
        for part in template.generate(names):
            size += len(part)
            if size > _MAX_CHARACTERS:
                return {"error": "too-large", "detail": f"more than {_MAX_CHARACTERS} characters"}
            parts.append(part)
        return {"text": "".join(parts)}
    except Exception as error:  # noqa: BLE001 - whatever a template raises is its result
        return _failure(_kind_of(error), error)


def _render_leniently(template: jinja2.Template, names: dict[str, object]) -> dict[str, str]:
    """`_render`, again with an empty text for each name that was missing."""
    result = _render(template, names)
    for _ in range(_MAX_MISSING):
        missing = _MISSING_NAME.fullmatch(result.get("detail", ""))
        if missing is None or missing["name"] in names:
            break
        names = {**names, missing["name"]: ""}
        result = _render(template, names)
    return result


def _say(result: dict[str, str]) -> None:
    # Past every buffer: what is known survives the end of the process, and a fork's buffers are another's.
    left = json.dumps(result).encode("ascii") + b"\n"
    while left:
        left = left[os.write(1, left) :]


def _take_limits(used: int) -> None:
    """Give up what a template that leaves the sandbox could use. Where a limit is unknown, go without it."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    cpu = int(time.process_time()) + _CPU_SECONDS
    limits = (
        ("RLIMIT_CORE", 0, 0),
        ("RLIMIT_FSIZE", 0, 0),
        ("RLIMIT_NPROC", 0, 0),
        ("RLIMIT_NOFILE", 3, 3),  # stdin, stdout and stderr are open; nothing else ever is
        ("RLIMIT_AS", used + _ADDRESS_SPACE, used + _ADDRESS_SPACE),
        # The signal of the soft limit names the cause, that of the hard one does not.
        ("RLIMIT_CPU", cpu, cpu + 1),
    )
    for name, soft, hard in limits:
        which = getattr(resource, name, None)
        if which is None:
            continue
        try:
            allowed = resource.getrlimit(which)[1]
            hard = hard if allowed == resource.RLIM_INFINITY else min(hard, allowed)  # noqa: PLW2901 - capped
            resource.setrlimit(which, (min(soft, hard), hard))
        except (OSError, ValueError):
            continue


def main(used: int = 0) -> None:
    """Render the job on stdin; ``used`` bytes of memory are a forked process's own."""
    with open(0, "rb", closefd=False) as stdin:
        job = json.loads(stdin.read())
    environment = _environment()
    # jinja2 and Python import codecs and helpers on first use, and afterwards no file can be opened.
    late = "".join(f"{{{{ 'a'|{name} }}}}" for name in _LATE if name in job["template"])
    _render(environment.from_string(_WARM_UP + late), {})
    lenient = frozenset(job.get("lenient", ()))
    _take_limits(used)
    try:
        template = environment.from_string(job["template"])
    except Exception as error:  # noqa: BLE001 - the parser and Python's own compiler raise of every kind
        kind = _kind_of(error)
        failure = _failure("syntax" if kind == "raised" else kind, error)
        for _ in job["conversations"]:
            _say(failure)
        return
    for index, conversation in enumerate(job["conversations"]):
        render = _render_leniently if index in lenient else _render
        _say(render(template, {**job["variables"], **conversation}))


if __name__ == "__main__":
    main()
