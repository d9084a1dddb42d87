"""A scoring run as its steps know it, with the dataset of its spine and the answers of its model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from assembly_line import Line
from assembly_line.delivery import SNS, ComposedBatch, compose, read_outbox
from assembly_line.delivery.context import DecidingModel, ScoringContext
from assembly_line.features import connect
from assembly_line.instants import to_micros
from assembly_line.loader import load_line
from assembly_line.messages import AnyPrediction, Prediction, PredictionV2

SHIPPED = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
AT = datetime(2017, 8, 8, 4, tzinfo=UTC)
CONTEXT = ScoringContext(
    run_id="run-1",
    line="coupon_redemption",
    release="a" * 64,
    champion=DecidingModel(
        run_id="trained",
        release="b" * 64,
        digest="c" * 64,
        model_name="model",
        model_data_uri="s3://store/model",
        encoding_key="encoding.json",
        features=("spend", "visits"),
        prior=0.13,
        baseline_feature="baseline",
    ),
    as_of=AT,
    since=AT,
    until=AT + timedelta(days=7),
    started_at=datetime(2026, 11, 22, tzinfo=UTC),
    principal="unverified",
    engine="auto",
    instant=AT,
    replayed=True,
    backfill={"earlier_instant": "run x scored the line at noon already"},
)


class Row(NamedTuple):
    """One decision of a spine, `keys` in the order of their columns."""

    decision_id: str
    decision_time: datetime
    keys: tuple[Any, ...]
    baseline: Any


@dataclass
class Spine:
    """Rows of a dataset as they are written, and lines of the model's answers to them.

    Args:
        keys: column -> type in DuckDB's words.
        baseline: its type.
    """

    keys: Mapping[str, str]
    baseline: str
    rows: list[Row] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        kinds = {"decision_id": "VARCHAR", "micros": "BIGINT", **self.keys, "baseline": self.baseline}
        columns = [
            [row.decision_id for row in self.rows],
            [to_micros(row.decision_time) for row in self.rows],
            *([row.keys[place] for row in self.rows] for place in range(len(self.keys))),
            [row.baseline for row in self.rows],
        ]
        chosen = ", ".join(f'unnest(?::{kind}[]) AS "{name}"' for name, kind in kinds.items())
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE TABLE t AS SELECT {chosen}", columns)
            connection.execute(
                "COPY (SELECT decision_id, make_timestamptz(micros) AS decision_time, * EXCLUDE (decision_id, micros) "
                f"FROM t) TO '{path}' (FORMAT parquet)"
            )


def flat(lines: Iterable[Sequence[bytes]]) -> list[bytes]:
    return [line for some in lines for line in some]


@contextmanager
def composed(
    context: ScoringContext, line: Line, spine: Spine, scales: Mapping[str, float] | None = None
) -> Iterator[ComposedBatch]:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "data.parquet"
        spine.write(path)
        with composed_from(context, line, spine, path, scales) as batch:
            yield batch


@contextmanager
def composed_from(
    context: ScoringContext, line: Line, spine: Spine, path: Path, scales: Mapping[str, float] | None
) -> Iterator[ComposedBatch]:
    with connect(path.parent, memory_mib=256, threads=1) as connection:
        yield compose(
            connection,
            context,
            line=line,
            dataset_id="ds",
            dataset=path,
            answers=["\n".join(spine.lines)],
            scales=scales,
        )


class Told(NamedTuple):
    """What a batch says: ledger rows, messages and what was kept aside, each in order of the spine."""

    rows: list[dict[str, Any]]
    predictions: list[AnyPrediction]
    quarantined: list[dict[str, Any]]
    distinct: int
    repeated: int


def told(line: Line, spine: Spine, scales: Mapping[str, float] | None = None) -> Told:
    with composed(CONTEXT, line, spine, scales) as batch:
        rows = [json.loads(text) for _, day in batch.rows() for text in flat(day)]
        versions: dict[int, type[AnyPrediction]] = {1: Prediction, 2: PredictionV2}
        bodies = [json.loads(message.body) for message in read_outbox(flat(batch.messages(SNS)))]
        return Told(
            sorted(rows, key=lambda row: int(row["offset"])),
            [versions[body["version"]].from_values(body) for body in bodies],
            list(batch.quarantined),
            batch.distinct,
            batch.repeated,
        )
