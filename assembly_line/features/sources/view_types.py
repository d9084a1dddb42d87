"""Whether the SELECT of a view gives what the view declares; the same rule for both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable


def check_types(view: Source, found: Mapping[str, str], taken: Mapping[str, Sequence[str]]) -> None:
    """Refuse a result without a declared column, or with one that only a lossy cast would make of its type.

    Args:
        found: column -> type in the engine's words, upper case.
        taken: declared type -> the engine's types that hold such values.
    """
    names = {name.lower(): name for name in found}
    for column, kind in view.columns.items():
        if column.lower() not in names:
            raise SourceUnreadable(f"source {view.name}: its sql gives no column {column}; it gives {', '.join(found)}")
        given = found[names[column.lower()]].upper()
        decimal = given.startswith("DECIMAL")
        if kind.startswith("decimal") or (decimal and kind == "float64"):
            fits = decimal or given in taken["int64"]
        else:
            fits = given in taken[kind]
        if not fits:
            raise SourceUnreadable(
                f"source {view.name}: its sql gives column {column} as {given}, declared is {kind}; CAST it in the sql"
            )


def failed(view: Source, error: Exception) -> SourceUnreadable:
    """An engine's error in the line's words."""
    return SourceUnreadable(
        f"source {view.name}: its sql fails ({str(error).splitlines()[0]}); correct the sql of the view"
    )
