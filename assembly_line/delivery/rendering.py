"""JSON texts of many rows at once, as SQL: what is the same in every row is bound, what differs is a column.

The texts are byte for byte those of `canonical_json` and of `Message.to_json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# As Python writes them; all others below a blank have no name.
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_CONTROL = {chr(code): _SHORT.get(chr(code), f"\\u{code:04x}") for code in range(32)}
# The backslash first: the others bring some.
_QUOTES = {"\\": "\\\\", '"': '\\"'}
_ESCAPES = {**_QUOTES, **_CONTROL}
_TO_ESCAPE = r"[\x00-\x1f\"\\]"
# SNS and SQS refuse these two characters, not their escapes; `Message.to_json` says so too.
_REFUSED = {"\ufffe": "\\ufffe", "\uffff": "\\uffff"}


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a JSON text that differs from row to row. `sql` gives its JSON, and is never null."""

    sql: str

    def __str__(self) -> str:
        raise TypeError(f"{self.sql} differs from row to row: expected a text that is the same in all of them")

    @property
    def json(self) -> str:
        return self.sql


@dataclass(frozen=True, slots=True)
class Number(Member):
    """A float that differs from row to row. `sql` gives the number, finite and never null."""

    def __rsub__(self, other: int) -> Number:
        return Number(f"({other} - {self.sql})")

    @property
    def json(self) -> str:
        # DuckDB writes a double as Python does: the shortest digits that give the same number.
        return f"({self.sql})::VARCHAR"


@dataclass(frozen=True, slots=True)
class Rendered:
    """SQL of a text, and the values that it binds, in order."""

    sql: str
    bound: tuple[str, ...]


def text_member(sql: str) -> Member:
    """Any text."""
    # Few texts have anything to escape.
    escaped = f"CASE WHEN regexp_matches({sql}, '{_TO_ESCAPE}') THEN {_replaced(sql, _ESCAPES)} ELSE {sql} END"
    return Member(f"concat('\"', {escaped}, '\"')")


def plain_member(sql: str) -> Member:
    """A text that needs no escape, such as an id."""
    return Member(f"concat('\"', {sql}, '\"')")


def instant_member(micros: str) -> Member:
    """Microseconds since 1970-01-01 as `format_instant` writes them."""
    return plain_member(f"strftime(make_timestamp({micros}), '%Y-%m-%dT%H:%M:%S.%fZ')")


def canonical(value: Mapping[str, Any]) -> Rendered:
    """As `canonical_json` writes it: members in order of their names."""
    return _rendered(value, in_order=True)


def message(value: Mapping[str, Any]) -> Rendered:
    """As `Message.to_json` writes it: members as they come."""
    said = _rendered(value, in_order=False)
    return Rendered(_replaced(said.sql, _REFUSED), said.bound)


def quoted_json(sql: str) -> Member:
    """A JSON text, as a text within JSON. It holds no control character."""
    return Member(f"concat('\"', {_replaced(sql, _QUOTES)}, '\"')")


def overlaid(values: Mapping[str, Any], members: Mapping[str, Any]) -> dict[str, Any]:
    """Values of one row, with what differs from row to row in place of what this row has; in order of the values."""
    return {
        name: overlaid(value, members[name])
        if isinstance(value, Mapping) and isinstance(members.get(name), Mapping)
        else members[name]
        if isinstance(members.get(name), Member)
        else value
        for name, value in values.items()
    }


def _rendered(value: Mapping[str, Any], *, in_order: bool) -> Rendered:
    parts: list[str] = []
    bound: list[str] = []
    constant = ""
    for piece in (*_pieces(value, in_order), None):
        if isinstance(piece, str):
            constant += piece
            continue
        if constant:
            parts.append("?::VARCHAR")
            bound.append(constant)
        constant = ""
        if piece is not None:
            parts.append(piece.json)
    return Rendered(f"concat({', '.join(parts)})", tuple(bound))


def _pieces(value: Any, in_order: bool) -> Iterator[str | Member]:
    if isinstance(value, Member):
        yield value
    elif isinstance(value, Mapping):
        for place, name in enumerate(sorted(value) if in_order else value):
            yield f"{',' if place else '{'}{_json(name)}:"
            yield from _pieces(value[name], in_order)
        yield "}" if value else "{}"
    else:
        yield _json(value, in_order)


def _json(value: Any, in_order: bool = False) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=in_order)


def _replaced(sql: str, characters: Mapping[str, str]) -> str:
    for character, by in characters.items():
        sql = f"replace({sql}, chr({ord(character)}), '{by}')"
    return sql
