"""What is written after options and arguments, as values of requests."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused, in_words
from assembly_line.model_types import Split

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line

LISTS = ("group", "series", "keep_together")
BOOLEANS = {"true": True, "false": False}
NULL = "null"
LARGEST_FILE = 100_000


def model_spec_of(kind: str | None, settings: list[str], file: Path | None) -> dict[str, Any] | None:
    """The `model` of a dataset request; None where the dataset is for nothing in particular.

    A setting that belongs to the split may be named without `split.` before it.

    Raises:
        RequestRefused: options that contradict each other, or a file that is no JSON object.
    """
    if file is not None:
        if kind is not None or settings:
            raise RequestRefused(
                "--model: the file says everything; leave out --for and --set",
                where="--model",
                value="beside --for or --set",
                expected="the file alone",
            )
        return _read(file)
    if kind is None:
        if settings:
            raise RequestRefused(
                f"--set {settings[0]!r}: say with --for which type of model it is for",
                where="--set",
                value=repr(settings[0]),
                expected="--for with it",
            )
        return None
    model: dict[str, Any] = {"type": kind}
    split: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise RequestRefused(
                f"--set {text!r}: expected name=value, such as holdout=0.25",
                where="--set",
                value=repr(text),
                expected="name=value, such as holdout=0.25",
            )
        inner = name.removeprefix("split.")
        if inner != name or inner in Split.model_fields:
            split[inner] = _value(inner, value)
        else:
            model[name] = _value(name, value)
    return model | ({"split": split} if split else {})


def _value(name: str, text: str) -> Any:
    if name in LISTS:
        return listed(text)
    # What is a word or an instant stays text, even where it looks like a number.
    return text if name == "boundary" else BOOLEANS.get(text, number(text))


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise RequestRefused(
                f"--model {file}: has more than {LARGEST_FILE} bytes; expected one small JSON object",
                where="--model",
                value=f"{file}: a larger file",
                expected=f"at most {LARGEST_FILE} bytes",
            )
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestRefused(
            f"--model {file}: cannot be read as JSON: {in_words(error)}",
            where="--model",
            value=str(file),
            expected="JSON",
        ) from error
    if not isinstance(found, dict):
        raise RequestRefused(
            f"--model {file}: expected a JSON object, got {type(found).__name__}",
            where="--model",
            value=f"{file}: {type(found).__name__}",
            expected="a JSON object",
        )
    return found


def period(since: str | None, until: str | None) -> dict[str, Any]:
    """`from` and `to` of a request, without those that were not given."""
    return {name: value for name, value in (("from", since), ("to", until)) if value is not None}


def conditions(texts: list[str]) -> dict[str, tuple[str, ...]]:
    """`--where NAME=VALUE`, several times: name -> its values.

    Raises:
        RequestRefused: one is of another form.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name and value):
            raise RequestRefused.about("--where", repr(text), "NAME=VALUE, such as action=remind")
        found[name] = (*found.get(name, ()), value)
    return found


def score_band(text: str | None) -> tuple[float | None, float | None]:
    """`--score LOW:HIGH`; None where a bound was left out.

    Raises:
        RequestRefused: it is of another form.
    """
    if text is None:
        return None, None
    low, colon, high = text.partition(":")
    try:
        if colon and text != ":":
            return (float(low) if low else None), (float(high) if high else None)
    except ValueError:
        pass
    raise RequestRefused.about("--score", repr(text), "LOW:HIGH, such as 0.5: or 0.2:0.8")


def span(option: str, text: str) -> timedelta:
    """Such as `90s`, `15m`, `6h` or `2d`.

    Raises:
        RequestRefused: it is of another form.
    """
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], units.get(text[-1:])
    if unit is None or not (number.isascii() and number.isdigit()) or len(number) > 6:
        raise RequestRefused.about(option, repr(text), "a whole number and a unit: 90s, 15m, 6h or 2d")
    return timedelta(**{unit: int(number)})


def listed(text: str | None) -> list[str] | None:
    """Names separated by commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def sampled(text: str | None) -> dict[str, str | int | float] | None:
    """Such as `keep_negatives=0.1,seed=7`."""
    return None if text is None else pairs(listed(text) or [], option="--sample", example="keep_negatives=0.1")


def pairs(
    given: list[str], *, option: str = "--hyperparameter", example: str = "max_depth=4"
) -> dict[str, str | int | float]:
    """`name=value` options, numbers as numbers.

    Raises:
        RequestRefused: one of them has no `=`.
    """
    found: dict[str, str | int | float] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise RequestRefused(
                f"{option} {text!r}: expected name=value, such as {example}",
                where=option,
                value=repr(text),
                expected=f"name=value, such as {example}",
            )
        found[name] = number(value)
    return found


def number(text: str) -> str | int | float:
    """A value of an option: a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def typed_keys(line: Line, text: str) -> dict[str, Any]:
    """`household_id=1,campaign_id=8` as values of the declared types; `null` stands for null.

    Raises:
        RequestRefused: a part has no `=`, names no key of the decision, or is not of its type.
    """
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or name not in line.decision.keys:
            raise RequestRefused(
                f"KEYS {part!r}: expected {','.join(f'{name}=...' for name in line.decision.keys)}, or some of them",
                where="KEYS",
                value=repr(part),
                expected=",".join(f"{name}=..." for name in line.decision.keys),
            )
        found[name] = _typed(name, line.decision.keys[name], value)
    return found


def _typed(name: str, kind: str, text: str) -> Any:
    if text == NULL:
        return None
    try:
        if kind == "boolean":
            return BOOLEANS[text]
        return int(text) if kind == "int64" else text
    except (ValueError, KeyError) as error:
        raise RequestRefused(
            f"KEYS {name}={text!r}: is not of type {kind}", where=f"KEYS: {name}", value=repr(text), expected=kind
        ) from error
