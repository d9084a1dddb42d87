"""Who may judge a run, and what the judgement becomes: an author does not approve the own work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, assert_never

from assembly_line.errors import Conflict, NotPermitted
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import RiskTier

UNVERIFIED = "unverified"
WAITING = "waiting"
DECIDED = "decided"

Judgement = Literal["approve", "reject"]


def decide(
    review_item: Mapping[str, Any],
    *,
    reviewer: str,
    decision: Judgement,
    reason: str,
    at: datetime | None = None,
) -> dict[str, Any]:
    """The decided review, to be stored in place of the waiting one.

    Args:
        review_item: the waiting review, as `request` of lambdas/review stored it.
        reviewer: ARN of the authenticated caller.
        decision: approve or reject.
        reason: what the reviewer says, kept as it is.
        at: when; now if left out.

    Raises:
        Conflict: the review is decided already; the first judgement stands.
        NotPermitted: the risk tier asks for an independent reviewer and this one is not.
    """
    run_id, line = review_item["run_id"], review_item["line"]
    if review_item["state"] != WAITING:
        again = f'; `line champion rollback {line} --to {run_id} --reason "..." --as reviewer` lets it decide again'
        raise Conflict(
            f"review of run {run_id} (line {line}): decided already: {review_item.get('decision')} by "
            f"{review_item.get('reviewer')}; the first judgement stands; train again with `line train {line}`"
            f"{again if review_item.get('decision') == decision == 'approve' else ''}"
        )
    check_permitted(review_item, reviewer=reviewer, decision=decision)
    return {
        **review_item,
        "state": DECIDED,
        "decision": decision,
        "reviewer": reviewer,
        "reason": reason,
        "decided_at": format_instant(at or datetime.now(UTC)),
    }


def is_approval(decision: Judgement) -> bool:
    """Whether the run may decide; a stored judgement of any other word is no rejection either."""
    match decision:
        case "approve":
            return True
        case "reject":
            return False
        case _:
            assert_never(decision)


def check_permitted(review_item: Mapping[str, Any], *, reviewer: str, decision: Judgement) -> None:
    """Hold the independence rule of the line's risk tier.

    Under `low` anyone with the reviewer's permission judges, the author included. Under `standard` the author does not
    judge the own run; and a run whose author is not verified can be rejected but not approved, because nobody could
    prove that the reviewer is another person.

    Raises:
        NotPermitted: says who is who and what to do.
    """
    run_id, line, author = review_item["run_id"], review_item["line"], review_item["author"]
    place = f"review of run {run_id} (line {line}, risk tier {review_item['risk']})"
    risk: RiskTier = review_item["risk"]
    match risk:
        case "low":
            return
        case "standard":
            pass
        case _:
            assert_never(risk)
    if not review_item["author_verified"]:
        if decision == "approve":
            raise NotPermitted(
                f"{place}: its author is not verified, so no reviewer's independence can be proven; reject it, and "
                f"start the run anew with `line train {line}`, which records who asked for it"
            )
        return
    if not independent(author, reviewer):
        raise NotPermitted(
            f"{place}: {reviewer} is the author ({author}) or carries the author's name; "
            "another person must do it, signed in as another identity; in the embedded AWS `--as reviewer` is one"
        )


def independent(author: str, reviewer: str) -> bool:
    """Whether two ARNs are two people: neither the same principal nor the same name in another role.

    A person keeps the session name (or the user name) when assuming another role, so equal last parts count as one
    person. Message case does not make a second one.
    """
    return author.casefold() != reviewer.casefold() and _person(author) != _person(reviewer)


def _person(arn: str) -> str:
    """`anna` of `arn:aws:sts::111122223333:assumed-role/Scientist/anna`; without a slash the whole ARN."""
    return arn.rsplit("/", 1)[-1].strip().casefold()
