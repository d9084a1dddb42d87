"""Who may judge a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from assembly_line.canonical import digest
from assembly_line.errors import Conflict, NotPermitted
from assembly_line.training.review import check_judgements, decide, independent

ANNA = "arn:aws:sts::111122223333:assumed-role/Scientist/anna"
CARL = "arn:aws:sts::111122223333:assumed-role/Reviewer/carl"
PACKET = {"run_id": "r1", "metrics": {"auc": 0.8}}
BEN = "arn:aws:sts::111122223333:assumed-role/Reviewer/ben"


def waiting(**changes: Any) -> dict[str, Any]:
    review = {
        "state": "waiting",
        "line": "churn",
        "run_id": "r1",
        "author": ANNA,
        "author_verified": True,
        "risk": "standard",
        "token": "secret",
        "packet": PACKET,
        "packet_digest": digest(PACKET),
    }
    return {**review, **changes}


def test_another_person_decides_and_the_judgement_keeps_who_when_and_why() -> None:
    decided = decide(
        waiting(), reviewer=BEN, decision="approve", reason="beats the rule", at=datetime(2017, 7, 2, tzinfo=UTC)
    )

    assert (decided["state"], decided["decision"], decided["reviewer"]) == ("decided", "approve", BEN)
    assert (decided["reason"], decided["decided_at"]) == ("beats the rule", "2017-07-02T00:00:00.000000Z")
    assert decided["author"] == ANNA


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize(
    "reviewer",
    [
        ANNA,
        "arn:aws:sts::111122223333:assumed-role/Reviewer/anna",
        "arn:aws:sts::111122223333:assumed-role/Reviewer/Anna",
        "arn:aws:iam::111122223333:user/anna",
    ],
)
def test_the_author_does_not_judge_the_own_run_under_any_role(reviewer: str, decision: Any) -> None:
    with pytest.raises(NotPermitted, match=r"is the author.*`--as reviewer`"):
        decide(waiting(), reviewer=reviewer, decision=decision, reason="mine")


def test_two_people_in_one_role_are_two_people() -> None:
    assert independent(ANNA, "arn:aws:sts::111122223333:assumed-role/Scientist/ben")
    assert not independent("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root")


def test_the_low_tier_lets_the_author_approve_even_unverified() -> None:
    assert decide(waiting(risk="low"), reviewer=ANNA, decision="approve", reason="fine")["decision"] == "approve"
    unverified = waiting(risk="low", author="unverified", author_verified=False)
    assert decide(unverified, reviewer=ANNA, decision="approve", reason="fine")["decision"] == "approve"


def test_an_unverified_author_can_be_rejected_but_not_approved() -> None:
    unverified = waiting(author="unverified", author_verified=False)

    with pytest.raises(NotPermitted, match=r"not verified.*`line train churn`"):
        decide(unverified, reviewer=BEN, decision="approve", reason="fine")
    assert decide(unverified, reviewer=BEN, decision="reject", reason="who?")["decision"] == "reject"


def test_a_risk_tier_that_nobody_knows_permits_nothing() -> None:
    for decision in ("approve", "reject"):
        with pytest.raises(AssertionError, match="medium"):
            decide(waiting(risk="medium"), reviewer=BEN, decision=decision, reason="looks fine")


def test_the_first_judgement_stands() -> None:
    decided = decide(waiting(), reviewer=BEN, decision="reject", reason="too few rows")

    with pytest.raises(Conflict, match=r"decided already: reject by .*ben"):
        decide(decided, reviewer="arn:aws:iam::111122223333:user/carl", decision="approve", reason="but")


def test_a_judgement_names_the_packet_that_was_judged() -> None:
    for said in (None, digest(PACKET)):
        decided = decide(waiting(), reviewer=BEN, decision="approve", reason="beats the rule", packet=said)
        (judgement,) = decided["judgements"]
        assert judgement["packet"] == digest(PACKET)
        assert (judgement["reviewer"], judgement["reason"]) == (BEN, "beats the rule")
        check_judgements(decided)


def test_a_packet_that_was_altered_or_not_read_is_not_judged() -> None:
    better = {**PACKET, "metrics": {"auc": 0.9}}

    for altered, said in ((better, None), (better, digest(PACKET)), (PACKET, digest(better))):
        with pytest.raises(Conflict, match="read it again with `line review show churn r1`"):
            decide(waiting(packet=altered), reviewer=BEN, decision="approve", reason="fine", packet=said)
    decided = decide(waiting(), reviewer=BEN, decision="approve", reason="fine")
    with pytest.raises(Conflict, match="its packet has the digest"):
        check_judgements({**decided, "packet": better})
    # Whoever alters the packet with its digest is caught by the judgement.
    with pytest.raises(Conflict, match="was judged"):
        check_judgements({**decided, "packet": better, "packet_digest": digest(better)})


def test_reviews_of_an_earlier_version_are_judged_and_take_effect() -> None:
    old = {name: value for name, value in waiting().items() if name != "packet_digest"}
    decided = decide(old, reviewer=BEN, decision="approve", reason="fine")

    check_judgements(decided)
    check_judgements({name: value for name, value in decided.items() if name != "judgements"})


def test_the_high_tier_needs_two_people_and_neither_is_the_author() -> None:
    first = decide(waiting(risk="high"), reviewer=BEN, decision="approve", reason="fine")

    assert (first["state"], first.get("decision")) == ("waiting", None)
    for same in (BEN, "arn:aws:sts::111122223333:assumed-role/Operator/Ben"):
        with pytest.raises(NotPermitted, match=r"risk tier high.*who judged it already; another person must"):
            decide(first, reviewer=same, decision="approve", reason="fine")
    with pytest.raises(NotPermitted, match="is the author"):
        decide(first, reviewer=ANNA, decision="approve", reason="fine")
    second = decide(first, reviewer=CARL, decision="approve", reason="fine, too")
    assert (second["state"], second["decision"], second["reviewer"]) == ("decided", "approve", CARL)
    assert [one["reviewer"] for one in second["judgements"]] == [BEN, CARL]
    check_judgements(second)


def test_one_rejection_decides_under_the_high_tier() -> None:
    first = decide(waiting(risk="high"), reviewer=BEN, decision="approve", reason="fine")

    for before in (waiting(risk="high"), first):
        decided = decide(before, reviewer=CARL, decision="reject", reason="too few rows")
        assert (decided["state"], decided["decision"]) == ("decided", "reject")
        check_judgements(decided)


def test_an_approval_of_one_that_slipped_into_the_table_has_no_effect_under_the_high_tier() -> None:
    one = decide(waiting(), reviewer=BEN, decision="approve", reason="fine") | {"risk": "high"}
    twice = {**one, "judgements": one["judgements"] * 2}

    with pytest.raises(NotPermitted, match="1 of 2 reviewers judged it"):
        check_judgements(one)
    with pytest.raises(NotPermitted, match="who judged it already"):
        check_judgements(twice)
