"""Which run decides for a line, and letting an earlier one decide again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict
from assembly_line.training.champions import Champion, Restoration, restored, same_restoration, sent_back
from assembly_line.training.review import check_permitted

if TYPE_CHECKING:
    from assembly_line.requests import RollbackRequest
    from assembly_line.storage.account import Account

SHOWN = ("run_id", "promoted_at", "author", "reviewer", "restored", "replaces", "metrics")


def found(account: Account, line: str) -> dict[str, Any]:
    """The champion, and every run that was approved, the latest first.

    Raises:
        NotFound: no run was approved yet.
    """
    champion = account.control.champion(line)
    approved = [_shown(run) for run in account.control.approvals(line)]
    return {"line": line, "champion": _shown(champion), "approved": approved}


def rolled_back(account: Account, line: str, request: RollbackRequest, *, principal: str, account_id: str) -> Champion:
    """Let the named run decide again; the champion as it is then. Asking the same again does what did not come about.

    Raises:
        NotFound: there is no champion, or the run was never approved.
        Conflict: the run decides already, or another one took over meanwhile.
        NotPermitted: the principal is the author of the run.
    """
    control = account.control
    current = control.champion(line)
    wanted = Restoration(by=principal, reason=request.reason, replaced=request.replaces)
    if not same_restoration(current, request.run_id, wanted):
        _require_replaced(line, current.run_id, request)
        target = control.approved(line, request.run_id)
        check_permitted(control.review(line, request.run_id), reviewer=principal, decision="approve")
        champion = restored(target, wanted)
        if not control.restore(line, champion, known=current):
            raise Conflict(_changed(line, request))
        current = champion
    _take_effect(account, line, current, wanted, account_id)
    return current


def _shown(run: Champion) -> dict[str, Any]:
    document = run.to_json()
    return {name: document[name] for name in SHOWN}


def _require_replaced(line: str, deciding: str, request: RollbackRequest) -> None:
    if deciding == request.run_id:
        raise Conflict(
            f"run {request.run_id} decides for line {line} already; `line champion show {line}` says since when"
        )
    if deciding != request.replaces:
        raise Conflict(_changed(line, request))


def _changed(line: str, request: RollbackRequest) -> str:
    return (
        f"run {request.replaces} does not decide for line {line} any more: another run took its place meanwhile; "
        f"look at `line champion show {line}` and decide anew"
    )


def _take_effect(account: Account, line: str, champion: Champion, wanted: Restoration, account_id: str) -> None:
    """In the registry, and on the bus: the run that decided is sent back."""
    registry = account.registry(line)
    gone = account.control.approved(line, wanted.replaced)
    registry.decide(champion.model_package_arn, approved=True, reason=f"decides again: {wanted.reason}")
    registry.decide(gone.model_package_arn, approved=False, reason=f"rolled back: {wanted.reason}")
    account.event_bus.announce(sent_back(champion, wanted, environment=account.environment, account=account_id))
