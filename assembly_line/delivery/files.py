"""Predictions as files: the messages themselves for programs, a table for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.documents import parse_document

SUCCESS = "_SUCCESS"
WHOLE = "manifest.json"
# What people read first, then what they rarely need.
_FIRST = ("decision_id", "decision_time")
_LAST = ("action", "score", "expires_at", "issued_at", "revision", "propensity", "arm", "policy_version", "detail")
# A cell that begins so is a formula to a spreadsheet, wherever its text came from.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rendered(messages: Sequence[OutboundMessage], form: str) -> bytes:
    """The content of a file of these messages in a form that a line declares; equal messages give equal bytes."""
    if form == "jsonl":
        return b"".join(message.body.encode() + b"\n" for message in messages)
    return _table([parse_document(message.body, of="outbox") for message in messages])


def _table(predictions: Sequence[dict[str, Any]]) -> bytes:
    """CSV as spreadsheets open it: with a byte order mark, and with no text that they would compute."""
    keys = list(dict.fromkeys(name for one in predictions for name in one["keys"]))
    taken = {*_FIRST, *_LAST}
    header = [*_FIRST, *(f"keys.{name}" if name in taken else name for name in keys), *_LAST]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(_cell, header))
    for one in predictions:
        values = [
            *(one.get(name) for name in _FIRST),
            *(one["keys"].get(name) for name in keys),
            *(one.get(name) for name in _LAST),
        ]
        writer.writerow(map(_cell, values))
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
