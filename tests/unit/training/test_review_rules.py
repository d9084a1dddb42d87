"""Who may judge a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from assembly_line.errors import Conflict, NotPermitted
from assembly_line.training.review import decide, independent

ANNA = "arn:aws:sts::111122223333:assumed-role/Scientist/anna"
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
        "packet": {},
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
