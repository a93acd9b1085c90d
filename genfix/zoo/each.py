"""One verb on many folders: each by itself, so that one that cannot be judged keeps no other from it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar, Unpack

from genfix.api.changing import Repair, repair_case
from genfix.api.judging import Report, check_case
from genfix.api.keywords import CheckOptions, PlanOptions
from genfix.errors import GenfixError, as_genfix_error
from genfix.resolver.case import Case, ModelLocation
from genfix.zoo.model_folders import named_folders

Answer = TypeVar("Answer")


class Each(NamedTuple, Generic[Answer]):
    """What a verb gave for one folder: an answer, or an error."""

    case: Case
    answer: Answer | None
    error: GenfixError | None = None

    @property
    def target(self) -> str:
        """The folder, as it was named or found."""
        return str(self.case.target)


def each(cases: Iterable[Case], verb: Callable[[Case], Answer]) -> Iterator[Each[Answer]]:
    """The answer of ``verb`` for every case, in order and one at a time; raises nothing for a folder."""
    for case in cases:
        try:
            yield Each(case, verb(case))
        except Exception as error:  # noqa: BLE001 - a bug that one folder finds is that folder's row
            yield Each(case, None, as_genfix_error(error))


def check_many(
    *targets: str, base: ModelLocation | None = None, **options: Unpack[CheckOptions]
) -> Iterator[Each[Report]]:
    """`check` for every folder that ``targets`` name: folders, patterns, or parents of model folders.

    Options as for `check`. The answers come one by one, while the next folder is not judged yet.
    """
    return each((Case(target, base, **options) for target in _named(targets)), check_case)


def repair_many(
    *targets: str, base: ModelLocation | None = None, **options: Unpack[PlanOptions]
) -> Iterator[Each[Repair]]:
    """`repair` for every folder that ``targets`` name, as for `check_many`; each is all or none."""
    return each((Case(target, base, **options) for target in _named(targets)), repair_case)


def _named(targets: tuple[str, ...]) -> tuple[str, ...]:
    found = named_folders(targets)
    return (found,) if isinstance(found, str) else found.targets
