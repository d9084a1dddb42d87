"""The reference of requests and messages, from the published JSON Schemas."""

from __future__ import annotations

import json
import re
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
# What a field means in every document that has it.
EVERYWHERE = {
    "schema": "the name of the schema.",
    "version": "the version of the schema.",
    "type": "the type of the model.",
    "kind": "the kind of the statement.",
    "line": "the name of the line.",
    "release": "the digest of a release of the line. The default is the current one.",
    "engine": "`duckdb` (a function) or `spark` (a Glue job). `auto` decides by the memory that the work takes.",
    "decision_id": "the id of the decision.",
    "event_id": "your name for the statement. The same statement sent twice counts once.",
    "sequence": "rises with each statement that you make about the decision.",
    "at": "when it happened or was said.",
    "retracts": "take an earlier statement back.",
    "split": "which rows train, validate and test.",
    "format": "the format of the files.",
    "encoding": "categories as an index (`ordinal`), or as one column each (`one_hot`).",
    "imputation": "what stands for a missing number.",
    "scaling": "how numbers and times are scaled.",
    "balance": "for training parts: `weights` for the rarer outcome, or `downsample` rows of the commoner one.",
    "seed": "another seed draws other rows.",
    "majority": "with `downsample`: how many rows of the commoner outcome stay for each of the rarer.",
}
_OWN = re.compile(r"^`(\w+)`: (.+)$", re.MULTILINE)
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
        parts += [f"### {title}" if title else "", _introduction(form), _fields(form, schema)]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def _objects(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The document itself, then every object that it is made of."""
    if "properties" in schema:
        yield "", schema
    for name, form in schema.get("$defs", {}).items():
        if "properties" in form:
            yield f"{schema['title']}: {name}", form


def _fields(form: Schema, schema: Schema) -> str:
    meanings, required = meanings_of(form), form.get("required", ())
    return table(
        ("field", "value", "meaning"),
        (
            (code(name), words(value, schema) + ("" if name in required else " (optional)"), meanings[name])
            for name, value in form["properties"].items()
        ),
    )


def meanings_of(form: Schema) -> dict[str, str]:
    """Field -> meaning: from its own line of the description, or as it means everywhere."""
    own = dict(_OWN.findall(_unwrapped(form)))
    return {
        name: own.get(name) or value.get("description") or EVERYWHERE.get(name, "")
        for name, value in form["properties"].items()
    }


def _introduction(form: Schema) -> str:
    """The description without the lines of fields."""
    return _OWN.sub("", _unwrapped(form)).strip()


def _unwrapped(form: Schema) -> str:
    """The description with each field on one line."""
    return re.sub(r"\n(?![`\n])", " ", form.get("description", ""))


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
        "pattern": "matching `{}`",
    }
    found = [form.format(value[name]) for name, form in signs.items() if name in value]
    return ", " + ", ".join(found) if found else ""
