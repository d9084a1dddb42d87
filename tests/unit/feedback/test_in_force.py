"""Judged is the revision that was in force when the decision was acted on, and nothing that came with hindsight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.feedback.history import DecisionHistory, join
from assembly_line.feedback.performance import NONE_IN_FORCE, measure
from assembly_line.instants import format_instant
from assembly_line.outcome_kinds import Binary
from tests.ledgers import JoinedLedger, counts_of

DECIDED = datetime(2017, 8, 8, tzinfo=UTC)
Row = dict[str, Any]
HOURS = st.integers(0, 6)


def at(hour: int) -> str:
    return format_instant(DECIDED + timedelta(hours=hour))


def decision(number: int) -> str:
    return f"d1-20170808-{number:032x}"


@dataclass(frozen=True)
class Sent:
    """One revision; hours after the decision. `delivered`: when each channel had it; None: dead-lettered."""

    issued: int
    expires: int
    delivered: tuple[int | None, ...]
    backfill: bool


@dataclass(frozen=True)
class Said:
    """What an application said of a revision, in order of its sequence."""

    principal: str
    revision: int
    status: str
    retracts: bool
    hour: int = 1


@dataclass(frozen=True)
class Case:
    """One decision: its revisions, its receipts, and when its outcome became known, derived or reported."""

    revisions: tuple[Sent, ...]
    receipts: tuple[Said, ...]
    derived: int | None
    reported: int | None


CASES = st.builds(
    Case,
    revisions=st.lists(
        st.builds(
            Sent,
            issued=HOURS,
            expires=HOURS,
            delivered=st.lists(st.none() | HOURS, max_size=2).map(tuple),
            backfill=st.sampled_from([False, False, True]),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    receipts=st.lists(
        st.builds(
            Said,
            principal=st.sampled_from(["desk", "mailer"]),
            revision=st.integers(1, 4),
            status=st.sampled_from(["applied", "expired", "superseded", "failed"]),
            retracts=st.sampled_from([False, False, False, True]),
            hour=HOURS,
        ),
        max_size=4,
    ).map(tuple),
    derived=st.none() | HOURS,
    reported=st.none() | HOURS,
)


def judged(case: Case) -> int | None:
    """The revision in force, by the sentence of the design, one after the other and in whole hours."""
    known = case.derived if case.derived is not None else case.reported
    best = None
    for revision, sent in enumerate(case.revisions, start=1):
        left = [hour for hour in sent.delivered if hour is not None]
        if sent.backfill or not left:
            continue
        for happened in (sent.issued, min(left)):
            if happened >= sent.expires or (known is not None and happened >= known):
                break
        else:
            standing = [word for word in _last_words(case) if not word.retracts]
            when = [one.hour for one in standing if (one.revision, one.status) == (revision, "applied")]
            in_time = when and min(when) < sent.expires and (known is None or min(when) < known)
            if not standing or in_time:
                best = revision
    return best


def _last_words(case: Case) -> list[Said]:
    """What each application said last of each revision."""
    return list({(one.principal, one.revision): one for one in case.receipts}.values())


def ledger(number: int, case: Case) -> tuple[list[Row], list[Row], list[Row], list[Row]]:
    predictions, deliveries = [], []
    for revision, sent in enumerate(case.revisions, start=1):
        predictions.append(
            {
                "decision_id": decision(number),
                "revision": revision,
                "decision_time": at(0),
                "keys": {"household_id": number},
                "action": "remind",
                "score": revision / 10,
                "prior": 0.5,
                "baseline": 1.0,
                "issued_at": at(sent.issued),
                "expires_at": at(sent.expires),
                "backfill": ["model_knows_more"] if sent.backfill else [],
            }
        )
        deliveries += [
            {
                "decision_id": decision(number),
                "revision": revision,
                "status": "dead_lettered" if hour is None else "delivered",
                "at": at(hour or 0),
                # The first channel that has it counts. Rows of versions with one channel do not name it.
                **({"channel": "files"} if place else {}),
            }
            for place, hour in enumerate(sent.delivered)
        ]
    feedback = [
        _event(
            number, "receipt", f"r-{number}-{place}", sequence=place, principal=said.principal, retracts=said.retracts
        )
        | {"revision": said.revision, "status": said.status, "at": at(said.hour)}
        for place, said in enumerate(case.receipts)
    ]
    if case.reported is not None:
        feedback.append(
            _event(number, "outcome", f"o-{number}", sequence=1, principal="desk")
            | {"value": 1, "at": at(case.reported)}
        )
    known = [] if case.derived is None else [case.derived]
    outcomes = [
        {"decision_id": decision(number), "value": 1, "mature_at": at(hour), "as_of": at(100), "run_id": "r"}
        for hour in known
    ]
    return predictions, deliveries, feedback, outcomes


def _event(number: int, kind: str, event_id: str, *, sequence: int, principal: str, retracts: bool = False) -> Row:
    return {
        "kind": kind,
        "event_id": event_id,
        "decision_id": decision(number),
        "sequence": sequence,
        "at": at(1),
        "retracts": retracts,
        "received_at": at(1000),
        "principal": principal,
        "sender": principal,
        "message_id": event_id,
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(CASES, min_size=1, max_size=8), st.data())
def test_the_revision_in_force_is_the_one_that_brute_force_finds(cases: list[Case], data: st.DataObject) -> None:
    ledgers = [ledger(number, case) for number, case in enumerate(cases)]

    def shuffled(part: int) -> list[Row]:
        rows = [row for one in ledgers for row in one[part]]
        again = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
        return data.draw(st.permutations([*rows, *again]))

    parts = [shuffled(part) for part in range(4)]
    history = join(*parts)

    found = {one.decision_id: one.prediction["revision"] if one.in_force else None for one in history.decisions}
    assert found == {decision(number): judged(case) for number, case in enumerate(cases)}
    sent = [any(hour is not None for one in case.revisions for hour in one.delivered) for case in cases]
    assert [one.delivered for one in history.decisions] == sent
    (pooled,) = measure(JoinedLedger(*parts), kind=Binary(present=1), cluster="household_id", draws=10)
    expected = [case for case in cases if judged(case) is not None]
    assert (pooled.decisions, pooled.in_force) == (sum(sent), len(expected))
    assert pooled.rows == sum(case.derived is not None or case.reported is not None for case in expected)


def only(case: Case) -> DecisionHistory:
    (found,) = join(*ledger(1, case)).decisions
    return found


NORMAL = Sent(issued=0, expires=5, delivered=(1,), backfill=False)


@pytest.mark.parametrize(
    ("sent", "known", "in_force"),
    [
        (NORMAL, 3, True),
        (NORMAL, None, True),
        (NORMAL, 1, False),  # delivered exactly when the outcome became known
        (Sent(issued=4, expires=5, delivered=(5,), backfill=False), None, False),  # delivered as it expired
        (Sent(issued=0, expires=5, delivered=(None,), backfill=False), 3, False),
        (Sent(issued=0, expires=5, delivered=(6, 1), backfill=False), 3, True),  # the first delivery counts
        (Sent(issued=0, expires=5, delivered=(1,), backfill=True), 3, False),
    ],
)
def test_a_revision_is_in_force_strictly_before_its_expiry_and_its_outcome(
    sent: Sent, known: int | None, in_force: bool
) -> None:
    assert only(Case((sent,), (), known, None)).in_force is in_force


def test_a_later_revision_that_came_too_late_leaves_the_earlier_one_in_force() -> None:
    late = Sent(issued=4, expires=6, delivered=(4,), backfill=False)
    found = only(Case((NORMAL, late), (), 3, None))
    assert (found.in_force, found.prediction["revision"], found.revisions) == (True, 1, 2)


def test_a_decision_without_a_revision_in_force_is_counted_and_not_judged() -> None:
    late = Sent(issued=4, expires=6, delivered=(4,), backfill=False)
    parts = ledger(1, Case((late,), (), 3, None))
    history = join(*parts)
    (pooled,) = measure(JoinedLedger(*parts), kind=Binary(present=1), cluster="household_id", draws=10)
    assert (counts_of(history)["delivered"], counts_of(history)["in_force"]) == (1, 0)
    assert (pooled.decisions, pooled.in_force, pooled.rows, pooled.why_not["auc"]) == (1, 0, 0, NONE_IN_FORCE)


def test_where_an_application_sends_receipts_only_what_it_applied_is_in_force() -> None:
    applied_first = (Said("desk", 1, "applied", False), Said("desk", 2, "failed", False))
    assert only(Case((NORMAL, NORMAL), (), 3, None)).prediction["revision"] == 2
    assert only(Case((NORMAL, NORMAL), applied_first, 3, None)).prediction["revision"] == 1
    assert not only(Case((NORMAL, NORMAL), applied_first[1:], 3, None)).in_force
    taken_back = (*applied_first, Said("desk", 1, "applied", True))
    assert not only(Case((NORMAL, NORMAL), taken_back, 3, None)).in_force


def test_one_receipt_id_for_two_revisions_says_nothing_of_either() -> None:
    predictions, deliveries, feedback, outcomes = ledger(
        1, Case((NORMAL, NORMAL), (Said("desk", 1, "applied", False), Said("desk", 2, "applied", False)), 3, None)
    )
    same_id = [{**row, "event_id": "r"} for row in feedback]
    (found,) = join(predictions, deliveries, same_id, outcomes).decisions
    assert not found.in_force


@pytest.mark.parametrize("kind", ["override", "receipt"])
def test_one_id_for_two_statements_is_trusted_for_neither(kind: str) -> None:
    predictions, deliveries, feedback, outcomes = ledger(
        1, Case((NORMAL,), (Said("desk", 1, "applied", False),), 3, None)
    )
    other = {**feedback[0], "kind": kind, "decision_id": decision(2 if kind == "receipt" else 1)}
    other |= {"action": "leave", "reason": "saw it"} if kind == "override" else {}
    (found,) = join(predictions, deliveries, [*feedback, other], outcomes).decisions
    assert (found.in_force, found.receipts, found.override) == (False, {}, None)


@pytest.mark.parametrize(("hour", "in_force"), [(2, True), (3, False), (5, False)])
def test_what_was_applied_when_the_outcome_was_known_did_not_decide(hour: int, in_force: bool) -> None:
    assert only(Case((NORMAL,), (Said("desk", 1, "applied", False, hour),), 3, None)).in_force is in_force
    late = (Said("desk", 1, "applied", False, 1), Said("desk", 2, "applied", False, hour))
    assert only(Case((NORMAL, NORMAL), late, 3, None)).prediction["revision"] == (2 if in_force else 1)


def test_a_receipt_that_was_taken_back_leaves_nothing() -> None:
    taken_back = (Said("desk", 1, "failed", False), Said("desk", 1, "failed", True))
    assert only(Case((NORMAL,), taken_back, 3, None)).in_force


def test_a_receipt_of_a_revision_that_was_never_issued_is_flagged() -> None:
    found = only(Case((NORMAL,), (Said("desk", 99, "applied", False),), 3, None))
    assert (found.in_force, found.flags) == (False, ("receipt_revision_unknown",))


def test_rows_of_an_older_version_are_judged_by_the_real_time_that_they_state() -> None:
    predictions, deliveries, feedback, outcomes = ledger(1, Case((NORMAL,), (), 3, None))
    del predictions[0]["backfill"]
    (found,) = join(predictions, deliveries, feedback, outcomes).decisions
    assert found.in_force
    replayed = [{**predictions[0], "issued_at": "2026-11-22T00:00:00.000000Z"}]
    (found,) = join(replayed, deliveries, feedback, outcomes).decisions
    assert not found.in_force


@pytest.mark.parametrize(("hour", "hindsight"), [(2, False), (3, True), (4, True)])
def test_an_override_when_the_outcome_was_known_is_hindsight(hour: int, hindsight: bool) -> None:
    predictions, deliveries, _, outcomes = ledger(1, Case((NORMAL,), (), 3, None))
    override = _event(1, "override", "e", sequence=1, principal="ann") | {
        "action": "leave",
        "reason": "saw it",
        "at": at(hour),
    }
    history = join(predictions, deliveries, [override], outcomes)
    assert (counts_of(history)["overrides"], counts_of(history)["hindsight"]) == (1, int(hindsight))


@pytest.mark.parametrize(("kind", "part"), [("sending", 1), ("receiving", 2)])
def test_a_status_that_nobody_knows_is_an_error_and_not_taken_for_another(kind: str, part: int) -> None:
    rows = ledger(1, Case((NORMAL,), (Said("desk", 1, "applied", False),), 3, None))
    rows[part][0]["status"] = kind
    with pytest.raises(ValueError, match=f"'{kind}' is not a valid"):
        join(*rows)
