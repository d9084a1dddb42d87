"""The ledger gives one history, whatever order its rows come in; odd rows are set apart, never lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.feedback.history import DecisionHistory, History, join
from tests.ledgers import counts_of

DECIDED = "2017-08-08T04:00:00.000000Z"
LATER = "2017-08-10T00:00:00.000000Z"
ARRIVED = "2026-11-22T00:00:00.000000Z"
Row = dict[str, Any]


def decision(number: int) -> str:
    return f"d1-20170808-{number:032x}"


def prediction(number: int, revision: int = 1, **changes: Any) -> Row:
    keys = {"household_id": number, "campaign_id": 18}
    return {
        "decision_id": decision(number),
        "revision": revision,
        "decision_time": DECIDED,
        "keys": keys,
        "action": "remind",
        "score": 0.5,
        **changes,
    }


def delivery(number: int, revision: int = 1, status: str = "delivered") -> Row:
    return {"decision_id": decision(number), "revision": revision, "status": status}


def event(number: int, kind: str, event_id: str, sequence: int = 1, **changes: Any) -> Row:
    contents: dict[str, Row] = {
        "override": {"action": "leave", "reason": "on holiday"},
        "outcome": {"value": 1},
        "receipt": {"revision": 1, "status": "applied"},
    }
    return {
        "kind": kind,
        "event_id": event_id,
        "decision_id": decision(number),
        "sequence": sequence,
        "at": LATER,
        "retracts": False,
        "received_at": ARRIVED,
        "principal": "desk",
        "sender": "desk",
        "message_id": "m",
        **contents[kind],
        **changes,
    }


def outcome(number: int, value: int, run_id: str = "r1", as_of: str = "2017-10-01T00:00:00.000000Z") -> Row:
    return {"decision_id": decision(number), "value": value, "as_of": as_of, "run_id": run_id}


def only(history: History) -> DecisionHistory:
    (found,) = history.decisions
    return found


def told(*events: Row, predictions: Sequence[Row] = (), outcomes: Sequence[Row] = ()) -> History:
    return join(predictions or [prediction(1)], [delivery(1)], events, outcomes)


def test_the_highest_sequence_holds_whatever_the_clocks_say() -> None:
    late = event(1, "override", "e1", sequence=1, at="2030-01-01T00:00:00.000000Z", action="remind")
    early = event(1, "override", "e2", sequence=2, at="2017-08-09T00:00:00.000000Z", action="leave")
    assert only(told(late, early)).action == "leave"
    assert only(told(early, late)).action == "leave"


def test_a_retraction_withdraws_and_a_later_statement_stands_again() -> None:
    said = event(1, "override", "e1", sequence=1)
    withdrawn = event(1, "override", "e2", sequence=2, retracts=True)
    again = event(1, "override", "e3", sequence=3)

    after_two = told(withdrawn, said)
    assert only(after_two).override is None
    assert after_two.withdrawn == 1
    assert only(told(again, withdrawn, said)).override == again


@pytest.mark.parametrize(
    ("first", "again"),
    [({"days": 3.5}, {"days": 4.0}), ({"later": [2, 3]}, {"later": [2, 4]}), ({"later": [2]}, {"later": [2, 3]})],
)
def test_a_derivation_that_states_other_days_or_later_steps_is_flagged(first: Row, again: Row) -> None:
    same = told(outcomes=[{**outcome(1, 1), **first}, {**outcome(1, 1, "r2"), **first}])
    changed = told(outcomes=[{**outcome(1, 1), **first}, {**outcome(1, 1, "r2"), **again}])

    assert (only(same).flags, only(changed).flags) == ((), ("derived_outcome_changed",))


def test_a_confirmed_review_is_no_override() -> None:
    confirmed = event(1, "override", "e1", action="remind")

    history = told(confirmed)

    assert only(history).action == "remind"
    assert (only(history).override, only(history).confirmation) == (None, confirmed)
    assert (counts_of(history)["overrides"], counts_of(history)["confirmed"]) == (0, 1)
    changed = told(event(1, "override", "e1", action="leave"))
    assert (counts_of(changed)["overrides"], counts_of(changed)["confirmed"]) == (1, 0)


def test_one_event_id_with_two_bodies_is_a_conflict_and_neither_is_trusted() -> None:
    older = event(1, "override", "e0", sequence=0)
    first = event(1, "override", "e1", sequence=1, action="leave")
    second = event(1, "override", "e1", sequence=1, action="remind")

    history = told(first, older, second)

    assert only(history).override is None
    assert [(conflict.kind, conflict.event_ids) for conflict in history.conflicts] == [("override", ("e1",))]
    settled = event(1, "override", "e2", sequence=2, action="leave")
    assert only(told(first, second, settled)).override == settled


def test_two_statements_with_one_sequence_are_a_conflict_but_the_same_statement_twice_is_none() -> None:
    first = event(1, "outcome", "e1", sequence=4, value=1)
    other = event(1, "outcome", "e2", sequence=4, value=0)
    same = event(1, "outcome", "e3", sequence=4, value=1)

    assert only(told(first, other)).outcome is None
    assert [conflict.event_ids for conflict in told(other, first).conflicts] == [("e1", "e2")]
    assert only(told(first, same)).outcome == 1


def test_redelivery_by_another_way_is_a_duplicate_not_a_conflict() -> None:
    first = event(1, "override", "e1")
    again = {**first, "message_id": "m2", "received_at": "2026-11-22T00:00:09.000000Z"}
    history = told(first, again)
    assert (history.duplicates, history.conflicts) == (1, ())
    assert only(history).override == first


def test_feedback_for_an_unknown_decision_is_parked_and_joins_when_the_decision_appears() -> None:
    early = event(2, "override", "e1")
    before = join([prediction(1)], [], [early], [])
    after = join([prediction(1), prediction(2)], [], [early], [])

    assert before.parked == (early,)
    assert counts_of(before)["overrides"] == 0
    assert (after.parked, counts_of(after)["overrides"]) == ((), 1)


@pytest.mark.parametrize(
    ("at", "flag"),
    [
        ("2017-08-08T03:59:59.999999Z", "outcome_before_decision"),
        ("2007-08-08T00:00:00.000000Z", "outcome_before_decision"),
        ("2026-11-22T00:10:00.000001Z", "outcome_clock_ahead"),
        ("2036-11-22T00:00:00.000000Z", "outcome_clock_ahead"),
    ],
)
def test_an_outcome_with_an_impossible_clock_is_flagged_and_not_judged_by(at: str, flag: str) -> None:
    found = only(told(event(1, "outcome", "e1", at=at)))
    assert found.flags == (flag,)
    assert found.outcome is None
    assert found.reported is not None


def test_a_clock_that_is_ten_minutes_off_is_plausible() -> None:
    found = only(told(event(1, "outcome", "e1", at="2026-11-22T00:10:00.000000Z")))
    assert (found.flags, found.outcome) == ((), 1)


def test_the_derived_outcome_is_the_truth_and_a_contradicting_report_is_flagged() -> None:
    report = event(1, "outcome", "e1", value=0)

    contradicted = only(told(report, outcomes=[outcome(1, 1)]))
    assert (contradicted.outcome, contradicted.flags) == (1, ("reported_outcome_contradicts",))
    assert only(told(report)).outcome == 0
    assert only(told(event(1, "outcome", "e1", value=1), outcomes=[outcome(1, 1)])).flags == ()


def test_the_first_derivation_stands_and_a_different_later_one_is_flagged() -> None:
    first, later = outcome(1, 0), outcome(1, 1, run_id="r2", as_of="2017-11-01T00:00:00.000000Z")
    for rows in ([first, later], [later, first]):
        found = only(told(outcomes=rows))
        assert (found.outcome, found.flags) == (0, ("derived_outcome_changed",))


def test_the_highest_delivered_revision_holds() -> None:
    versions = [prediction(1, revision) for revision in (1, 2, 3)]
    sent = [delivery(1, 1), delivery(1, 2), delivery(1, 3, status="dead_lettered")]

    found = only(join(versions, sent, [], []))
    assert (found.prediction["revision"], found.delivered, found.revisions) == (2, True, 3)
    undelivered = only(join(versions, sent[2:], [], []))
    assert (undelivered.prediction["revision"], undelivered.delivered) == (3, False)


def test_each_consuming_application_has_its_own_receipt() -> None:
    receipts = [
        event(1, "receipt", "a-1", principal="desk"),
        event(1, "receipt", "b-1", principal="mailer", status="expired"),
    ]
    history = told(*receipts)
    assert history.conflicts == ()
    assert {source: receipt["status"] for source, receipt in only(history).receipts.items()} == {
        "desk": "applied",
        "mailer": "expired",
    }


def test_a_revision_with_two_contents_is_a_conflict() -> None:
    history = join([prediction(1), prediction(1, score=0.6), prediction(1, 2)], [], [], [])
    assert only(history).prediction["revision"] == 2
    assert [conflict.kind for conflict in history.conflicts] == ["prediction"]


EVENTS = st.builds(
    event,
    number=st.integers(1, 4),
    kind=st.sampled_from(["override", "outcome", "receipt"]),
    event_id=st.sampled_from([f"e{number}" for number in range(8)]),
    sequence=st.integers(0, 3),
    at=st.sampled_from([DECIDED, LATER, "2007-01-01T00:00:00.000000Z", "2036-01-01T00:00:00.000000Z"]),
    retracts=st.booleans(),
    principal=st.sampled_from(["desk", "mailer"]),
)
PREDICTIONS = st.builds(prediction, st.integers(1, 3), st.integers(1, 3), score=st.sampled_from([0.1, 0.2]))
DELIVERIES = st.builds(delivery, st.integers(1, 3), st.integers(1, 3), st.sampled_from(["delivered", "dead_lettered"]))
OUTCOMES = st.builds(outcome, st.integers(1, 3), st.integers(0, 1), st.sampled_from(["r1", "r2"]))


@settings(max_examples=400)
@given(
    st.lists(PREDICTIONS, max_size=8),
    st.lists(DELIVERIES, max_size=8),
    st.lists(EVENTS, max_size=12),
    st.lists(OUTCOMES, max_size=6),
    st.data(),
)
def test_shuffles_with_duplicates_give_one_history(
    predictions: list[Row], deliveries: list[Row], events: list[Row], outcomes: list[Row], data: st.DataObject
) -> None:
    once = join(predictions, deliveries, events, outcomes)

    def shuffled(rows: list[Row]) -> list[Row]:
        repeated = [*rows, *data.draw(st.lists(st.sampled_from(rows), max_size=6))] if rows else []
        return data.draw(st.permutations(repeated))

    again = join(shuffled(predictions), shuffled(deliveries), shuffled(events), shuffled(outcomes))

    for part in ("decisions", "parked", "conflicts", "withdrawn"):
        assert getattr(again, part) == getattr(once, part)
    assert again.duplicates >= once.duplicates


@given(st.lists(EVENTS, max_size=12))
def test_every_statement_is_used_parked_withdrawn_replaced_or_in_conflict(events: list[Row]) -> None:
    """Nothing is dropped: each event's decision and kind ends somewhere that a user can see."""
    history = join([prediction(1), prediction(2)], [], events, [])
    visible = {(conflict.decision_id, conflict.kind) for conflict in history.conflicts}
    visible |= {(parked["decision_id"], parked["kind"]) for parked in history.parked}
    for found in history.decisions:
        parts = {"override": found.override, "outcome": found.reported, "receipt": found.receipts}
        visible |= {(found.decision_id, kind) for kind, part in parts.items() if part}
    retracted = {(one["decision_id"], one["kind"]) for one in events if one["retracts"]}
    assert {(one["decision_id"], one["kind"]) for one in events} <= visible | retracted
