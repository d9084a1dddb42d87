"""Stored JSON documents as values and back. pydantic converts; it is imported when the first document is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from assembly_line.errors import DocumentUnreadable

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Value = TypeVar("Value")
# Words of stored documents that Python keeps for itself, or that have another name everywhere else.
_STORED = {"since": "from", "until": "to"}


def stored_name(name: str) -> str:
    """How a field is called in a stored document. A dataclass asks for it with `__pydantic_config__ = STORED`."""
    return _STORED.get(name, name)


STORED = {"alias_generator": stored_name}
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


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
        raise DocumentUnreadable(
            f"{kind.__name__}: {where}: {first['msg']}; expected a document that this version or an earlier one wrote: "
            "bring back the object's earlier version, or make it again"
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
