"""The join in SQL against the join by rows, which states the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from assembly_line.canonical import canonical_json
from assembly_line.feedback.history import join
from assembly_line.ledger import LedgerSession
from tests.ledgers import counts_of
from tests.unit.ledger.worlds import DAYS, IDS, KINDS, decided, said_of, worlds


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("ledger")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds)
def test_the_join_in_sql_answers_what_the_join_by_rows_answers(world: Any, place: Path) -> None:
    assert_same(world, place)


@pytest.mark.parametrize(("derived", "again"), [("1", 1), (1, "1"), ("true", True), ("1", "1.0"), ("1", "1")])
def test_a_word_that_looks_like_a_number_is_none(derived: str | int, again: str | int, place: Path) -> None:
    identifier, at = IDS[0], decided(IDS[0])
    prediction = {"decision_id": identifier, "decision_time": at, "revision": 1, "keys": {}, "score": 0.5}
    told = {"decision_id": identifier, "kind": "outcome", "event_id": "e", "sequence": 1, "retracts": False, "value": 1}
    outcomes = [
        {"decision_id": identifier, "value": value, "mature_at": at, "as_of": at, "run_id": run}
        for run, value in (("r1", derived), ("r2", again))
    ]
    assert_same(([{**prediction, "action": "leave"}], [], [{**told, "at": at, "received_at": at}], outcomes), place)


def assert_same(world: Any, place: Path) -> None:
    expected = join(*world)

    with LedgerSession(place, memory_mib=200) as session:
        for kind, rows in zip(KINDS, world, strict=True):
            session.add_tail(kind, [("f", canonical_json(row)) for row in rows])
        session.find_ambiguous()
        session.join(DAYS)
        found = session.decisions(list(said_of(expected)[0]) if expected.decisions else ["decision_id"])
        tally = session.tally(DAYS)

    assert sorted(found, key=lambda one: one["decision_id"]) == sorted(
        said_of(expected), key=lambda one: one["decision_id"]
    )
    total = {
        name: sum(figures.get(name, 0) for figures in tally.values())
        for name in ("duplicates", "conflicts", "withdrawn", "parked")
    }
    assert total == {name: counts_of(expected)[name] for name in total}
