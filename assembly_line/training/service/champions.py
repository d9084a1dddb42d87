"""Which run decides for a line, and letting another one decide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict, NotFound, NotPermitted
from assembly_line.training.champions import Cause, Champion, Restoration, restored, same_restoration, sent_back
from assembly_line.training.review import DECIDED, check_judgements, check_permitted, is_approval

if TYPE_CHECKING:
    from assembly_line.requests import RollbackRequest
    from assembly_line.storage import Account

SHOWN = ("run_id", "promoted_at", "author", "reviewer", "restored", "replaces", "metrics")


def champion_and_approved(account: Account, line: str) -> dict[str, Any]:
    """The champion, and every run that was approved, the latest first.

    Raises:
        NotFound: no run was approved yet.
    """
    champion = account.control.champion(line)
    approved = [_shown(run) for run in account.control.approvals(line)]
    return {"line": line, "champion": _shown(champion), "approved": approved}


def rolled_back(
    account: Account, line: str, request: RollbackRequest, *, principal: str, account_id: str, function: str
) -> Champion:
    """Let the named run decide again; the champion as it is then. Asking the same again does what did not come about.

    Args:
        function: the one that alone writes who decides.

    Raises:
        NotFound: there is no champion, or the run was never approved.
        Conflict: the run decides already, or another one took over meanwhile.
        NotPermitted: the principal is the author of the run.
    """
    asked = {"cause": Cause.ROLLBACK, "line": line, "principal": principal, **request.model_dump()}
    champion = Champion.from_json(account.functions.call(function, asked)["champion"])
    wanted = Restoration(by=principal, reason=request.reason, replaced=request.replaces)
    registry, gone = account.registry(line), account.control.approved(line, request.replaces)
    registry.decide(champion.model_package_arn, approved=True, reason=f"decides again: {request.reason}")
    registry.decide(gone.model_package_arn, approved=False, reason=f"rolled back: {request.reason}")
    account.event_bus.announce(sent_back(champion, wanted, environment=account.environment, account=account_id))
    return champion


def let_decide(account: Account, line: str, champion: Champion, *, principal: str) -> bool:
    """Whether an approved run decides now. One that was promoted after it stands; repeating it changes nothing.

    Raises:
        NotPermitted: no review approved the run, or it says something else than the champion does.
    """
    control, run_id = account.control, champion.run_id
    review = control.review(line, run_id)
    if review["state"] != DECIDED or not is_approval(review["decision"]):
        raise NotPermitted(f"run {run_id} (line {line}): no review approved it; `line review approve` does")
    check_permitted(review, reviewer=principal, decision=review["decision"])
    check_judgements(review)
    said = (champion.line, champion.reviewer, champion.author, champion.promoted_at)
    known = (line, review["reviewer"], review["author"], review["decided_at"])
    if principal != review["reviewer"] or said != known:
        raise NotPermitted(f"run {run_id} (line {line}): asked for {said}, its review says {known}")
    try:
        deciding = control.champion(line).run_id
    except NotFound:
        deciding = None
    return control.promote(line, replace(champion, replaces=deciding))


def let_decide_again(account: Account, line: str, run_id: str, wanted: Restoration) -> Champion:
    """The champion, which the named run is again. Asking the same again is harmless.

    Raises:
        NotFound: there is no champion, or the run was never approved.
        Conflict: the run decides already, another one took over meanwhile, or the packet is not the one judged.
        NotPermitted: the caller is the author of the run, or its review does not hold any more.
    """
    control = account.control
    current = control.champion(line)
    if same_restoration(current, run_id, wanted):
        return current
    _require_replaced(line, current.run_id, run_id, wanted)
    target = control.approved(line, run_id)
    review = control.review(line, run_id)
    check_permitted(review, reviewer=wanted.by, decision="approve")
    check_judgements(review)
    champion = restored(target, wanted)
    if not control.restore(line, champion, known=current):
        raise Conflict(_changed(line, wanted))
    return champion


def _shown(run: Champion) -> dict[str, Any]:
    document = run.to_json()
    return {name: document[name] for name in SHOWN}


def _require_replaced(line: str, deciding: str, run_id: str, wanted: Restoration) -> None:
    if deciding == run_id:
        raise Conflict(f"run {run_id} decides for line {line} already; `line champion show {line}` says since when")
    if deciding != wanted.replaced:
        raise Conflict(_changed(line, wanted))


def _changed(line: str, wanted: Restoration) -> str:
    return (
        f"run {wanted.replaced} does not decide for line {line} any more: another run took its place meanwhile; "
        f"look at `line champion show {line}` and decide anew"
    )
