"""`decision_ids.decision_id` as SQL, for hundreds of thousands of rows at once. A test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np

from assembly_line.features.files.session import fetch, quoted, store_columns
from assembly_line.features.spine.many_decision_ids import LENGTH, key_head, lengthened
from assembly_line.features.values.columns import Column, Integers

# No declared column has these names.
DAY, HEAD = "day of the decision", "head of the name"


def columns_of_times(connection: duckdb.DuckDBPyConnection, line: str, times: Integers) -> dict[str, Column]:
    """What an id takes from line and decision time, made once for each different time; `decision_id_sql` uses them.

    Args:
        times: decision times in microseconds.
    """
    different, places = np.unique(times, return_inverse=True)
    store_columns(connection, "times", {"t": Column("int64", different, np.ones(len(different), np.bool_))})
    day = "concat('d1-', strftime(make_timestamp(t), '%Y%m%d'), '-')"
    head = f"concat({_text(lengthened('d1', line))}, {_number('t')})"
    result = connection.execute(f"SELECT {day}, {head} FROM times ORDER BY row")
    return {name: column.take(places) for name, column in fetch(result, {DAY: "string", HEAD: "string"}).items()}


def decision_id_sql(keys: Mapping[str, str]) -> str:
    """An expression for the id of a decision; null where a key is null.

    Args:
        keys: key column -> declared type, in declared order; columns of these names and those of `columns_of_times` are
            in scope.
    """
    names = {name: key_head(name, kind) for name, kind in keys.items()}
    if "string" in keys.values():
        # Keys of any length and any characters: their bytes, and the lengths of these.
        parts = [f"encode({quoted(HEAD)})"]
        for name, kind in keys.items():
            parts += [_blob(names[name]), _bytes(quoted(name), kind)]
        encoded = " || ".join(parts)
    else:
        # Less than 128 ASCII characters each: lengths are characters too, and one call joins all, in half the time.
        parts = [quoted(HEAD)]
        for name, kind in keys.items():
            parts += [_text(names[name]), _characters(quoted(name), kind)]
        encoded = f"concat({', '.join(parts)})"
    whole = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in keys)
    return f"CASE WHEN {whole} THEN concat({quoted(DAY)}, left(sha256({encoded}), 32)) END"


def _blob(encoded: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02x}" for byte in encoded) + "'::BLOB"


def _text(encoded: bytes) -> str:
    return f"decode({_blob(encoded)})"


def _number(number: str) -> str:
    """An integer's digits behind their number."""
    digits = f"CAST({number} AS VARCHAR)"
    return f"concat({_text(bytes(LENGTH - 1))}, chr(CAST(length({digits}) AS INTEGER)), {digits})"


def _characters(column: str, kind: str) -> str:
    if kind == "int64":
        return _number(column)
    return f"CASE WHEN {column} THEN {_text(lengthened('True'))} ELSE {_text(lengthened('False'))} END"


def _bytes(column: str, kind: str) -> str:
    if kind != "string":
        return f"encode({_characters(column, kind)})"
    return f"unhex(printf('%08x', octet_length(encode({column})))) || encode({column})"
