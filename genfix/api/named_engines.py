"""The engines that a case names."""

from genfix.resolver.case import Case


def named_engines(case: Case) -> tuple[str, ...]:
    """The engines whose harm counts; none: all. Raises `InputError` for one without a view."""
    named = (case.engines,) if isinstance(case.engines, str) else tuple(case.engines)
    if named:
        from genfix.api.engine_views import asked_engine  # noqa: PLC0415 - most runs name none

        for engine in named:
            asked_engine(engine)
    return named
