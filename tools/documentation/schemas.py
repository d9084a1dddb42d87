"""The reference of requests and messages, from the published JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.documentation.markdown import code, page, table

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
INTRODUCTION = """\
Each JSON document that the line reads or writes has a published JSON Schema (2020-12). This page is made from these
schemas.

An instant is text such as `2017-07-01T00:00:00Z`. The line writes instants with six digits of a second. It also reads a
date alone, and takes it for the start of that day in UTC.
"""
Schema = Mapping[str, Any]
INSTANT = "^([0-9]{4}-", "^[0-9]{4}-"


def schemas(folder: Path = FOLDER) -> dict[str, Schema]:
    """File name -> schema."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def render(folder: Path = FOLDER) -> str:
    """The page."""
    return page("Requests and messages", INTRODUCTION, *(_section(*one) for one in schemas(folder).items()))


def _section(file: str, schema: Schema) -> str:
    parts = [f"## {schema['title']}", f"Schema: [`{file}`](../schemas/{file})"]
    for title, form in _objects(schema):
        parts += [f"### {title}" if title else "", _paragraphs(form), _fields(form, schema)]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def _objects(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The document itself, then every object that it is made of."""
    if "properties" in schema:
        yield "", schema
    for name, form in schema.get("$defs", {}).items():
        if "properties" in form:
            yield f"{schema['title']}: {name}", form


def _paragraphs(form: Schema) -> str:
    """The description, each statement of one field as an item of a list."""
    lines = form.get("description", "").splitlines()
    return "\n".join(f"- {line}" if line.startswith("`") else line for line in _unwrapped(lines))


def _unwrapped(lines: list[str]) -> Iterator[str]:
    """The lines; one that goes on with a sentence joined to the line before."""
    written = ""
    for line in lines:
        begins = not line or line.startswith("`") or not written
        if begins and written:
            yield written
        written = line if begins else f"{written} {line}"
        if not line:
            yield ""
    if written:
        yield written


def _fields(form: Schema, schema: Schema) -> str:
    required = form.get("required", ())
    return table(
        ("field", "value", "meaning"),
        (
            (
                code(name) + ("" if name in required else " (optional)"),
                words(value, schema),
                value.get("description", ""),
            )
            for name, value in form["properties"].items()
        ),
    )


def words(value: Schema, schema: Schema) -> str:
    """The type of a field, in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        target = schema["$defs"][name]
        return f"a {name}" if "properties" in target else words(target, schema)
    if "const" in value:
        return code(json.dumps(value["const"]))
    if "enum" in value:
        return " or ".join(code(json.dumps(one)) for one in value["enum"])
    for several in ("anyOf", "oneOf"):
        if several in value:
            return " or ".join(dict.fromkeys(words(one, schema) for one in value[several]))
    return _typed(value, schema)


def _typed(value: Schema, schema: Schema) -> str:
    kind = value.get("type")
    if kind == "array":
        return f"a list: {words(value['items'], schema)}" if "items" in value else "a list"
    if kind == "string" and (value.get("format") == "date-time" or str(value.get("pattern", "")).startswith(INSTANT)):
        return "an instant"
    named = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
        "object": "an object",
    }
    return named.get(str(kind), "any value") + _bounds(value)


def _bounds(value: Schema) -> str:
    """The bounds of a number or of a text's length."""
    signs = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
        "maxLength": "at most {} characters",
        "pattern": "such as matches `{}`",
    }
    found = [form.format(value[name]) for name, form in signs.items() if name in value]
    return ", " + ", ".join(found) if found else ""
