"""The rows of a dataset that are scored, as SQL: what identifies each, and the number of the one-feature rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.delivery.rendering import Member, text_member
from assembly_line.features import columns_described, parquet_rows, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FLOATS = ("FLOAT", "DOUBLE")
LARGEST = "1.7976931348623157e308::DOUBLE"


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A key as the column `sql` of the view.

    Args:
        fits: SQL that is true where its value can be sent.
        member: what a message says of it.
    """

    sql: str
    fits: str
    member: Member

    @classmethod
    def of(cls, sql: str, kind: str) -> KeyColumn:
        """The key of a column of this type."""
        if kind == "VARCHAR":
            return cls(sql, f"{sql} <> ''", text_member(sql))
        sendable = kind in (*WHOLE, "BOOLEAN") or kind.startswith("TIMESTAMP")
        return cls(sql, f"{sql} IS NOT NULL" if sendable else "false", Member(f"{sql}::VARCHAR"))


def view_spine(
    connection: DuckDBPyConnection, dataset: Path, *, keys: Sequence[str], baseline: str
) -> dict[str, KeyColumn]:
    """Create the view `asked`: `offset` from 0, `decision_id`, `decision_time` in microseconds, keys and `baseline`.

    `baseline` is the number by which the one-feature rule ranks, as JSON has it, see `encoding.rule_number`.

    Raises:
        NotFound: the dataset lacks a column; the message names those there are.
    """
    kinds = columns_described(connection, dataset, ["decision_id", "decision_time", *keys, baseline])
    columns = {name: KeyColumn.of(f"k{place}", kinds[name]) for place, name in enumerate(keys)}
    chosen = [
        'row_number() OVER () - 1 AS "offset"',
        "decision_id",
        f"{_value('decision_time', kinds)} AS decision_time",
        *(f"{_value(name, kinds)} AS {column.sql}" for name, column in columns.items()),
        f"coalesce({_rule_number(baseline, kinds[baseline])}, 'null') AS baseline",
    ]
    connection.execute(f"CREATE VIEW asked AS SELECT {', '.join(chosen)} FROM {parquet_rows([dataset])}")
    return columns


def _value(name: str, kinds: Mapping[str, str]) -> str:
    return f"epoch_us({quoted(name)})" if kinds[name].startswith("TIMESTAMP") else quoted(name)


def _rule_number(name: str, kind: str) -> str:
    """SQL of `rule_number`, null where there is none."""
    value = quoted(name)
    if kind.startswith("DECIMAL"):
        # By way of its digits, as no cast between the two is sure to round to the nearest.
        value, kind = f"{value}::VARCHAR::DOUBLE", "DOUBLE"
    if kind in FLOATS:
        return f"CASE WHEN NOT isnan({value}) THEN greatest(-{LARGEST}, least({LARGEST}, {value}::DOUBLE))::VARCHAR END"
    if kind in (*WHOLE, "BOOLEAN"):
        return f"{value}::HUGEINT::VARCHAR"
    if kind == "DATE":
        return f"({value} - DATE '1970-01-01')::VARCHAR"
    return f"epoch_us({value})::VARCHAR" if kind.startswith("TIMESTAMP") else "NULL"
