"""Outcomes come from the declared source, once each, and only when nothing can change them any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from assembly_line import column
from assembly_line.connectors import reader_of
from assembly_line.decision_ids import decision_id
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_instant
from assembly_line.line_metrics import BY_OUTCOMES
from assembly_line.loader import load_line
from assembly_line.names import LedgerKind
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.outcomes import handler
from tests.aws.feedback.conftest import LINE, LINES
from tests.emitted import emitted
from tests.unit.features.flights_world import A_FLIGHT, AT, FLIGHTS, own_line
from tests.unit.features.small_world import write_rows

CAMPAIGN = 18  # from 2017-08-08 to 2017-08-20, New York days
STARTED = datetime(2017, 8, 8, 4, tzinfo=UTC)
Derive = Callable[..., dict[str, Any]]


def identifier(household: int, campaign: int = CAMPAIGN) -> str:
    return decision_id(LINE, [("household_id", household), ("campaign_id", campaign)], STARTED)


def predicted(household: int, revision: int = 1) -> dict[str, Any]:
    return {
        "decision_id": identifier(household),
        "revision": revision,
        "decision_time": format_instant(STARTED),
        "keys": {"household_id": household, "campaign_id": CAMPAIGN},
    }


@pytest.fixture
def redemptions(lake_objects: ObjectStore, tmp_path: Path) -> Callable[..., None]:
    """Load who redeemed when, and the campaign's days, into the lake."""
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "lake"})
    lake = Lake(lake_objects, glue, "lake")
    sources = load_line(LINES, LINE).line.sources

    def load(*events: tuple[int, date]) -> None:
        with duckdb.connect() as connection:
            connection.execute(
                "CREATE TABLE events (household_id BIGINT, campaign_id BIGINT, coupon_upc BIGINT, redemption_date DATE)"
            )
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, 1, ?)", [(who, CAMPAIGN, day) for who, day in events]
            )
            connection.execute(
                "CREATE TABLE campaigns AS SELECT 18::BIGINT AS campaign_id, 'Type A' AS campaign_type, "
                "DATE '2017-08-08' AS start_date, DATE '2017-08-20' AS end_date"
            )
            for table, name in (("events", "coupon_redemptions"), ("campaigns", "campaign_descriptions")):
                path = tmp_path / f"{name}.parquet"
                connection.execute(f"COPY {table} TO '{path}' (FORMAT parquet)")
                lake.load(sources[name], reader_of("parquet", path))

    return load


@pytest.fixture
def derive(environment: None, released: str, lambda_context: Any) -> Derive:
    account_of.cache_clear()

    def call(as_of: str, run_id: str = "outcomes-1", line: str = LINE) -> dict[str, Any]:
        answer: dict[str, Any] = handler.derive(
            {"run_id": run_id, "input": {"line": line, "as_of": as_of}}, lambda_context
        )
        return answer

    return call


def numbers(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[name] for name in ("mature", "derived", "already", "immature", "positives"))


def values(ledger: Ledger) -> dict[str, int]:
    return {row["decision_id"]: row["value"] for row in ledger.read(LINE, LedgerKind.OUTCOMES)}


def test_a_mature_decision_gets_what_the_source_says_and_absence_counts(
    derive: Derive, redemptions: Callable[..., None], ledger: Ledger
) -> None:
    redemptions((1, date(2017, 8, 15)), (2, date(2017, 8, 20)), (3, date(2017, 8, 7)), (4, date(2017, 8, 21)))
    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170808", "r1", [predicted(number) for number in (1, 2, 3, 4, 5)])

    answer = derive("2017-09-01")
    assert (numbers(answer), "why_immature" in answer) == ((5, 5, 0, 0, 2), False)

    assert values(ledger) == {
        identifier(1): 1,
        identifier(2): 1,  # on the last day
        identifier(3): 0,  # before the decision
        identifier(4): 0,  # after the end
        identifier(5): 0,
    }
    row = next(iter(ledger.read(LINE, LedgerKind.OUTCOMES)))
    assert row["mature_at"] == "2017-08-21T04:00:00.000000Z"
    assert set(row["snapshots"]) == {"coupon_redemptions", "campaign_descriptions"}


def test_nothing_is_derived_before_maturity_or_beyond_what_the_source_covers(
    derive: Derive, redemptions: Callable[..., None], ledger: Ledger
) -> None:
    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170808", "r1", [predicted(1), predicted(2)])
    redemptions((1, date(2017, 8, 15)), (9, date(2017, 9, 15)))
    assert numbers(derive("2017-08-20")) == (0, 0, 0, 2, 0)
    assert numbers(derive("2017-08-21T03:59:59Z")) == (0, 0, 0, 2, 0)
    redemptions((1, date(2017, 8, 15)))
    beyond = derive("2027-12-01")
    assert numbers(beyond) == (0, 0, 0, 2, 0)
    assert "first horizon ends, with the delay, at 2017-08-21T04:00:00.000000Z" in beyond["why_immature"]
    assert "the events of coupon_redemptions reach to 2017-08-16T04:00:00.000000Z" in beyond["why_immature"]
    assert values(ledger) == {}


