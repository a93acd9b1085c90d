"""The JSON schemas that ship with genfix, and documents held against them."""

import json
from collections.abc import Mapping
from importlib import import_module, resources
from typing import Any

import pytest

__all__ = ["SCHEMAS", "jsonschema", "validate"]

jsonschema = import_module("jsonschema")  # it has no types of its own
referencing = import_module("referencing")


def schemas() -> Mapping[str, Any]:
    folder = resources.files("genfix.report").joinpath("schemas")
    found = {entry.name.partition(".")[0]: json.loads(entry.read_text("utf-8")) for entry in folder.iterdir()}
    return dict(sorted(found.items()))


SCHEMAS = schemas()


def validate(text: str, name: str) -> Any:
    assert text.isascii()
    document = json.loads(text, parse_constant=pytest.fail)
    known = [(schema["$id"], referencing.Resource.from_contents(schema)) for schema in SCHEMAS.values()]
    registry = referencing.Registry().with_resources(known)
    jsonschema.Draft202012Validator(SCHEMAS[name], registry=registry).validate(document)
    return document
