"""Invented datasets, as they are read back from their Parquet files, and model inputs of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np

from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.features.model_inputs.facts import Facts
from assembly_line.features.model_inputs.preparing import PreparedFold, prepare_inputs
from assembly_line.features.model_inputs.writing import WrittenFold, write_inputs
from assembly_line.features.values.columns import Column, column_of
from assembly_line.model_types import ModelSpec, model_spec_from_json

DAY = 86_400_000_000
START = 17_000 * DAY
FEATURES = {
    "n": "int64",
    "x": "float64",
    "d": "decimal(9,2)",
    "b": "boolean",
    "ts": "timestamp",
    "day": "date",
    "s": "string",
}
FACTS: dict[str, Any] = {
    "line": "invented",
    "dataset_id": "ds-" + "0" * 32,
    "logical_digest": "1" * 64,
    "as_of": "2018-01-01T00:00:00.000000Z",
    "keys": ("household", "campaign"),
    "features": tuple(FEATURES),
    "outcome": "bought",
    "present": 1,
}


def facts_about(columns: Mapping[str, Column], **changed: Any) -> Facts:
    return Facts(**{**FACTS, "kind": "binary", "rows": len(columns["decision_id"]), **changed})


def random_dataset(
    seed: int, rows: int, *, instants: int = 12, horizon: int = 2, spacing: int = 1
) -> dict[str, Column]:
    """Decisions at so many instants `spacing` days apart, outcomes known `horizon` days later, and nulls everywhere."""
    random = Random(seed)  # noqa: S311
    times = sorted(START + random.randrange(instants) * spacing * DAY for _ in range(rows))
    columns = {
        "decision_id": column_of("string", [f"d1-{seed}-{row:06d}" for row in range(rows)]),
        "decision_time": column_of("timestamp", times),
        "household": column_of("int64", [random.randrange(max(3, rows // 6)) for _ in range(rows)]),
        "campaign": column_of("string", [random.choice(["spring", "fall", "Fall", "ünter"]) for _ in range(rows)]),
    }
    columns |= {name: column_of(kind, _values(random, kind, rows)) for name, kind in FEATURES.items()}
    columns["bought"] = column_of("int64", [int(random.random() < 0.3) for _ in range(rows)])
    columns["outcome_known_at"] = column_of("timestamp", [time + horizon * DAY for time in times])
    return columns


def _values(random: Random, kind: str, rows: int) -> list[Any]:
    def one() -> Any:
        if random.random() < 0.15:
            return None
        if kind == "string":
            return random.choice(["a", "b", 'c"', "d,e", "ß", ""])
        if kind == "boolean":
            return random.random() < 0.5
        if kind == "float64":
            return random.choice([random.gauss(0, 1e3), float("nan"), float("inf"), 0.1, -7.0])
        return random.randrange(20_000) if kind == "date" else random.randrange(-(10**8), 10**8)

    return [one() for _ in range(rows)]


def permuted(columns: Mapping[str, Column], seed: int) -> dict[str, Column]:
    rows = list(range(len(columns["decision_id"])))
    Random(seed).shuffle(rows)  # noqa: S311
    order = np.array(rows, np.int64)
    return {name: column.take(order) for name, column in columns.items()}


def spec(**model: Any) -> ModelSpec:
    return model_spec_from_json(model).resolved()


def folds_of(columns: Mapping[str, Column], model: ModelSpec, **facts: Any) -> list[PreparedFold]:
    return list(prepare_inputs(columns, facts_about(columns, **facts), model).folds)


def written(columns: Mapping[str, Column], model: ModelSpec, folder: Path, **facts: Any) -> list[WrittenFold]:
    folder.mkdir(exist_ok=True)
    return list(
        write_inputs(prepare_inputs(columns, facts_about(columns, **facts), model), folder, format=model.format)
    )


def table(path: Path) -> list[tuple[Any, ...]]:
    """The rows of a written file, by another reader than the one that wrote them: everything of a CSV is text."""
    if path.suffix == ".csv":
        rows = "SELECT * FROM read_csv(?, header = false, all_varchar = true, nullstr = '')"
        return duckdb.execute(rows, [str(path)]).fetchall()
    return list(zip(*read_columns(path).values(), strict=True))


def values_of(column: Column) -> list[Any]:
    return [
        value if valid else None for value, valid in zip(column.values.tolist(), column.valid.tolist(), strict=True)
    ]
