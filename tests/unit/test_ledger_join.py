"""The join in SQL against the join row by row, which states the rules: over small worlds in which everything collides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assembly_line.canonical import canonical_json
from assembly_line.feedback import History
from assembly_line.feedback.history import join
from assembly_line.instants import format_instant
from assembly_line.ledger import LedgerSession
from assembly_line.names import LedgerKind
from assembly_line.outcome_kinds import stated

DAYS = ("20170801", "20170802")
IDS = [f"d1-{day}-{number:032x}" for day in DAYS for number in (1, 2)]
INSTANTS = [f"2017-08-{day:02}T{hour:02}:{minute:02}:00.000000Z" for day in (1, 2, 3) for hour in (0, 12) for minute in (0, 10, 11)]


def decided(identifier: str) -> str:
    return f"2017-08-{identifier[9:11]}T06:00:00.000000Z"


instants = st.sampled_from(INSTANTS)
revisions = st.integers(1, 3)
identifiers = st.sampled_from(IDS)


@st.composite
def predictions(draw: Any) -> dict[str, Any]:
    identifier = draw(identifiers)
    return {
        "decision_id": identifier,
        "decision_time": decided(identifier),
        "revision": draw(revisions),
        "keys": {"household_id": int(identifier[-1]), 'na"me': "ü\n"},
        "score": draw(st.sampled_from([0.25, 1e-05])),
        "action": draw(st.sampled_from(["remind", "leave"])),
        "propensity": 0.9,
        "model": {"run_id": "r1", "digest": "d"},
        "dataset_id": "ds-1",
        "prior": draw(st.sampled_from([0.5, {"mean": [1.0]}])),
        "baseline": draw(st.sampled_from([None, 2, 2.5])),
        "release": "r",
        "run_id": "s1",
        "backfill": draw(st.sampled_from([[], [], ["model_knows_more"]])),
        **draw(st.sampled_from([{}, {"issued_at": None}, {"issued_at": INSTANTS[3], "expires_at": INSTANTS[12]}])),
    }


@st.composite
def deliveries(draw: Any) -> dict[str, Any]:
    return {
        "decision_id": draw(identifiers),
        "revision": draw(revisions),
        "status": draw(st.sampled_from(["delivered", "delivered", "dead_lettered"])),
        **draw(st.sampled_from([{}, {"at": None}, {"at": INSTANTS[2]}, {"at": INSTANTS[8]}])),
    }


@st.composite
def events(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["override", "outcome", "receipt"]))
    said = {
        "override": {"action": draw(st.sampled_from(["remind", "leave"])), "reason": draw(st.sampled_from(["one", "two"]))},
        "outcome": {"value": draw(st.integers(0, 1))},
        "receipt": {"revision": draw(revisions), "status": draw(st.sampled_from(["applied", "applied", "failed"]))},
    }[kind]
    return {
        "decision_id": draw(identifiers),
        "kind": kind,
        "event_id": draw(st.sampled_from(["a", "b", "c", "d", "e'\u2028"])),
        "sequence": draw(st.integers(0, 2)),
        "retracts": draw(st.sampled_from([False, False, True])),
        "at": draw(instants),
        "received_at": draw(instants),
        "message_id": draw(st.sampled_from(["m1", "m2"])),
        **draw(st.sampled_from([{"principal": "p", "sender": "s"}, {"principal": "q", "sender": "s"}, {"sender": "s"}])),
        **said,
    }


@st.composite
def outcomes(draw: Any) -> dict[str, Any]:
    return {
        "decision_id": draw(identifiers),
        "value": draw(st.sampled_from([0, 1, 1.0, True, 0.5, "gold"])),
        "mature_at": draw(st.sampled_from([None, INSTANTS[4], INSTANTS[10]])),
        "as_of": draw(st.sampled_from(INSTANTS[-2:])),
        "run_id": draw(st.sampled_from(["r1", "r2"])),
        **draw(st.sampled_from([{}, {}, {"days": 2.5}, {"days": 2}, {"later": [1.0, 2.0]}])),
    }


worlds = st.tuples(*(st.lists(kind(), max_size=12) for kind in (predictions, deliveries, events, outcomes)))
KINDS = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.FEEDBACK, LedgerKind.OUTCOMES)


def said_of(history: History) -> list[dict[str, Any]]:
    """What the columns of a decision say, by the oracle."""
    return [
        {
            "decision_id": one.decision_id,
            "revision": one.prediction["revision"],
            "score": one.prediction["score"],
            "action": one.action,
            "recommended": one.prediction["action"],
            "delivered": one.delivered,
            "in_force": one.in_force,
            "revisions": one.revisions,
            "backfills": len(one.backfills),
            "overridden": one.override is not None,
            "confirmed": one.confirmation is not None,
            "receipts": len(one.receipts),
            "hindsight": one.hindsight,
            "outcome": None if one.outcome is None else list(one.stated),
            "outcome_derived": one.derived is not None,
            "outcome_known_at": None if one.outcome_known_at is None else format_instant(one.outcome_known_at),
            "flags": list(one.flags),
        }
        for one in history.decisions
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("ledger")


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds)
def test_the_join_in_sql_answers_what_the_join_by_rows_answers(world: Any, place: Path) -> None:
    expected = join(*world)

    with LedgerSession(place, memory_mib=200) as session:
        for kind, rows in zip(KINDS, world, strict=True):
            session.add_tail(kind, [("f", canonical_json(row)) for row in rows])
        session.find_ambiguous()
        session.join(DAYS)
        found = session.decisions(list(said_of(expected)[0]) if expected.decisions else ["decision_id"])
        tally = session.tally(DAYS)

    assert sorted(found, key=lambda one: one["decision_id"]) == sorted(said_of(expected), key=lambda one: one["decision_id"])
    total = {name: sum(figures.get(name, 0) for figures in tally.values()) for name in ("duplicates", "conflicts", "withdrawn", "parked")}
    assert total == {name: expected.counts[name] for name in total}


def test_the_oracle_reads_what_the_columns_state() -> None:
    assert stated({"value": 1, "days": 2.5}) == (1, 2.5)
