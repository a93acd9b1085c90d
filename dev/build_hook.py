"""Compiles the catalogues of ``genfix/locale`` whenever genfix is built or installed, editable as well."""

import io
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALE = Path(__file__).parent.parent / "genfix" / "locale"


def compiled(po: bytes) -> dict[str, bytes]:
    """The files made from ``zh_CN.po``: its catalogue, and the English of every sentence that has an id."""
    chinese = read_po(io.BytesIO(po), locale="zh_CN")
    # Its times go into the file: those of the source, for the same bytes from the same source.
    english = Catalog(creation_date=chinese.creation_date, revision_date=chinese.revision_date)
    for entry in chinese:
        if not entry.context:
            continue
        if isinstance(entry.id, str):
            english.add(entry.context, entry.id)
        else:
            english.add(entry.context, entry.id[0])
            english.add(entry.context, entry.id[1], context="many")
    return {"zh_CN.mo": _bytes(chinese), "ids.mo": _bytes(english)}


def _bytes(catalog: Catalog) -> bytes:
    catalog.mime_headers = [("Content-Type", "text/plain; charset=utf-8")]
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


class CatalogueHook(BuildHookInterface):
    """Writes the compiled catalogues beside their source, and into the wheel although git ignores them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict) -> None:
        """Compile, before the files of the build are collected."""
        del version
        for name, content in compiled((LOCALE / "zh_CN.po").read_bytes()).items():
            (LOCALE / name).write_bytes(content)
            build_data["artifacts"].append(f"genfix/locale/{name}")
