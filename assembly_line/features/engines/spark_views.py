"""Views on Spark: the SELECT of a view over its inputs in logical types, its rows typed as declared, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assembly_line.declarations.sources import Source
from assembly_line.features.sources.view_types import check_types, failed
from assembly_line.features.values.columns import DECIMAL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# (source, column -> type) -> its rows in physical values.
Frames = Callable[[Source, Mapping[str, str]], "DataFrame"]
WHOLE = ("TINYINT", "SMALLINT", "INT", "BIGINT")
TAKEN = {
    "int64": WHOLE,
    "float64": (*WHOLE, "FLOAT", "DOUBLE"),
    "string": ("STRING",),
    "boolean": ("BOOLEAN",),
    "date": ("DATE",),
    "timestamp": ("TIMESTAMP",),
}
CASTS = {"int64": "BIGINT", "float64": "DOUBLE"}
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Else a name in double quotes would be a text.
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
}


def view_frame(spark: SparkSession, view: Source, kinds: Mapping[str, str], frames: Frames) -> DataFrame:
    """Columns of a view's rows in physical values.

    Raises:
        SourceUnreadable: Spark does not take the SELECT, or it does not give what the view declares.
    """
    from pyspark.errors import PySparkException

    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    for source in view.inputs:
        logical = [f"{_logical(f'`{name}`', kind)} AS `{name}`" for name, kind in source.columns.items()]
        frames(source, source.columns).selectExpr(*logical).createOrReplaceTempView(f"`{source.name}`")
    try:
        selected = spark.sql(view.sql or "")
        check_types(view, {name: kind.upper() for name, kind in selected.dtypes}, TAKEN)
        return selected.selectExpr(*(f"{_physical(f'`{name}`', kind)} AS `{name}`" for name, kind in kinds.items()))
    except PySparkException as error:
        raise failed(view, error) from error


def _logical(column: str, kind: str) -> str:
    """A physical value as SQL of a view's author knows it."""
    decimal = DECIMAL.fullmatch(kind)
    if decimal is not None:
        unit = f"CAST({10 ** int(decimal.group(2))} AS DECIMAL(19,0))"
        return f"CAST(CAST({column} AS DECIMAL(18,0)) / {unit} AS {kind})"
    if kind == "timestamp":
        return f"timestamp_micros({column})"
    return f"date_from_unix_date(CAST({column} AS INT))" if kind == "date" else column


def _physical(column: str, kind: str) -> str:
    decimal = DECIMAL.fullmatch(kind)
    if decimal is not None:
        unit = f"CAST({10 ** int(decimal.group(2))} AS DECIMAL(19,0))"
        return f"CAST(CAST({column} AS {kind}) * {unit} AS BIGINT)"
    if kind == "timestamp":
        return f"unix_micros({column})"
    if kind == "date":
        return f"CAST(unix_date({column}) AS BIGINT)"
    return f"CAST({column} AS {CASTS.get(kind, kind)})"
