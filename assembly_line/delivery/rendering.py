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
# SNS and SQS refuse these two characters, not their escapes; `Message.to_json` says so too.
_REFUSED = {"\ufffe": "\\ufffe", "\uffff": "\\uffff"}


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a JSON text that differs from row to row.

    Args:
        sql: gives its JSON, without quotes; never null.
        is_text: it has quotes around it.
        within: the same where the JSON text stands within another one, as a text.
    """

    sql: str
    is_text: bool = False
    within: str | None = None

    def __str__(self) -> str:
        raise TypeError(f"{self.sql} differs from row to row: expected a text that is the same in all of them")


@dataclass(frozen=True, slots=True)
class Number:
    """A float that differs from row to row. `sql` gives it, finite and never null."""

    sql: str

    def __rsub__(self, other: int) -> Number:
        return Number(f"({other} - {self.sql})")

    @property
    def member(self) -> Member:
        # DuckDB writes a double as Python does: the shortest digits that give the same number.
        return Member(f"({self.sql})::VARCHAR")


@dataclass(frozen=True, slots=True)
class Within:
    """A JSON text as a text within another one, members as they come: the body of a message."""

    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """SQL of UTF-8 bytes, and the values that it binds, in order."""

    sql: str
    bound: tuple[str, ...]


def text_member(sql: str) -> Member:
    """Any text."""
    # Few texts have anything to escape.
    json_ = _where(r"[\x00-\x1f\"\\]", sql, _replaced(sql, {**_QUOTES, **_CONTROL}))
    within = _replaced(_replaced(_replaced(sql, {**_QUOTES, **_CONTROL}), _REFUSED), _QUOTES)
    return Member(json_, is_text=True, within=_where(r"[\x00-\x1f\"\\\x{fffe}\x{ffff}]", sql, within))


def plain_member(sql: str) -> Member:
    """A text that needs no escape, such as an id."""
    return Member(sql, is_text=True)


def instant_member(micros: str) -> Member:
    """Microseconds since 1970-01-01 as `format_instant` writes them."""
    return plain_member(f"strftime(make_timestamp({micros}), '%Y-%m-%dT%H:%M:%S.%fZ')")


def overlaid(values: Mapping[str, Any], members: Mapping[str, Any]) -> dict[str, Any]:
    """Values of one row, with what differs from row to row in place of what this row has; in order of the values."""
    return {name: _overlaid(value, members[name]) if name in members else value for name, value in values.items()}


def _overlaid(value: Any, member: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(member, Mapping):
        return overlaid(value, member)
    return member.member if isinstance(member, Number) else member if isinstance(member, Member) else value


def canonical_line(value: Mapping[str, Any]) -> Rendered:
    """As `canonical_json` writes it: members in order of their names."""
    parts: list[str] = []
    bound: list[str] = []
    constant = ""
    for piece in (*_pieces(value), None):
        if isinstance(piece, str):
            constant += piece
            continue
        if constant:
            parts.append("?::VARCHAR")
            bound.append(constant)
        constant = ""
        if piece is not None:
            parts.append(piece.sql)
    return Rendered(f"encode(concat({', '.join(parts)}))", tuple(bound))


def _pieces(value: Any, *, in_order: bool = True) -> Iterator[str | Member]:
    if isinstance(value, Within):
        yield '"'
        yield from map(_piece_within, _pieces(value.value, in_order=False))
        yield '"'
    elif isinstance(value, Member):
        yield from ('"', value, '"') if value.is_text else (value,)
    elif isinstance(value, Mapping):
        for place, name in enumerate(sorted(value) if in_order else value):
            yield f"{',' if place else '{'}{_json(name)}:"
            yield from _pieces(value[name], in_order=in_order)
        yield "}" if value else "{}"
    else:
        yield _json(value, in_order=in_order)


def _piece_within(piece: str | Member) -> str | Member:
    if isinstance(piece, Member):
        return Member(piece.within or piece.sql)
    for character, escape in _REFUSED.items():
        piece = piece.replace(character, escape)
    return _json(piece)[1:-1]


def _json(value: Any, *, in_order: bool = False) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=in_order)


def _where(pattern: str, sql: str, replaced: str) -> str:
    return f"CASE WHEN regexp_matches({sql}, '{pattern}') THEN {replaced} ELSE {sql} END"


def _replaced(sql: str, characters: Mapping[str, str]) -> str:
    for character, by in characters.items():
        sql = f"replace({sql}, chr({ord(character)}), '{by}')"
    return sql
