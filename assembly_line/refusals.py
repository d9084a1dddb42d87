"""What is wrong with an object that was sent, in words: each field by its path, its value, and what was expected."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from assembly_line.errors import AssemblyError

SHOWN = 100  # characters of a wrong value


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Every problem of a pydantic error in one readable line; `model` tells which fields there are."""
    return "; ".join(_problem(problem, model) for problem in error.errors(include_url=False))


def parts_of(error: ValidationError, model: type[BaseModel]) -> dict[str, str]:
    """Where, value and expected of the first problem, as an `AssemblyError` takes them."""
    problem = error.errors(include_url=False)[0]
    path, owner = _located(problem["loc"], model)
    where, value, expected = ".".join(path), _shown(problem["input"]), _expected(problem)
    match problem["type"]:
        case "extra_forbidden":
            expected = (
                f"one of the fields {', '.join(field.alias or name for name, field in owner.model_fields.items())}"
            )
        case "missing":
            missing = owner.model_fields.get(path[-1]) if path else None
            value, expected = "missing", (missing and missing.description) or "it to be given"
        case "union_tag_not_found":
            where, value, expected = (
                ".".join([*path, _tag_field(problem)]),
                "missing",
                "one of the types that there are",
            )
        case "union_tag_invalid":
            where, context = ".".join([*path, _tag_field(problem)]), problem["ctx"]
            value, expected = _shown(context["tag"]), f"one of {context['expected_tags']}"
        case "value_error":
            own = problem["ctx"]["error"]
            refused = own.__cause__ if isinstance(own.__cause__, AssemblyError) else None
            value = (refused and refused.value) or value
            expected = (refused and refused.expected) or str(own)
        case _:
            pass
    return {"where": f"{model.__name__}: {where}" if where else model.__name__, "value": value, "expected": expected}


def wrong_fields(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Which of the model's own fields are wrong: names alone, of which none is the sender's."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    return sorted({str(step) for problem in error.errors(include_url=False) for step in problem["loc"]} & known)


def _problem(problem: ErrorDetails, model: type[BaseModel]) -> str:
    path, owner = _located(problem["loc"], model)
    where, kind, value = ".".join(path), problem["type"], problem["input"]
    if kind == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in owner.model_fields.items())
        return f"{where}: unknown field; there are {known}"
    if kind == "missing":
        missing = owner.model_fields.get(path[-1]) if path else None
        return f"{where}: is missing" + (f"; expected {missing.description}" if missing and missing.description else "")
    if kind == "union_tag_not_found":
        return f"{'.'.join([*path, _tag_field(problem)])}: is missing"
    if kind == "union_tag_invalid":
        field, context = ".".join([*path, _tag_field(problem)]), problem["ctx"]
        return f"{field}: {_shown(context['tag'])}: expected one of {context['expected_tags']}"
    if kind == "value_error":  # our own words, which name the value
        return ": ".join(part for part in (where, str(problem["ctx"]["error"])) if part)
    if not where:
        return f"expected a JSON object, got {type(value).__name__}"
    return f"{where}: {_shown(value)}: expected {_expected(problem)}"


def _expected(problem: ErrorDetails) -> str:
    """What pydantic says that a value should be, without the words around it."""
    said = re.sub(r"^\w+ should (?:be |have |match (?=pattern))?", "", problem["msg"])
    return re.sub(r" after validation, not .*", "", said)


def _located(location: Sequence[int | str], model: type[BaseModel]) -> tuple[list[str], type[BaseModel]]:
    """The path as the caller wrote it, and the innermost object on it.

    pydantic also names the member of a union that was tried, which stands nowhere in the request.
    """
    path: list[str] = []
    inner, members = model, [model]
    for step in map(str, location):
        tried = next((member for member in members if _is_tagged(member, step)), None) if path else None
        if tried is not None:
            inner, members = tried, [tried]
            continue
        # A field's name is the caller's too: it may be long, or break a line of a log.
        path.append(step if step.isprintable() and len(step) <= SHOWN else _shown(step))
        fields = {field.alias or name: field for owner in members for name, field in owner.model_fields.items()}
        inner = members[0] if members else inner
        members = _models_in(fields[step].annotation) if step in fields else members
    return path, inner


def _is_tagged(model: type[BaseModel], tag: str) -> bool:
    field = model.model_fields.get("type")
    return field is not None and get_args(field.annotation) == (tag,)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _tag_field(problem: ErrorDetails) -> str:
    return str(problem["ctx"]["discriminator"]).strip("'")


def _shown(value: object) -> str:
    """The value as far as it helps; a whole object, in which anything may stand, only by its type."""
    # A list may be nested deeper than `repr` can follow, or hold a million values.
    written = reprlib.repr if isinstance(value, list | tuple) else repr
    text = type(value).__name__ if isinstance(value, Mapping) else written(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
