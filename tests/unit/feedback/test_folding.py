"""Folding against a second, plain reading of its rules: several principals who share ids, retract, and contradict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assembly_line.feedback.folding import Conflict, Folded, fold
from assembly_line.request_fields import LARGEST_EXACT

Row = dict[str, Any]
CONTENTS: dict[str, tuple[Row, ...]] = {
    "override": ({"action": "leave", "reason": "on holiday"}, {"action": "remind", "reason": "on holiday"}),
    "outcome": ({"value": 0}, {"value": 1}),
    "receipt": ({"revision": 1, "status": "applied"}, {"revision": 1, "status": "failed"}),
}
INSTANTS = ("2017-08-09T00:00:00.000000Z", "2017-08-10T00:00:00.000000Z")


def event(kind: str, content: int, number: int, **changes: Any) -> Row:
    row: Row = {
        "kind": kind,
        "event_id": "e1",
        "line": "a_line",
        "decision_id": f"d1-20170808-{number:032x}",
        "sequence": 1,
        "at": INSTANTS[0],
        "retracts": False,
        "received_at": INSTANTS[1],
        "principal": "ann",
        "sender": "queue",
        "message_id": "m",
    }
    return {**row, **CONTENTS[kind][content], **changes}


def said_by(row: Row) -> str:
    return str(row.get("principal") or row["sender"])


def body(row: Row) -> str:
    return json.dumps(
        {name: row[name] for name in row if name not in ("received_at", "principal", "sender", "message_id")}
    )


def statement(row: Row) -> str:
    return json.dumps(
        [row["retracts"], row["sequence"], *(row.get(name) for name in ("action", "reason", "value", "status"))]
    )


def expected(rows: Sequence[Row]) -> tuple[dict[tuple[str, str, str], str], set[Conflict], int]:
    """What holds: topic -> body; the contradictions; how many topics nobody speaks of any more."""

    def contested(row: Row) -> bool:
        same = [one for one in rows if (said_by(one), one["event_id"]) == (said_by(row), row["event_id"])]
        return len(set(map(body, same))) > 1

    def topic(row: Row) -> tuple[str, str, str]:
        return row["decision_id"], row["kind"], said_by(row) if row["kind"] == "receipt" else ""

    holds: dict[tuple[str, str, str], str] = {}
    conflicts = {
        Conflict(row["decision_id"], row["kind"], (row["event_id"],), (said_by(row),)) for row in rows if contested(row)
    }
    withdrawn = 0
    for about in {topic(row) for row in rows}:
        of_topic = [row for row in rows if topic(row) == about]
        speaking = []
        for who in {said_by(row) for row in of_topic}:
            own = [row for row in of_topic if said_by(row) == who]
            last = [row for row in own if row["sequence"] == max(one["sequence"] for one in own)]
            if any(contested(row) or not row["retracts"] for row in last):
                speaking += last
        highest = [row for row in speaking if row["sequence"] == max(one["sequence"] for one in speaking)]
        if not highest:
            withdrawn += 1
        elif not any(map(contested, highest)):
            named = sorted({(row["event_id"], said_by(row)) for row in highest})
            if len(set(map(statement, highest))) > 1:
                ids, principals = zip(*named, strict=True)
                conflicts.add(Conflict(about[0], about[1], ids, principals))
            else:
                holds[about] = next(body(row) for row in highest if (row["event_id"], said_by(row)) == named[0])
    return holds, conflicts, withdrawn


def check(rows: Sequence[Row], folded: Folded) -> None:
    holds, conflicts, withdrawn = expected(rows)
    assert {topic: body(dict(row)) for topic, row in folded.current.items()} == holds
    assert set(folded.conflicts) == conflicts
    assert len(folded.conflicts) == len(conflicts)
    assert folded.withdrawn == withdrawn
    assert folded.duplicates == len(rows) - len({(said_by(row), row["event_id"], body(row)) for row in rows})


EVENTS = st.builds(
    event,
    kind=st.sampled_from(sorted(CONTENTS)),
    content=st.integers(0, 1),
    number=st.integers(1, 2),
    event_id=st.sampled_from(["e1", "e2", "e3", "e4"]),
    sequence=st.sampled_from([0, 1, 2, LARGEST_EXACT - 1, LARGEST_EXACT]),
    at=st.sampled_from(INSTANTS),
    retracts=st.booleans(),
    principal=st.sampled_from(["ann", "bob", "shop"]),
    message_id=st.sampled_from(["m1", "m2"]),
)


@settings(max_examples=500)
@given(st.lists(EVENTS, max_size=10), st.randoms(use_true_random=False))
def test_folding_follows_its_rules_in_whatever_order_events_come(rows: list[Row], random: Any) -> None:
    check(rows, fold(rows))
    shuffled = random.sample(rows, len(rows))
    assert fold(shuffled) == fold(rows)


class Ledger(RuleBasedStateMachine):
    """Principals speak, repeat themselves, retract and contradict; after each step the ledger says what holds."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    @rule(row=EVENTS)
    def say(self, row: Row) -> None:
        self.rows.append(row)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), message_id=st.sampled_from(["m3", "m4"]))
    def deliver_again(self, data: st.DataObject, message_id: str) -> None:
        before = fold(self.rows)
        self.rows.insert(0, {**data.draw(st.sampled_from(self.rows)), "message_id": message_id})
        after = fold(self.rows)
        assert (after.conflicts, after.withdrawn) == (before.conflicts, before.withdrawn)
        assert after.duplicates == before.duplicates + 1

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), principal=st.sampled_from(["ann", "bob", "shop"]))
    def retract(self, data: st.DataObject, principal: str) -> None:
        about = data.draw(st.sampled_from(self.rows))
        self.rows.append(
            {
                **about,
                "event_id": f"r{len(self.rows)}",
                "principal": principal,
                "retracts": True,
                "sequence": min(about["sequence"] + 1, LARGEST_EXACT),
            }
        )

    @invariant()
    def the_rules_hold(self) -> None:
        check(self.rows, fold(self.rows))


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=15)


