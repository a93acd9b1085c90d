"""The formats of a report on several folders: what becomes of each folder, and of all at the end."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from genfix.cli.choices import Format
from genfix.cli.next_lines import command_line
from genfix.cli.output import Output
from genfix.errors import GenfixError, InputError
from genfix.json_types import JsonObject, JsonValue
from genfix.language import Language
from genfix.message import Message, text
from genfix.report.folder_rows import FolderRow, rows_text
from genfix.report.outcome import Failure, Outcome
from genfix.resolver import is_address
from genfix.resolver.case import Case
from genfix.show import show
from genfix.version import __version__

Answer = TypeVar("Answer")
Answer_contra = TypeVar("Answer_contra", contravariant=True)


class Verb(NamedTuple, Generic[Answer]):
    """A command, as far as several folders need to know it."""

    name: str
    run: Callable[[Case], Answer]
    code: Callable[[Answer, int], int]
    """The exit code of one folder, by its place."""
    outcome: Callable[[Answer], Outcome]
    body: Callable[[Answer, Output], str]
    """The report for a terminal."""
    document: Callable[[Answer], JsonValue]
    """The JSON that the folder has alone."""
    page: Callable[[Answer, Case, Language], str]


class Sink(Protocol[Answer_contra]):
    """Where the answers go, one folder after the other."""

    def add(self, row: FolderRow, case: Case, answer: Answer_contra, outcome: Outcome) -> None:
        """A folder that was judged."""

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        """A folder that could not be."""

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        """After the last one."""


def sink_of(verb: Verb[Answer], out: Output, place: Path | None, targets: Sequence[str]) -> Sink[Answer]:
    """What writes the report in the format that is wanted; pages go to ``place``.

    Raises `InputError` where there is no place for pages.
    """
    if out.wants_json:
        return _Json(verb, out)
    if out.wants_html:
        return _Pages(verb, out, _new_folder(place, targets))
    match out.verdict:
        case None:
            return _Text(verb, out)
        case Format.SARIF:
            return _Sarif(out)
        case Format.MARKDOWN:
            return _Markdown(out)
        case Format.GITLAB | Format.JUNIT as output_format:
            return _Parts(out, output_format)
        case output_format:
            return _Lines(out, output_format)


def _new_folder(place: Path | None, targets: Sequence[str]) -> Path:
    if place is None or str(place) == "-":
        raise InputError(
            "several folders make several pages, which need a folder of their own",
            "name a new one: -o report",
        )
    from genfix.applier.drafts import check_new_folder  # noqa: PLC0415 - only for pages

    check_new_folder(place, outside=[Path(target) for target in targets if not is_address(target)])
    return place


class _Text(Generic[Answer]):
    """For a terminal: each folder that has something to show, then the table."""

    def __init__(self, verb: Verb[Answer], out: Output) -> None:
        self._verb = verb
        self._out = out

    def add(self, row: FolderRow, case: Case, answer: Answer, outcome: Outcome) -> None:
        del case
        body = self._verb.body(answer, self._out)
        if body:
            title = self._out.style.mark(f"== {show(row.target)}", "bold")
            self._out.report(f"{title}\n\n{body}\n")
        if self._out.verbose:
            self._out.notes(outcome.notes)

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        """The table says it."""

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        del code, notes
        self._out.report(rows_text(rows, self._out.style))


class _Json(Generic[Answer]):
    def __init__(self, verb: Verb[Answer], out: Output) -> None:
        self._verb = verb
        self._out = out
        self._folders: list[JsonValue] = []

    def add(self, row: FolderRow, case: Case, answer: Answer, outcome: Outcome) -> None:
        from genfix.report.many_json import folder_json  # noqa: PLC0415 - only where it is asked for

        del case, outcome
        self._folders.append(folder_json(row, self._verb.document(answer)))

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        from genfix.report.many_json import folder_json  # noqa: PLC0415

        del error
        self._folders.append(folder_json(row, None))

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        from genfix.report.json import dumps  # noqa: PLC0415
        from genfix.report.many_json import many_json  # noqa: PLC0415

        del rows
        self._out.report(dumps(many_json(self._verb.name, self._folders, code, [*map(str, notes)])))


class _Sarif:
    def __init__(self, out: Output) -> None:
        self._out = out
        self._results: list[JsonObject] = []
        self._said: list[JsonValue] = []

    def add(self, row: FolderRow, case: Case, answer: object, outcome: Outcome) -> None:
        from genfix.report.sarif import notification, results  # noqa: PLC0415 - only where it is asked for

        del case, answer
        self._results += results(outcome)
        self._said += [notification(_of(row, note)) for note in outcome.notes]

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        from genfix.report.sarif import notification  # noqa: PLC0415

        self._said.append(notification(_of(row, error.said), level="error"))

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        from genfix.report.json import dumps  # noqa: PLC0415
        from genfix.report.sarif import Run, notification, sarif_log  # noqa: PLC0415

        folders: list[JsonValue] = [{"target": row.target, "base": row.base} for row in rows]
        said = [*map(notification, notes), *self._said]
        is_whole = all(row.error is None for row in rows)
        run = Run(self._results, said, {"folders": folders}, failed_with=0 if is_whole else code)
        self._out.report(dumps(sarif_log(run, __version__)))


class _Markdown:
    def __init__(self, out: Output) -> None:
        self._out = out
        self._details: list[str] = []

    def add(self, row: FolderRow, case: Case, answer: object, outcome: Outcome) -> None:
        from genfix.report.markdown import comment  # noqa: PLC0415 - only where it is asked for

        del answer
        step = command_line("repair", case) if outcome.done is False and outcome.changes else ""
        is_empty = row.error is None and row.worst is None and not row.files
        self._details.append("" if is_empty else comment(outcome, command=step, verbose=self._out.verbose))

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        del row, error
        self._details.append("")

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        from genfix.report.many_markdown import many_comment  # noqa: PLC0415

        del code, notes
        self._out.report(many_comment(rows, self._details))


class _Parts:
    """Formats of one document that has a part for each folder: GitLab's issues, and JUnit's suites."""

    def __init__(self, out: Output, output_format: Format) -> None:
        self._out = out
        self._format = output_format
        self._outcomes: list[Outcome | Failure] = []

    def add(self, row: FolderRow, case: Case, answer: object, outcome: Outcome) -> None:
        del row, case, answer
        self._outcomes.append(outcome)

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        self._outcomes.append(Failure(error, row.target))

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        from genfix.cli.formats import together  # noqa: PLC0415 - only where it is asked for

        del rows, code, notes
        self._out.report(together(self._outcomes, self._format, verbose=self._out.verbose))


class _Lines:
    """Formats of independent lines: GitHub's annotations, and concise ones."""

    def __init__(self, out: Output, output_format: Format) -> None:
        self._out = out
        self._format = output_format

    def add(self, row: FolderRow, case: Case, answer: object, outcome: Outcome) -> None:
        from genfix.cli.formats import rendered  # noqa: PLC0415 - only where it is asked for

        del row, case, answer
        self._out.report(rendered(outcome, self._format, verbose=self._out.verbose))

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        from genfix.cli.formats import failed  # noqa: PLC0415

        self._out.report(failed(Failure(error, row.target), self._format))

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        """Every line is said."""


