"""What a dataset is for, as the command line says it: `--for TYPE --set NAME=VALUE`, or a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assembly_line.cli.runs import listed, number
from assembly_line.errors import RequestRefused
from assembly_line.model_types import Split

LISTS = ("group", "series", "keep_together")
WORDS = {"true": True, "false": False}
LARGEST_FILE = 100_000


def model_spec_of(kind: str | None, settings: list[str], file: Path | None) -> dict[str, Any] | None:
    """The `model` of a dataset request; None where the dataset is for nothing in particular.

    A setting that belongs to the split may be named without `split.` before it.

    Raises:
        RequestRefused: options that contradict each other, or a file that is no JSON object.
    """
    if file is not None:
        if kind is not None or settings:
            raise RequestRefused("--model: the file says everything; leave out --for and --set")
        return _read(file)
    if kind is None:
        if settings:
            raise RequestRefused(f"--set {settings[0]!r}: say with --for which type of model it is for")
        return None
    model: dict[str, Any] = {"type": kind}
    split: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise RequestRefused(f"--set {text!r}: expected name=value, such as holdout=0.25")
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
    return text if name == "boundary" else WORDS.get(text, number(text))


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise RequestRefused(f"--model {file}: has more than {LARGEST_FILE} bytes; expected one small JSON object")
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestRefused(f"--model {file}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise RequestRefused(f"--model {file}: expected a JSON object, got {type(found).__name__}")
    return found