def test_one_id_of_two_principals_is_two_statements() -> None:
    folded = fold([event("receipt", 0, 1, principal="mail"), event("receipt", 1, 2, principal="shop")])
    assert (len(folded.current), folded.conflicts) == (2, ())


def test_one_id_of_one_principal_about_two_decisions_is_a_conflict() -> None:
    folded = fold([event("receipt", 0, 1), event("receipt", 0, 2)])
    assert folded.current == {}
    assert [(conflict.event_ids, conflict.principals) for conflict in folded.conflicts] == [(("e1",), ("ann",))] * 2


def test_only_the_principal_itself_retracts() -> None:
    said = event("override", 0, 1)
    foreign = event("override", 0, 1, principal="bob", event_id="e2", sequence=9, retracts=True)
    own = event("override", 0, 1, event_id="e2", sequence=2, retracts=True)

    assert list(fold([said, foreign]).current.values()) == [said]
    withdrawn = fold([said, foreign, own])
    assert (withdrawn.current, withdrawn.withdrawn) == ({}, 1)


def test_what_another_principal_said_stands_after_a_retraction() -> None:
    ann = event("override", 0, 1, sequence=2)
    bob = event("override", 1, 1, principal="bob", sequence=1)
    retraction = event("override", 0, 1, event_id="e2", sequence=3, retracts=True)

    assert list(fold([ann, bob]).current.values()) == [ann]
    assert list(fold([ann, bob, retraction]).current.values()) == [bob]


def test_an_operator_settles_a_conflict_with_a_statement_of_its_own() -> None:
    ann, bob = event("override", 0, 1), event("override", 1, 1, principal="bob")
    operator = event("override", 1, 1, principal="operator", sequence=2)

    assert [conflict.principals for conflict in fold([ann, bob]).conflicts] == [("ann", "bob")]
    assert list(fold([ann, bob, operator]).current.values()) == [operator]


def test_a_row_without_a_principal_speaks_for_its_sender() -> None:
    old = {name: value for name, value in event("receipt", 0, 1).items() if name != "principal"}
    assert [topic[2] for topic in fold([old]).current] == ["queue"]


def test_a_kind_that_is_not_known_is_an_error_and_no_other_kind() -> None:
    with pytest.raises(ValueError, match="'gossip' is not a valid FeedbackKind"):
        fold([{**event("override", 0, 1), "kind": "gossip"}])
