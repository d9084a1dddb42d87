"""The route of champions: let a run that was approved before decide again, in place of the one that does."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.errors import Conflict
from assembly_line.requests import RollbackRequest
from assembly_line.training.champions import Champion, Restoration, restored, same_restoration, sent_back
from assembly_line.training.review import check_permitted
from lambdas.api.incoming import body_of, principal_of
from lambdas.api.responses import answer
from lambdas.api.stores import stores

ROUTES = ["POST /lines/{line}/champion"]
SHOWN = ("run_id", "line", "promoted_at", "author", "reviewer", "restored")

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/champion")
def roll_back(line: str) -> Response[str]:
    """Let the named run decide again. Asking the same again is harmless, and does what did not come about."""
    principal = principal_of(router.current_event)
    request = RollbackRequest.parse(body_of(router.current_event))
    control = stores().control
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
    _take_effect(line, current, wanted, request)
    logger.info("champion restored", extra={"line": line, "run_id": request.run_id})
    shown = current.to_json()
    return answer(HTTPStatus.OK, {name: shown[name] for name in SHOWN})


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


def _take_effect(line: str, champion: Champion, wanted: Restoration, request: RollbackRequest) -> None:
    """In the registry, and on the bus: the run that decided is sent back."""
    registry, environment = stores().registry(line), stores().environment
    gone = stores().control.approved(line, request.replaces)
    registry.decide(champion.model_package_arn, approved=True, reason=f"decides again: {request.reason}")
    registry.decide(gone.model_package_arn, approved=False, reason=f"rolled back: {request.reason}")
    stores().bus.announce(
        sent_back(champion, wanted, environment=environment.assembly_environment, account=environment.account_id)
    )
