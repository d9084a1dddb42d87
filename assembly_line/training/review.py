"""Who may judge a run, and what the judgement becomes: an author does not approve the own work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, assert_never

from assembly_line.canonical import digest
from assembly_line.errors import Conflict, NotPermitted
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import RiskTier

UNVERIFIED = "unverified"
WAITING = "waiting"
DECIDED = "decided"
# Nobody can approve a run that ended before its review.
NOT_PASSED = "did_not_pass"
# State of a run without a judgement whose execution is forgotten: Step Functions keeps those that ended for 90 days.
UNKNOWN = "unknown"

# State of a run whose files have gone.
EXPIRED = "expired"

Judgement = Literal["approve", "reject"]


def decide(
    review_item: Mapping[str, Any],
    *,
    reviewer: str,
    decision: Judgement,
    reason: str,
    packet: str | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    """The review after a judgement, to be stored in place of the waiting one.

    Under the risk tier `high` it goes on waiting after the first approval. One rejection decides.

    Args:
        review_item: the waiting review, as `request` of lambdas/review stored it.
        reviewer: ARN of the authenticated caller.
        decision: approve or reject.
        reason: what the reviewer says, kept as it is.
        packet: the digest of the packet that the reviewer read; None for the one that is stored.
        at: when; now if left out.

    Raises:
        Conflict: the review is decided already, and the first judgement stands; or its packet is another one.
        NotPermitted: the risk tier asks for an independent reviewer and this one is not.
    """
    run_id, line = review_item["run_id"], review_item["line"]
    if review_item["state"] == NOT_PASSED:
        raise Conflict(
            f"review of run {run_id} (line {line}): the run did not pass its validation, so there is nothing to judge; "
            f"`line review show {line} {run_id}` says which limits it missed"
        )
    if review_item["state"] != WAITING:
        again = f'; `line champion rollback {line} --to {run_id} --reason "..." --as reviewer` lets it decide again'
        raise Conflict(
            f"review of run {run_id} (line {line}): decided already: {review_item.get('decision')} by "
            f"{review_item.get('reviewer')}; the first judgement stands; train again with `line train {line}`"
            f"{again if review_item.get('decision') == decision == 'approve' else ''}"
        )
    check_permitted(review_item, reviewer=reviewer, decision=decision)
    _check_first(review_item, reviewer)
    judgement = {
        "decision": decision,
        "reviewer": reviewer,
        "reason": reason,
        "decided_at": format_instant(at or datetime.now(UTC)),
        "packet": check_packet(review_item, said=packet),
    }
    judgements = [*review_item.get("judgements", ()), judgement]
    if is_approval(decision) and len(judgements) < approvals_needed(review_item["risk"]):
        return {**review_item, "judgements": judgements}
    said = {name: judgement[name] for name in ("decision", "reviewer", "reason", "decided_at")}
    return {**review_item, "state": DECIDED, **said, "judgements": judgements}


def approvals_needed(risk: RiskTier) -> int:
    """How many different people have to approve."""
    return 2 if risk == "high" else 1


def _check_first(review_item: Mapping[str, Any], reviewer: str) -> None:
    """Refuse a second judgement of one person.

    Raises:
        NotPermitted: the reviewer has judged the run already.
    """
    for one in review_item.get("judgements", ()):
        if not independent(one["reviewer"], reviewer):
            raise NotPermitted(
                f"review of run {review_item['run_id']} (line {review_item['line']}, risk tier {review_item['risk']}): "
                f"{reviewer} is or carries the name of {one['reviewer']}, who judged it already; another person must"
            )


def check_judgements(review_item: Mapping[str, Any]) -> None:
    """Hold every rule once more over a decided review, whoever wrote it: who judged, how many, and which packet.

    Raises:
        NotPermitted: somebody judged who may not, or too few approved.
        Conflict: the packet is not the one that was judged.
    """
    # Reviews that an earlier version decided have one judgement, which is their own.
    judgements = review_item.get("judgements") or [{**review_item, "packet": check_packet(review_item)}]
    for number, one in enumerate(judgements):
        check_permitted(review_item, reviewer=one["reviewer"], decision=one["decision"])
        _check_first({**review_item, "judgements": judgements[:number]}, one["reviewer"])
        check_packet(review_item, said=one["packet"])
    needed, last = approvals_needed(review_item["risk"]), judgements[-1]
    decided = (last["reviewer"], last["decision"]) == (review_item["reviewer"], review_item["decision"])
    if not decided or (is_approval(last["decision"]) and len(judgements) < needed):
        raise NotPermitted(
            f"review of run {review_item['run_id']} (line {review_item['line']}, risk tier {review_item['risk']}): "
            f"{len(judgements)} of {needed} reviewers judged it; it is decided with `line review`"
        )


def _digest_of(packet: Mapping[str, Any]) -> str:
    try:
        return digest(packet)
    except ValueError:  # a number that no packet has
        return "of something that the line did not write"


def check_packet(review_item: Mapping[str, Any], *, said: str | None = None) -> str:
    """The digest of the packet, which is the one that was laid before the reviewers.

    Args:
        review_item: the review.
        said: the digest that a reviewer names; None for the stored one.

    Raises:
        Conflict: the packet was altered since, or the reviewer read another one.
    """
    run_id, line, found = review_item["run_id"], review_item["line"], _digest_of(review_item["packet"])
    # Reviews that an earlier version opened have none.
    stored = review_item.get("packet_digest", found)
    for named, of in ((stored, "was laid before the reviewers"), (said or found, "was judged")):
        if named != found:
            raise Conflict(
                f"review of run {run_id} (line {line}): its packet has the digest {found}, and {named} {of}; read it "
                f"again with `line review show {line} {run_id}`, or train anew with `line train {line}`"
            )
    return found


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
    prove that the reviewer is another person. Under `high` the same holds for each of two reviewers.

    Raises:
        NotPermitted: says who is who and what to do.
    """
    run_id, line, author = review_item["run_id"], review_item["line"], review_item["author"]
    place = f"review of run {run_id} (line {line}, risk tier {review_item['risk']})"
    risk: RiskTier = review_item["risk"]
    match risk:
        case "low":
            return
        case "standard" | "high":
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
