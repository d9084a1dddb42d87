"""A batch in columns comes out byte for byte as one that is decided row by row."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from assembly_line import Line
from assembly_line.canonical import canonical_json
from assembly_line.decision_ids import day_of
from assembly_line.declarations.decisions import Policy
from assembly_line.delivery import SNS, ScoringContext
from assembly_line.errors import ScoringFailed
from assembly_line.features import read_columns
from assembly_line.instants import format_day, from_micros
from tests.lines_of_kinds import line_of
from tests.unit.delivery import row_by_row
from tests.unit.delivery.batches import AT, CONTEXT, SHIPPED, Row, Spine, composed_from, flat
from tools.write_schemas import schemas

SPENDING, TRIAGE, MAILS, DEMAND, ORDERS = map(line_of, ("spending", "triage", "mails", "demand", "orders"))
COUNTED = replace(
    SPENDING,
    outcome=replace(SPENDING.outcome, measure="count", column=None),
    training=replace(SPENDING.training, score_range=None),
)
QUANTILES = replace(
    SPENDING,
    training=replace(SPENDING.training, quantiles=(0.1, 0.5, 0.9), score_range=None),
    policy=replace(SPENDING.policy, cuts=0.5),
)
LINES = {
    "binary": SHIPPED,
    "amount": SPENDING,
    "count": COUNTED,
    "multiclass": TRIAGE,
    "quantiles": QUANTILES,
    "ranking": MAILS,
    "forecast": DEMAND,
    "survival": ORDERS,
}
NUMBERS = (
    "0.25",
    "0.5",
    ".5",
    "5e-1",
    "+0.75",
    "1",
    "0",
    "-0.0",
    "0.1",
    "1e-05",
    "1e-300",
    " 0.5",
    "0.30000000000000004",
)
ODD = (
    "nan",
    "inf",
    "-Infinity",
    "1e999",
    "-1e-999",
    "1_0",
    "",
    "x",
    "2",
    "-3.5",
    "1e22",
    "0x1",
    "０.5",
    "\u2028",
    "1.",
    ".",
)
TEXTS = (
    "a",
    "",
    None,
    'say "x"\\',
    "\x00\x1f\x7f\b\t\n\f\r\x0b\x1a",
    "\u2028\u2029",
    "\ufffe\uffff",
    "ä€😀",
    "'",
    "1",
    "\\ufffe",
    "/",
)
TIMES = (
    AT,
    AT,
    AT + timedelta(hours=1),
    AT + timedelta(days=1, microseconds=1),
    AT - timedelta(days=3),
    AT - timedelta(days=28),
    AT - timedelta(days=28) + timedelta(microseconds=1),
    AT - timedelta(days=400),
    datetime(9999, 12, 31, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
)
VALUES: Mapping[str, tuple[Any, ...]] = {
    "BIGINT": (0, 1, -1, 2**63 - 1, -(2**63), 18, 19, None),
    "VARCHAR": TEXTS,
    "BOOLEAN": (True, False, None),
    "DOUBLE": (0.5, -0.0, float("nan"), float("inf"), float("-inf"), 1e16, 5e-324, None),
    "DECIMAL(18,3)": ("0.100", "-12345678901.234", None),
    "FLOAT": (0.1, None),
    "DATE": ("2017-08-08", "1969-12-31", None),
    "TIMESTAMP WITH TIME ZONE": ("2017-08-08 04:00:00.000001+00", None),
}


@dataclass
class Written:
    """What a batch leaves: ledger and quarantine by day, messages, and what is told of it."""

    ledger: dict[str, list[bytes]]
    messages: list[bytes]
    aside: dict[str, list[bytes]]
    told: tuple[Any, ...]


def in_columns(
    context: ScoringContext, line: Line, spine: Spine, path: Path, scales: Mapping[str, float] | None
) -> Written:
    with composed_from(context, line, spine, path, scales) as batch:
        return Written(
            {day: flat(rows) for day, rows in batch.rows()},
            flat(batch.messages(SNS)),
            {day: flat(rows) for day, rows in batch.aside()},
            (batch.distinct, batch.repeated, batch.predictions, batch.reasons, batch.quarantined),
        )


def row_wise(
    context: ScoringContext, line: Line, spine: Spine, path: Path, scales: Mapping[str, float] | None
) -> Written:
    table = read_columns(path)
    rows = [
        row_by_row.SpineRow(
            offset,
            table["decision_id"][offset],
            from_micros(table["decision_time"][offset]),
            {name: table[name][offset] for name in spine.keys},
            table["baseline"][offset],
        )
        for offset in range(len(spine.rows))
    ]
    answers = row_by_row.check_answers(table["decision_id"], spine.lines, kind=line.predicts)
    batch = row_by_row.compose(context, line=line, dataset_id="ds", spine=rows, answers=answers, scales=scales)
    return Written(
        by_day(batch.rows),
        [row_by_row.outbox_line(prediction, SNS) for prediction in batch.predictions],
        by_day(batch.quarantined),
        (batch.distinct, answers.repeated, len(batch.predictions), batch.reasons, batch.quarantined),
    )


def by_day(rows: tuple[dict[str, Any], ...]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for row in sorted(rows, key=lambda row: day_of(row["decision_id"])):
        found.setdefault(day_of(row["decision_id"]), []).append(canonical_json(row))
    return found


@cache
def validator(version: int) -> Draft202012Validator:
    return Draft202012Validator(schemas()[f"prediction.v{version}.json"])


def either(made: Any, *given_: Any) -> Written | str:
    """What was written, or why the whole batch failed."""
    try:
        written: Written = made(*given_)
    except ScoringFailed as error:
        return str(error)
    return written


@st.composite
def batches(draw: st.DrawFn, line: Line) -> tuple[ScoringContext, Line, Spine, Mapping[str, float] | None]:
    chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311
    kind = line.predicts
    rules = ["capacity"] if line is MAILS else ["threshold", "capacity", "all"]
    rule = draw(st.sampled_from(rules))
    policy = Policy(
        version=draw(st.integers(1, 3)),
        act=line.policy.act,
        otherwise=line.policy.otherwise,
        threshold=draw(st.sampled_from([0.0, 0.5, 100.0])) if rule == "threshold" else None,
        capacity=draw(st.sampled_from([0.1, 0.29, 0.5, 0.999]))
        if rule == "capacity"
        else 1.0
        if rule == "all"
        else None,
        exploration=draw(st.sampled_from([0.0, 0.05, 0.3, 0.9999999999999999])),
        expires_after=timedelta(days=28),
        cuts=line.policy.cuts,
    )
    kinds = {
        name: draw(st.sampled_from(["BIGINT", "VARCHAR", "BIGINT", "VARCHAR", "BOOLEAN", "DATE"]))
        for name in line.decision.keys
    }
    baseline = draw(st.sampled_from(sorted(VALUES)))
    spine = Spine(kinds, baseline)
    hostile = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
    for number in range(draw(st.integers(1, 40))):
        at = chance.choice(TIMES if chance.random() < hostile else TIMES[:5])
        values = tuple(
            chance.choice(
                VALUES[kind] if chance.random() < hostile else [one for one in VALUES[kind] if one not in (None, "")]
            )
            for kind in kinds.values()
        )
        row = Row(f"d1-{format_day(at)}-{number:032x}", at, values, chance.choice(VALUES[baseline]))
        if chance.random() < hostile / 20:
            row = row._replace(decision_id=f"d1-20170230-{number:032x}")
        for _ in range(1 + (chance.random() < hostile)):
            spine.rows.append(row)
            fields = [chance.choice(ODD if chance.random() < hostile / 3 else NUMBERS) for _ in range(kind.width)]
            if kind.shares and chance.random() > hostile / 2:
                fields = ["0.25", "0.5", "0.25", *["0"] * kind.width][: kind.width - 1]
                fields.append(repr(1 - sum(map(float, fields))))
            end = chance.choice(["", "\r", " ", "\u2028"]) if chance.random() < hostile else ""
            spine.lines.append(f"{row.decision_id},{','.join(fields)}{end}")
    chance.shuffle(spine.lines)
    if chance.random() < hostile / 10:
        spine.lines.append(chance.choice(["d1-x,0.5", spine.lines[0], "", " \t", "x"]))
    chance.shuffle(spine.rows)
    scales = (
        {
            kind.series(dict(zip(kinds, values, strict=True))): chance.choice([2.5, 3, 1e-7])
            for _, _, values, _ in spine.rows
            if chance.random() < 0.5
        }
        if "forecast" in kind.name
        else None
    )
    # What all messages have in common can be wrong too.
    digest = draw(st.sampled_from([*["c" * 64] * 9, "C" * 64]))
    champion = replace(CONTEXT.champion, digest=digest)
    return replace(CONTEXT, line=line.name, champion=champion), replace(line, policy=policy), spine, scales


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_columns_write_the_bytes_of_the_row_wise_model(name: str, data: st.DataObject) -> None:
    context, line, spine, scales = data.draw(batches(LINES[name]))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "data.parquet"
        spine.write(path)
        written = either(in_columns, context, line, spine, path, scales)
        assert written == either(row_wise, context, line, spine, path, scales)
    if isinstance(written, Written) and written.messages:
        said = json.loads(json.loads(data.draw(st.sampled_from(written.messages)))["body"])
        assert not list(validator(said["version"]).iter_errors(said))


def test_zeros_of_both_signs_keep_the_order_in_which_they_come(tmp_path: Path) -> None:
    """Beyond twenty-three numbers DuckDB's sort changes the order of equal ones, and 0.0 and -0.0 are equal."""
    levels = tuple(place / 41 for place in range(1, 41))
    training, policy = replace(QUANTILES.training, quantiles=levels), replace(QUANTILES.policy, cuts=levels[20])
    line = replace(QUANTILES, training=training, policy=policy)
    rows = [Row(f"d1-20170808-{number:032x}", AT, (number,), number) for number in range(20)]
    lines = [
        f"{row.decision_id},{','.join(['0', '-0.0', '-1', '-0'][(place * (number + 3)) % 4] for place in range(40))}"
        for number, row in enumerate(rows)
    ]
    spine = Spine(dict.fromkeys(line.decision.keys, "BIGINT"), "BIGINT", rows, lines)
    spine.write(path := tmp_path / "data.parquet")
    context = replace(CONTEXT, line=line.name)

    written = either(in_columns, context, line, spine, path, None)

    assert isinstance(written, Written)
    assert written == either(row_wise, context, line, spine, path, None)
    assert any(b"-0.0" in message for message in written.messages)
