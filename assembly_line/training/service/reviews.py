"""Reviews of training runs: read, and decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict, NoLongerWaiting, NotFound
from assembly_line.names import RUNNING, approved_item
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import execution_arn
from assembly_line.training.review import WAITING, Judgement, decide

if TYPE_CHECKING:
    from assembly_line.requests import ReviewRequest
    from assembly_line.storage import Account

# Not the token: it is the right to answer the waiting execution.
SHOWN = (
    "run_id",
    "line",
    "state",
    "author",
    "author_verified",
    "risk",
    "packet",
    "packet_digest",
    "judgements",
    "opened_at",
    "times_out_at",
    "reminders",
)
# What an approval does of which one more is needed.
MORE = "waits for another reviewer"
# A judgement is decided anew on what another one, or a new token of the waiting task, left.
MOST_TRIES = 5
SHOWN_DECIDED = ("decision", "reviewer", "reason", "decided_at")


def listed(account: Account, line: str) -> list[dict[str, Any]]:
    """The reviews of a line, without what they judge by.

    Raises:
        NotFound: the line was never released.
    """
    account.control.current_release(line)
    reviews = account.control.reviews(line)
    return [{name: value for name, value in one.items() if name not in ("token", "packet")} for one in reviews]


def shown(review: Mapping[str, Any]) -> dict[str, Any]:
    """A review as others may see it."""
    return {name: review[name] for name in (*SHOWN, *SHOWN_DECIDED) if name in review}


def judged(account: Account, line: str, run_id: str, request: ReviewRequest, *, reviewer: str) -> dict[str, Any]:
    """Record a judgement and let the run that waits for it go on. The same judgement again is harmless.

    Raises:
        NotFound: there is no such review.
        NotPermitted: the reviewer may not judge this run.
        Conflict: it was decided otherwise before, an approval was overtaken since, or another packet was judged.
        NoLongerWaiting: the run has ended meanwhile; the judgement is kept.
    """
    for _ in range(MOST_TRIES):
        review = account.control.review(line, run_id)
        if _repeats(review, reviewer, request.decision):
            return _judged_again(account, review)
        decided = decide(
            review, reviewer=reviewer, decision=request.decision, reason=request.reason, packet=request.packet
        )
        if account.control.judge_review(line, run_id, decided, known=review):
            return _went_on(account, decided)
    raise Conflict(f"review of run {run_id} (line {line}): it changed meanwhile; read it, and send it again")


def _repeats(review: Mapping[str, Any], reviewer: str, decision: Judgement) -> bool:
    """Whether the reviewer has judged so before, and no one decided otherwise since."""
    said = [(one.get("reviewer"), one.get("decision")) for one in (review, *review.get("judgements", ()))]
    return (reviewer, decision) in said and review.get("decision", decision) == decision


def _judged_again(account: Account, review: Mapping[str, Any]) -> dict[str, Any]:
    if review["state"] == WAITING:
        return {**shown(review), "execution": MORE}
    _require_in_effect(account, review)
    return {**shown(review), "execution": "answered" if _answered(account, review) else "had its answer"}


def _went_on(account: Account, decided: Mapping[str, Any]) -> dict[str, Any]:
    if decided["state"] == WAITING:
        return {**shown(decided), "execution": MORE}
    # While reviewers are reminded the run waits with no token: it finds the judgement when it waits again.
    if not _answered(account, decided) and not _goes_on(account, decided["run_id"]):
        raise NoLongerWaiting(
            f"run {decided['run_id']} of line {decided['line']} no longer waits for a review: it was stopped, failed "
            f"or waited too long; the judgement is kept, and `line runs resume {decided['run_id']}` lets it take effect"
        )
    return {**shown(decided), "execution": "answered"}


def _goes_on(account: Account, run_id: str) -> bool:
    try:
        return account.machines.describe(execution_arn(account.named(TRAINING_RUN.parameter), run_id)).status == RUNNING
    except NotFound:
        return False


def _require_in_effect(account: Account, review: Mapping[str, Any]) -> None:
    """An approval that took effect and was overtaken since does nothing when it is sent again.

    Raises:
        Conflict: another run decides now.
    """
    line, run_id, control = review["line"], review["run_id"], account.control
    if control.read(line, approved_item(run_id)) is None:
        return
    deciding = control.champion(line).run_id
    if deciding != run_id:
        back = f'line champion rollback {line} --to {run_id} --reason "..." --as reviewer'
        raise Conflict(
            f"run {run_id} (line {line}) was approved at {review['decided_at']}, and run {deciding} decides now: "
            f"approving again changes nothing; `{back}` lets it decide again"
        )


def _answered(account: Account, review: Mapping[str, Any]) -> bool:
    judgement = {name: review[name] for name in ("decision", "reviewer", "reason")}
    return account.machines.answer(review["token"], judgement)
