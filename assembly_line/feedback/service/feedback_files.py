"""Feedback events of a file or stdin, checked before the first is sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from assembly_line.errors import MalformedMessage, in_words
from assembly_line.messages import feedback_from_values, parse_json


def read_events(file: Path) -> list[dict[str, Any]]:
    """The events of a file: one JSON object, a list, `{"events": [...]}`, or JSON Lines.

    Raises:
        MalformedMessage: names the event by its place and says what is wrong; nothing was sent.
    """
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedMessage(
            f"{file}: cannot be read: {in_words(error)}",
            where=str(file),
            value=in_words(error),
            expected="a file of UTF-8 text that can be read",
        ) from error
    events = _documents(file, text)
    if not events:
        raise MalformedMessage(
            f"{file}: holds no event",
            where=str(file),
            value="no event",
            expected="one event at least",
        )
    for number, event in enumerate(events, start=1):
        try:
            feedback_from_values(event)
        except MalformedMessage as error:
            raise _placed(f"{file}: event {number}", error) from error
    return events


def _documents(file: Path, text: str) -> list[Any]:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        found = parse_json(text)
    except MalformedMessage as error:
        # Every line must stand alone, or the file was meant as one document and is broken.
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for line in lines):
            raise _placed(str(file), error) from error
        return [_line(file, number, line) for number, line in enumerate(lines, start=1)]
    if isinstance(found, dict) and set(found) == {"events"}:
        found = found["events"]
    return found if isinstance(found, list) else [found]


def _line(file: Path, number: int, line: str) -> Any:
    try:
        return parse_json(line)
    except MalformedMessage as error:
        raise _placed(f"{file}: line {number}", error) from error


def _placed(place: str, error: MalformedMessage) -> MalformedMessage:
    """The same refusal, with its place in the file."""
    return MalformedMessage(
        f"{place}: {error}",
        error.fields,
        where=f"{place}: {error.where}" if error.where else place,
        value=error.value or str(error),
        expected=error.expected or "strict JSON",
    )
