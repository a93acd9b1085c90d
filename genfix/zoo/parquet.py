"""A store as a Parquet file, by pyarrow (the extra ``genfix[parquet]``)."""

import io
from importlib import import_module
from pathlib import Path

from genfix.errors import InputError
from genfix.json_types import JsonValue
from genfix.resolver.case import ModelLocation
from genfix.zoo.store import open_store


def parquet_of(store: ModelLocation) -> bytes:
    """The newest judgement of every folder, one row each, with its findings as a list of structs.

    Raises `InputError` where pyarrow is not installed, and as `open_store`.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow, which is not installed here", "install it: pip install 'genfix[parquet]'"
        ) from error
    rows: list[dict[str, JsonValue]] = []
    with open_store(Path(store), to_write=False) as found:
        for judgement, findings in found.everything():
            row = judgement._asdict()
            row["findings"] = [finding._asdict() for finding in findings]
            rows.append(row)
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows), out)
    return out.getvalue()
