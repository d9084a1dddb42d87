"""What people see of a scored decision beside its score: the features as they were known, and what each added to it.

A script that explains answers, before the score, what each column of the row adds to it on the model's own scale, and
the bias: XGBoost's `pred_contribs`. These numbers go into files of the run and never into a message.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.delivery.sql import insert, rows_of
from assembly_line.features import parquet_rows
from assembly_line.instants import format_instant, from_micros

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Explanations:
    """What the model answered of a batch beside the scores.

    Args:
        connection: gets the table `explained`, and may read the dataset.
        columns: of the model's rows, each with its `name`, and the `feature` that it was made of if that has another
            name. None for a script that explains nothing.
    """

    def __init__(self, connection: DuckDBPyConnection, columns: Sequence[Mapping[str, Any]] | None) -> None:
        self._connection = connection
        self._features = None if columns is None else [str(one.get("feature") or one["name"]) for one in columns]
        connection.execute("CREATE TABLE explained (decision_id VARCHAR, parts DOUBLE[])")

    def scores_of(self, answers: Iterable[str]) -> Iterator[str]:
        """The answers with the score alone, some lines at once; what stood before it is kept.

        Args:
            answers: some lines at once, `decision_id,part,...,bias,score`.
        """
        if self._features is None:
            yield from answers
            return
        width = len(self._features) + 1
        for some in answers:
            scores: list[str] = []
            explained: list[tuple[str, list[float]]] = []
            for line in some.split("\n"):
                decision_id, comma, answer = line.rstrip("\r").partition(",")
                before, _, score = answer.rpartition(",")
                scores.append(f"{decision_id}{comma}{score}")
                if (parts := _numbers(before)) is not None and len(parts) == width:
                    explained.append((decision_id, parts))
            if explained:
                identifiers, numbers = zip(*explained, strict=True)
                insert(self._connection, "explained", ("VARCHAR", identifiers), ("DOUBLE[]", numbers))
            yield "\n".join(scores)

    def cases(self, dataset: Path, features: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Each decision of the dataset in order of its id: what was `known`, and what each feature `added` to `base`.

        `added` and `base` are None where the script did not answer them.

        Args:
            dataset: a Parquet file with these features; repetitions of a decision are taken once.
        """
        names, rows = list(features), parquet_rows([dataset])
        kinds = {name: kind for name, kind, *_ in self._connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
        # DuckDB hands an instant with a zone over through a package that the functions do not have.
        instants = {name for name in names if str(kinds[name]).startswith("TIMESTAMP")}
        taken = "".join(f', epoch_us("{name}")' if name in instants else f', "{name}"' for name in names)
        chosen = "".join(f', "{name}"' for name in names)
        query = (
            f"SELECT decision_id, parts{taken} FROM "
            f"(SELECT DISTINCT ON (decision_id) decision_id{chosen} FROM {rows}) "
            "LEFT JOIN (SELECT decision_id, any_value(parts) AS parts FROM explained GROUP BY decision_id "
            "HAVING count(*) = 1) USING (decision_id) ORDER BY decision_id"
        )
        for decision_id, parts, *values in rows_of(self._connection, query):
            known = {
                name: format_instant(from_micros(value)) if name in instants and value is not None else _plain(value)
                for name, value in zip(names, values, strict=True)
            }
            yield {"decision_id": decision_id, "known": known, **self._added(parts)}

    def _added(self, parts: Sequence[float] | None) -> dict[str, Any]:
        if parts is None or self._features is None:
            return {"added": None, "base": None}
        added: dict[str, float] = defaultdict(float)
        for feature, part in zip(self._features, parts[:-1], strict=True):
            added[feature] += part
        return {"added": dict(added), "base": parts[-1]}


def _numbers(text: str) -> list[float] | None:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def _plain(value: Any) -> Any:
    """The value as JSON has it: days, decimals and NaN as text, as no number of JSON keeps them."""
    match value:
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