def test_each_decision_gets_one_outcome_whatever_is_run_again(
    derive: Derive, redemptions: Callable[..., None], ledger: Ledger
) -> None:
    redemptions((1, date(2017, 8, 15)), (9, date(2017, 9, 15)))
    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170808", "r1", [predicted(1), predicted(2)])
    first = derive("2017-09-01")

    assert derive("2017-09-01") == first  # a retry of the same run
    assert numbers(derive("2017-10-01", run_id="outcomes-2")) == (2, 0, 2, 0, 0)
    assert len(list(ledger.read(LINE, LedgerKind.OUTCOMES))) == 2

    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170808", "r2", [predicted(1, revision=2), predicted(3)])
    assert numbers(derive("2017-10-01", run_id="outcomes-3")) == (3, 1, 2, 0, 0)
    assert len(list(ledger.read(LINE, LedgerKind.OUTCOMES))) == 3


@pytest.mark.parametrize("change", [{"store": None}, {"store": 7, "shelf": 1}], ids=["a key less", "a key more"])
def test_decisions_of_earlier_keys_are_left_out_and_counted(
    derive: Derive, redemptions: Callable[..., None], ledger: Ledger, change: dict[str, Any]
) -> None:
    """The declaration gained or lost a key since: no row of the sources answers such a decision."""
    keys = {"household_id": 2, "campaign_id": CAMPAIGN, **change}
    if change == {"store": None}:
        keys = {"household_id": 2}
    redemptions((1, date(2017, 8, 15)), (9, date(2017, 9, 15)))
    rows = [predicted(1), {**predicted(2), "keys": keys}]
    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170808", "r1", rows)

    answer = derive("2017-09-01")

    assert (numbers(answer), answer["other_keys"]) == ((1, 1, 0, 0, 1), 1)
    assert values(ledger) == {identifier(1): 1}


def test_a_line_without_predictions_has_no_outcomes(derive: Derive, redemptions: Callable[..., None]) -> None:
    redemptions((1, date(2017, 8, 15)))
    assert numbers(derive("2017-09-01")) == (0, 0, 0, 0, 0)


def test_an_unknown_line_a_bad_date_and_an_empty_lake_say_what_to_do(derive: Derive) -> None:
    with pytest.raises(NotFound, match="released lines: coupon_redemption"):
        derive("2017-09-01", line="no_such_line")
    with pytest.raises(RequestRefused, match="as_of: 'soon'"):
        derive("soon")
    with pytest.raises(NotFound, match="line sources load"):
        derive("2017-09-01")


@pytest.fixture
def flying(store: ObjectStore, control: ControlTable, shipped: Release) -> str:
    """A released line whose decisions' own rows state the outcome."""
    line = own_line(value=column("late") > 10, where=~column("cancelled").is_true())
    control.set_current_release(line.name, ReleaseStore(store).publish(replace(shipped, line=line)))
    return line.name


def test_decisions_whose_own_rows_state_none_are_counted_apart(
    derive: Derive, flying: str, ledger: Ledger, lake_objects: ObjectStore, tmp_path: Path
) -> None:
    """One flight late, one punctual, one cancelled, one still on its way."""
    flights = [
        {**A_FLIGHT, "flight": 1},
        {**A_FLIGHT, "flight": 2, "late": 0.0},
        {**A_FLIGHT, "flight": 3, "cancelled": True, "arrived": None},
        {**A_FLIGHT, "flight": 4, "arrived": AT + timedelta(days=9)},
    ]
    write_rows(FLIGHTS, flights, tmp_path / "flights.parquet")
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "lake"})
    Lake(lake_objects, glue, "lake").load(FLIGHTS, reader_of("parquet", tmp_path / "flights.parquet"))
    rows = [flown(flying, flight) for flight in flights]
    ledger.append(flying, LedgerKind.PREDICTIONS, "20240501", "r1", rows)

    answer = derive("2024-05-03", line=flying)

    assert {name: answer[name] for name in ("derived", "immature", "no_outcome", "positives")} == {
        "derived": 2,
        "immature": 1,
        "no_outcome": 1,
        "positives": 1,
    }
    found = {row["decision_id"]: row["value"] for row in ledger.read(flying, LedgerKind.OUTCOMES)}
    assert found == {rows[0]["decision_id"]: 1, rows[1]["decision_id"]: 0}


def flown(line: str, flight: dict[str, Any]) -> dict[str, Any]:
    keys = {name: flight[name] for name in ("flight", "origin", "destination", "carrier")}
    return {
        "decision_id": decision_id(line, list(keys.items()), AT),
        "revision": 1,
        "decision_time": format_instant(AT),
        "keys": keys,
    }


def test_it_emits_how_many_outcomes_it_derived(
    derive: Derive, redemptions: Callable[..., None], ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    redemptions((1, date(2017, 8, 15)), (9, date(2017, 9, 15)))
    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170808", "r1", [predicted(1), predicted(2)])
    derive("2017-09-01")

    found = emitted(capsys.readouterr().out, line="assembly-line-embedded-coupon-redemption")
    assert found == {(metric.name, None): [2.0] for metric in BY_OUTCOMES}
