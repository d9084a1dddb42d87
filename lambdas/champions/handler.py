"""The only writer of the table of champions: a run decides because of a review, or again because of a rollback.

Whoever asks is believed neither about the review nor about the run that decides now: both are read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, assert_never

import boto3
from aws_lambda_powertools import Logger

from assembly_line.environments import ChampionsEnvironment
from assembly_line.errors import Conflict, NotFound, NotPermitted
from assembly_line.names import ControlKey, approved_item
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.training.champions import Cause, Restoration, restored, same_restoration
from assembly_line.training.review import DECIDED, check_permitted, is_approval

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="champions")


@cache
def control() -> ControlTable:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = ChampionsEnvironment.from_process()
    return ControlTable(boto3.client("dynamodb"), environment.control_table, environment.champion_table)


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Let a run decide for a line.

    Args:
        event: `cause`, `line` and `principal`; of a review also the `champion` that the run would be, of a rollback the
            `run_id`, the run that it `replaces`, and the `reason`.
    """
    cause, line, principal = Cause(event["cause"]), event["line"], event["principal"]
    answer: dict[str, Any]
    match cause:
        case Cause.REVIEW:
            decides = _promote(line, event["champion"], principal)
            run_id, answer = event["champion"]["run_id"], {"champion": decides}
        case Cause.ROLLBACK:
            wanted = Restoration(by=principal, reason=event["reason"], replaced=event["replaces"])
            run_id, answer = event["run_id"], {"champion": _restore(line, event["run_id"], wanted)}
        case _:
            assert_never(cause)
    logger.info("champion asked for", extra={"line": line, "run_id": run_id, "cause": cause, "principal": principal})
    return answer


def _promote(line: str, champion: Mapping[str, Any], principal: str) -> bool:
    """Whether the run decides now. One that was promoted after it stands; repeating it changes nothing."""
    review = control().review(line, champion["run_id"])
    if review["state"] != DECIDED or not is_approval(review["decision"]):
        raise NotPermitted(f"run {champion['run_id']} (line {line}): no review approved it; `line review approve` does")
    check_permitted(review, reviewer=principal, decision=review["decision"])
    said = (champion["line"], champion["reviewer"], champion["author"], champion["promoted_at"])
    known = (line, review["reviewer"], review["author"], review["decided_at"])
    if principal != review["reviewer"] or said != known:
        raise NotPermitted(f"run {champion['run_id']} (line {line}): asked for {said}, its review says {known}")
    try:
        deciding = control().champion(line)["run_id"]
    except NotFound:
        deciding = None
    return control().promote(line, {**champion, "replaces": deciding})


def _restore(line: str, run_id: str, wanted: Restoration) -> dict[str, Any]:
    """The champion, which the named run is again. Asking the same again is harmless."""
    current = control().champion(line)
    if same_restoration(current, run_id, wanted):
        return current
    _require_replaced(line, current["run_id"], run_id, wanted)
    target = control().approved(line, run_id)
    check_permitted(control().review(line, run_id), reviewer=wanted.by, decision="approve")
    champion = restored(target, wanted)
    # Kept since its approval, unless that was under an earlier version of the product.
    control().add(line, approved_item(current["run_id"]), current)
    if not control().replace(line, ControlKey.CHAMPION, champion, known=current):
        raise Conflict(_changed(line, wanted))
    return champion


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
