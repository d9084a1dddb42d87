"""The reference pages name everything there is, because they are made from it."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from assembly_line import notebook
from assembly_line.faces import offered
from stacks.settings import Settings
from tests.documents import ROOT
from tools.documentation import commands, declarations, schemas, settings
from tools.documentation.declarations import GROUPS, public_names
from tools.documentation.docstrings import arguments_of

NAMES = public_names()
DECLARED = sorted(name for name, public in NAMES.items() if is_dataclass(public.value))
CALLED = sorted(name for name, public in NAMES.items() if inspect.isfunction(public.value))
# Explained once for all of them, above the functions that take them.
SHARED = {"source", "column", "window", "where", "by"}


def test_every_public_name_stands_in_the_reference_once() -> None:
    assert Counter(name for names in GROUPS.values() for name in names) == Counter(list(offered("assembly_line")))
    page = declarations.render()
    for public in NAMES.values():
        assert page.count(f"::: {public.path}\n") == 1


@pytest.mark.parametrize("name", DECLARED)
def test_every_field_of_a_declaration_is_explained(name: str) -> None:
    value: Any = NAMES[name].value
    explained = arguments_of(value)
    assert list(explained) == [field.name for field in fields(value)]
    assert all(explained.values())


@pytest.mark.parametrize("name", CALLED)
def test_every_parameter_of_a_function_is_explained(name: str) -> None:
    function: Any = NAMES[name].value
    assert inspect.getdoc(function)
    asked = set(inspect.signature(function).parameters) - (SHARED if name in declarations.OF_EVENTS else set())
    assert asked - set(arguments_of(function)) == set()


@pytest.mark.parametrize(
    "function", [notebook.dataset, notebook.profile, notebook.model_inputs], ids=lambda one: one.__name__
)
def test_every_argument_in_a_notebook_is_explained(function: Any) -> None:
    assert list(arguments_of(function)) == list(inspect.signature(function).parameters)


def test_every_command_argument_and_option_stands_in_the_reference() -> None:
    page = commands.render()
    for name, command in commands.commands():
        assert f"\n## `{name}`\n" in page
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "hidden", False) or parameter.help, f"{name} {parameter.name}"
    assert "`--as-of INSTANT`" in page
    assert "&lt;source>.parquet" in page


def test_every_setting_stands_in_the_reference_with_its_values() -> None:
    page = settings.render()
    assert list(arguments_of(Settings)) == [field.name for field in fields(Settings)]
    for field in fields(Settings):
        assert f"| `{field.name}` |" in page
    assert "`dev` | `embedded` | `prod`" in page


def test_every_schema_stands_in_the_reference_with_its_fields() -> None:
    page = schemas.render()
    published = sorted(path.name for path in (ROOT / "docs" / "schemas").glob("*.json"))
    assert list(schemas.schemas()) == published
    for file, schema in schemas.schemas().items():
        assert f"(../schemas/{file})" in page
        for form in (schema, *schema.get("$defs", {}).values()):
            if "properties" in form:
                assert [field for field, meaning in schemas.meanings_of(form).items() if not meaning] == []
                assert all(f"| `{field}` |" in page for field in form["properties"])


def test_types_are_said_in_words() -> None:
    schema = {"$defs": {"Kind": {"enum": ["a", "b"]}, "Body": {"properties": {}}}}
    assert schemas.words({"anyOf": [{"$ref": "#/$defs/Kind"}, {"type": "null"}]}, schema) == '`"a"` or `"b"` or null'
    assert schemas.words({"type": "array", "items": {"$ref": "#/$defs/Body"}}, schema) == "a list: a Body"
    assert schemas.words({"type": "integer", "minimum": 1}, schema) == "a whole number, at least 1"
    assert schemas.words({"type": "string", "format": "date-time"}, schema) == "an instant"
