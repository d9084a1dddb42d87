"""Report and dashboard of a line, from its ledger and its datasets in a simulated account."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import boto3
import duckdb
import pytest

from assembly_line.errors import NotFound, RequestRefused
from assembly_line.ledger import compact
from assembly_line.line_metrics import OUTCOME_COVERAGE, PERFORMANCE
from assembly_line.names import LedgerKind, Parameter, dataset_prefix
from assembly_line.release import Release
from assembly_line.reporting import dashboard, report, watched
from assembly_line.storage import Account
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from tests.manifests import a_manifest

LINE = "coupon_redemption"
NOW = datetime(2018, 1, 2, tzinfo=UTC)
DATASET = "ds-" + "2" * 32
HOUSEHOLDS = 200
DAYS = ("20170808", "20170901")


@pytest.fixture
def account(store: ObjectStore, ledger_objects: ObjectStore, control: ControlTable, shipped: Release) -> Account:
    """A released line without decisions."""
    control.set_current_release(LINE, ReleaseStore(store).publish(shipped))
    boto3.client("glue").create_database(DatabaseInput={"Name": "line"})
    names = {
        Parameter.STORE_BUCKET: store.bucket,
        Parameter.LEDGER_BUCKET: ledger_objects.bucket,
        Parameter.CONTROL_TABLE: "control",
        Parameter.CHAMPION_TABLE: "champions",
        Parameter.GLUE_DATABASE: "line",
    }
    return Account(
        "embedded",
        new_client=lambda service: boto3.client(cast("Any", service)),
        named=lambda name: names[Parameter(name)],
    )


def identifier(day: str, number: int) -> str:
    return f"d1-{day}-{number:032x}"


def decide(ledger: Ledger, day: str, *, dead: tuple[int, ...] = (), known: bool = True) -> None:
    """A batch: every third household redeems, and every fifth is reminded."""
    at = f"{day[:4]}-{day[4:6]}-{day[6:]}T06:00:00.000000Z"
    ids = [identifier(day, number) for number in range(HOUSEHOLDS)]
    predictions = [
        {
            "decision_id": one,
            "revision": 1,
            "decision_time": at,
            "keys": {"household_id": number, "campaign_id": int(day[4:6])},
            "score": 0.9 if number % 3 == 0 else 0.1,
            "action": "remind" if number % 5 == 0 else "leave",
            "propensity": 0.9,
            "explored": False,
            "arm": "champion",
            "model": {"run_id": "trained"},
            "release": "f" * 64,
            "dataset_id": DATASET,
            "run_id": f"scored-{day}",
            "baseline": 0,
            "prior": 0.3,
            "issued_at": at,
            "expires_at": "2017-12-01T00:00:00.000000Z",
        }
        for number, one in enumerate(ids)
    ]
    left = f"{at[:11]}07:00:00.000000Z"
    deliveries: list[dict[str, Any]] = [
        {"decision_id": one, "revision": 1, "status": "delivered", "at": left}
        if number not in dead
        else {"decision_id": one, "revision": 1, "status": "dead_lettered", "reason": "InternalError", "at": left}
        for number, one in enumerate(ids)
    ]
    # Sent again since, and arrived.
    deliveries.append({**deliveries[3], "status": "dead_lettered", "reason": "Throttled"})
    ledger.append(LINE, LedgerKind.PREDICTIONS, day, "r", predictions)
    # Deliveries are kept by the day on which they came.
    ledger.append(LINE, LedgerKind.DELIVERIES, "20180101", f"r-{day}", deliveries)
    if known:
        outcomes = [
            {"decision_id": one, "value": int(number % 3 == 0), "as_of": "2018-01-01", "run_id": "o"}
            for number, one in enumerate(ids)
        ]
        ledger.append(LINE, LedgerKind.OUTCOMES, day, "o", outcomes)


def score_dataset(store: ObjectStore, folder: Path) -> None:
    """The features of both batches."""
    path = folder / "data.parquet"
    rows = [(identifier(day, number), number % 3 == 0, float(number)) for day in DAYS for number in range(HOUSEHOLDS)]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE data (decision_id VARCHAR, spend_30d DOUBLE, visits_30d DOUBLE)")
        connection.executemany(
            "INSERT INTO data VALUES (?, ?, ?)",
            [(one, 100.0 + number if high else number, number % 7) for one, high, number in rows],
        )
        connection.execute(f"COPY data TO '{path}' (FORMAT parquet)")
    key = f"{dataset_prefix(LINE, DATASET)}attempts/1/data.parquet"
    store.upload(path, key)
    manifest = a_manifest(line=LINE, dataset_id=DATASET, data_uri=store.uri(key))
    store.write_json(f"{dataset_prefix(LINE, DATASET)}manifest.json", manifest.to_json())


def texts(page: str) -> str:
    body = page[page.index("<body") :]
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", body, flags=re.DOTALL).split())


def test_a_line_without_a_ledger_has_both_pages(account: Account) -> None:
    assert "There is nothing to report yet." in texts(report(account, LINE, now=NOW).page)
    assert "No decision was delivered yet." in texts(dashboard(account, LINE, now=NOW).page)
    assert watched(account, LINE) == {}


def test_a_line_that_was_never_released_is_refused(account: Account) -> None:
    for page in (report, dashboard):
        with pytest.raises(NotFound, match="churn"):
            page(account, "churn", now=NOW)


def test_a_key_that_no_decision_has_is_refused_and_those_there_are_named(
    account: Account, ledger_objects: ObjectStore
) -> None:
    decide(Ledger(ledger_objects), DAYS[0])
    for page in (report, dashboard):
        with pytest.raises(RequestRefused, match="decisions have campaign_id, household_id"):
            page(account, LINE, by="shop", now=NOW)


def test_a_period_that_ends_before_it_begins_is_refused(account: Account) -> None:
    day = "2017-08-08T00:00:00.000000Z"
    with pytest.raises(RequestRefused, match=r"--until: 2017-08-08.*expected an instant after 2017-08-08"):
        report(account, LINE, since=day, until=day, now=NOW)


@pytest.mark.parametrize("compacted", [(), (0,), (0, 1)])
def test_pages_are_the_same_whatever_was_compacted(
    account: Account, ledger_objects: ObjectStore, store: ObjectStore, tmp_path: Path, compacted: tuple[int, ...]
) -> None:
    ledger = Ledger(ledger_objects)
    score_dataset(store, tmp_path)
    for place, day in enumerate(DAYS):
        decide(ledger, day, dead=(7,) if place == 0 else (), known=place == 0)
        if place in compacted:
            compact(account, LINE, NOW)

    found = report(account, LINE, by="campaign_id", now=NOW)
    assert (found.figures.whole.decisions, found.figures.whole.known) == (399, 199)
    told = {one["feature"]: one["beyond_chance"] for one in found.to_json()["associations"]}
    assert told == {"spend_30d": True, "visits_30d": False}
    assert "What comes of the 200 decisions in force whose outcome is not certain yet." in texts(found.page)

    one_month = report(account, LINE, since="2017-09-01T00:00:00.000000Z", now=NOW)
    assert (one_month.figures.whole.decisions, one_month.figures.whole.known) == (200, 0)
    assert "Decisions from 2017-09-01 to 2017-09-01" in texts(one_month.page)

    board = dashboard(account, LINE, now=NOW)
    said = texts(board.page)
    assert board.dead_letters == {"InternalError": 1}
    assert "1 decisions did not arrive: InternalError." in said
    assert (board.standing.segment, [one.decisions for one in board.standing.segments]) == ("campaign_id", [200, 199])
    assert board.standing.hours == (1.0, 1.0)
    assert "2017-08 199 1.000" in said
    assert watched(account, LINE) == {OUTCOME_COVERAGE: pytest.approx(100 * 199 / 399), PERFORMANCE: 1.0}


def test_a_dataset_that_is_gone_leaves_the_rest_of_the_report(account: Account, ledger_objects: ObjectStore) -> None:
    decide(Ledger(ledger_objects), DAYS[0])
    found = report(account, LINE, now=NOW)
    assert found.missing == [DATASET]
    assert found.figures.whole.known == HOUSEHOLDS
    assert "are no longer there" in texts(found.page)


def test_paused_deliveries_are_said_first(account: Account, ledger_objects: ObjectStore, control: ControlTable) -> None:
    from assembly_line.delivery import pause

    decide(Ledger(ledger_objects), DAYS[0])
    pause(account, LINE, reason="the desk is closed", by="anna", now=NOW)
    said = texts(dashboard(account, LINE, now=NOW).page)
    assert "Deliveries are paused: the desk is closed (since 2018-01-02T00:00, by anna)" in said
