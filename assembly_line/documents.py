"""Stored JSON documents as values and back. pydantic converts; it is imported when the first document is read.

Records that come by the thousand, and those of functions that need no pydantic, are checked by `record_of`.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from assembly_line.errors import AssemblyError, DocumentUnreadable, RequestRefused
from assembly_line.instants import format_instant, parse_instant

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import CoreSchema

Value = TypeVar("Value")
# Words of stored documents that Python keeps for itself, or that have another name everywhere else.
_STORED = {"since": "from", "until": "to"}


def stored_name(name: str) -> str:
    """How a field is called in a stored document. A dataclass asks for it with `__pydantic_config__ = STORED`."""
    return _STORED.get(name, name)


STORED = {"alias_generator": stored_name}
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
# What may stand in a member of a record: values of these types (bool is no int), or one of these words.
Allowed = tuple[type, ...] | frozenset[str]
TEXT: Allowed = (str,)
NULL: Allowed = (type(None),)
TEXT_OR_NULL: Allowed = (str, type(None))
WHOLE: Allowed = (int,)
NUMBER: Allowed = (int, float)
FLAG: Allowed = (bool,)
OBJECT: Allowed = (dict,)
LIST: Allowed = (list,)
_WORDS = {str: "a text", int: "an integer", float: "a number", bool: "true or false", dict: "an object", list: "a list"}
WRITTEN = "what the line wrote"
BRING_BACK = "bring back the object's earlier version, or make it again"


class _AsText:
    """An instant, which a document states as text. It tells pydantic so when a document is read."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        from pydantic_core import core_schema

        as_text = core_schema.plain_serializer_function_ser_schema(
            format_instant, return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_plain_validator_function(_instant, serialization=as_text)


Instant = Annotated[datetime, _AsText()]


def _instant(value: Any) -> datetime:
    try:
        return value if isinstance(value, datetime) else parse_instant(value, field="instant")
    except RequestRefused as error:
        raise ValueError(str(error).removeprefix("instant: ")) from error  # pydantic then names the field


def parse_document(content: bytes | str, *, of: str) -> Any:
    """The JSON values that an object or an item holds.

    Args:
        of: what holds them, such as its address.

    Raises:
        DocumentUnreadable: it is no JSON, or an object in it has a member twice.
    """
    try:
        # As `json.loads` does, which makes a decoder with hooks anew for every text.
        text = content if isinstance(content, str) else content.decode(json.detect_encoding(content), "surrogatepass")
        return _DOCUMENT.decode(text)
    except (ValueError, RecursionError) as error:
        raise DocumentUnreadable.about(of, f"no JSON ({error})", WRITTEN, BRING_BACK) from error


def distinct_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object from its members. Readers differ in which of two of one name they take, so neither is right.

    Raises:
        ValueError: two have the same name.
    """
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice in one object")
    return members


_DOCUMENT = json.JSONDecoder(object_pairs_hook=distinct_members)


class Record(dict[str, Any]):
    """A stored JSON object. Who reads a member that it lacks is told so by name.

    Args:
        of: what holds it, such as its address.
    """

    __slots__ = ("of", "refusal")

    # A copy, as `asdict` makes one, is made of the members alone.
    def __init__(
        self,
        members: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        *,
        of: str = "record",
        refusal: type[AssemblyError] = DocumentUnreadable,
    ) -> None:
        super().__init__(members)
        self.of, self.refusal = of, refusal

    def __missing__(self, name: str) -> Any:
        raise self.refusal.about(f"{self.of}: {name}", "missing", WRITTEN, BRING_BACK)


def record_of(
    document: object, members: Mapping[str, Allowed], *, of: str, refusal: type[AssemblyError] = DocumentUnreadable
) -> Record:
    """A record in which the members that are there are what their readers take them for.

    Args:
        members: member -> what may stand there; others may be anything.
        of: what holds the record, such as its address.

    Raises:
        DocumentUnreadable: a member is of another type; names it. Or another `refusal`.
    """
    if not isinstance(document, dict):
        raise refusal.about(of, type(document).__name__, "an object", BRING_BACK)
    for name, allowed in members.items():
        if name in document and not _fits(document[name], allowed):
            raise refusal.about(f"{of}: {name}", reprlib.repr(document[name]), _in_words(allowed), BRING_BACK)
    return Record(document, of=of, refusal=refusal)


def _fits(value: object, allowed: Allowed) -> bool:
    if isinstance(allowed, frozenset):
        return isinstance(value, str) and value in allowed
    return type(value) in allowed and (type(value) is not float or math.isfinite(value))


def _in_words(allowed: Allowed) -> str:
    if isinstance(allowed, frozenset):
        return " or ".join(sorted(allowed))
    return " or ".join(_WORDS.get(kind, "null") for kind in allowed)


def read_document(kind: type[Value], document: object) -> Value:
    """A value of a dataclass from its stored form. What a newer version added is left out.

    Raises:
        DocumentUnreadable: a field is missing or of another type; names it.
    """
    from pydantic import ValidationError

    try:
        value: Value = _adapter(kind).validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise DocumentUnreadable.about(
            f"{kind.__name__}: {where}",
            reprlib.repr(first["input"]),
            f"what this version or an earlier one wrote: {first['msg']}",
            BRING_BACK,
        ) from error
    return value


def document_of(value: object) -> dict[str, Any]:
    """The stored form of a dataclass's value, as JSON values."""
    written: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json", by_alias=True)
    return written


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
