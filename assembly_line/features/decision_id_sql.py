"""`decision_ids.decision_id` as SQL, for hundreds of thousands of rows at once. A test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.features.duckdb_session import quoted
from assembly_line.features.many_decision_ids import LENGTH, key_head, lengthened


def decision_id_sql(line: str, keys: Mapping[str, str], time: str) -> str:
    """An expression for the id of a decision; null where a key is null.

    Args:
        keys: key column -> declared type, in declared order; columns of these names are in scope.
        time: an expression for the decision time in microseconds.
    """
    head = lengthened("d1", line)
    names = {name: key_head(name, kind) for name, kind in keys.items()}
    if "string" in keys.values():
        # Keys of any length and any characters: their bytes, and the lengths of these.
        parts = [_blob(head), f"encode({_number(time)})"]
        for name, kind in keys.items():
            parts += [_blob(names[name]), _bytes(quoted(name), kind)]
        encoded = " || ".join(parts)
    else:
        # Less than 128 ASCII characters each: lengths are characters too, and one call joins all, in half the time.
        parts = [_text(head), _number(time)]
        for name, kind in keys.items():
            parts += [_text(names[name]), _characters(quoted(name), kind)]
        encoded = f"concat({', '.join(parts)})"
    whole = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in keys)
    day = f"strftime(make_timestamp({time}), '%Y%m%d')"
    return f"CASE WHEN {whole} THEN concat('d1-', {day}, '-', left(sha256({encoded}), 32)) END"


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