class _Pages(Generic[Answer]):
    """A folder with an index, and a page for each model."""

    def __init__(self, verb: Verb[Answer], out: Output, place: Path) -> None:
        self._verb = verb
        self._out = out
        self._place = place
        self._pages: dict[str, str] = {}
        self._names: list[str] = []

    def add(self, row: FolderRow, case: Case, answer: Answer, outcome: Outcome) -> None:
        from genfix.report.html.many_page import page_name  # noqa: PLC0415 - only where it is asked for

        del outcome
        name = page_name(len(self._names) + 1, row.target)
        self._names.append(name)
        self._pages[name] = self._verb.page(answer, case, self._out.aside.language)

    def fail(self, row: FolderRow, error: GenfixError) -> None:
        del row, error
        self._names.append("")

    def finish(self, rows: Sequence[FolderRow], code: int, notes: Sequence[Message]) -> None:
        from genfix.applier import make_folder  # noqa: PLC0415
        from genfix.report.html.many_page import INDEX, many_page  # noqa: PLC0415
        from genfix.report.html.review import Kind  # noqa: PLC0415

        del code
        said = [self._out.aside.words(note) for note in notes]
        index = many_page(Kind(self._verb.name), rows, self._names, said, self._out.aside.language)
        pages = {**self._pages, INDEX: index}
        make_folder(
            self._place, {name: page.encode("utf-8", "backslashreplace") for name, page in pages.items()}
        )
        self._out.say(self._out.aside.text("wrote {path}", path=os.path.join(self._place, INDEX)))  # noqa: PTH118


def _of(row: FolderRow, said: Message) -> Message:
    """What is said of one folder of several."""
    return text("{folder}: {said}", folder=row.target, said=said)
