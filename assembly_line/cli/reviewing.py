"""Training runs from the terminal, through the API: started, waited for, decided, and let decide again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.waiting import Show, require_success, wait
from assembly_line.errors import NotFound, RunFailed
from assembly_line.names import ControlKey, review_item
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import RUNNING, execution_arn
from assembly_line.training import NOT_PASSED, WAITING

if TYPE_CHECKING:
    from assembly_line.cli.target import Target
    from assembly_line.requests import TrainingRequest

SECRET = "token"  # noqa: S105 - the name of a member that is never shown


def start(target: Target, request: TrainingRequest, role: str | None) -> dict[str, Any]:
    """Start a run through the API, so that its author is known.

    Raises:
        NotFound: the line was never released, or the lake lacks a source of it.
    """
    from assembly_line.features import require_loaded

    content, api = request.to_json(), target.api(role)
    line = content.pop("line")
    require_loaded(target, line)
    return api.start_training(line, content)


def wait_until_review(target: Target, line: str, started: Mapping[str, Any], show: Show) -> dict[str, Any]:
    """Wait until the run waits for its review (or is over), and return that review.

    Raises:
        RunFailed: the run ended without one, or did not pass.
    """
    run_id, control = started["run_id"], target.control

    def waiting() -> bool:
        return control.read(line, review_item(run_id)) is not None

    found = wait(target, started["execution_arn"], show=show, until=waiting)
    if found.status != RUNNING:
        require_success(found)
    review = control.read(line, review_item(run_id))
    if review is None:
        raise RunFailed(f"run {run_id} ended without a review; `line logs {run_id}` shows more")
    if review["state"] == NOT_PASSED:
        raise RunFailed(
            f"run {run_id} did not pass: {' '.join(review['packet']['blocked'])} `line review show {line} {run_id}` "
            "shows all of its figures"
        )
    return {name: value for name, value in review.items() if name != SECRET}


def wait_until_replicated(target: Target, line: str, started: Mapping[str, Any], show: Show) -> dict[str, Any]:
    """Wait until a run that repeats another one has ended, and return how far the two give the same.

    Raises:
        RunFailed: it failed, or does not replicate.
    """
    from assembly_line.training import not_replicated, record_of

    run_id = started["run_id"]
    require_success(wait(target, started["execution_arn"], show=show))
    found: dict[str, Any] = record_of(target, line, run_id)["validation"]["replication"]
    if not found["replicated"]:
        raise RunFailed(f"{not_replicated(found)} `line runs compare {line} RUN {run_id}` shows all that differs")
    return found


def judge(
    target: Target,
    line: str,
    run_id: str,
    *,
    decision: str,
    reason: str,
    packet: str | None = None,
    role: str | None,
    show: Show,
) -> dict[str, Any]:
    """Record the judgement, then wait until the run has drawn its conclusion.

    An approval that needs another one waits for nothing.

    Args:
        packet: the digest of the packet that was judged; None for the stored one.

    Raises:
        NotPermitted: the reviewer is the author.
        Conflict: it was decided before, or its packet is another one.
        RunFailed: the run failed after the decision.
    """
    from assembly_line.requests import ReviewRequest

    given = {"decision": decision, "reason": reason} | ({} if packet is None else {"packet": packet})
    judged = ReviewRequest.parse(given)
    api = target.api(role)
    read = judged.packet or api.review(line, run_id).get("packet_digest")
    answer = api.decide(line, run_id, decision=judged.decision, reason=judged.reason, packet=read)
    if answer["state"] == WAITING:
        last = answer["judgements"][-1]
        said = {
            "decision": last["decision"],
            "author": answer["author"],
            **{n: last[n] for n in ("reviewer", "reason")},
        }
        return {"run_id": run_id, **said, "packet": last["packet"], "champion": None, "waits": answer["execution"]}
    arn = execution_arn(target.named(TRAINING_RUN.parameter), run_id)
    require_success(wait(target, arn, show=show))
    review = target.control.review(line, run_id)
    deciding = target.control.read(line, ControlKey.CHAMPION) or {}
    said = {name: review[name] for name in ("decision", "author", "reviewer", "reason")}
    return {"run_id": run_id, **said, "packet": review.get("packet_digest"), "champion": deciding.get("run_id")}


def roll_back(target: Target, line: str, *, to: str | None, reason: str, role: str | None) -> dict[str, Any]:
    """Let a run decide again.

    Args:
        to: an approved run; None for the one that the champion took over from.

    Raises:
        NotFound: there is no champion, it took over from none, or `to` was never approved.
        Conflict: the run decides already, or another one took over meanwhile.
        NotPermitted: the caller is the author of the run.
    """
    champion = target.control.champion(line)
    before = to or champion.replaces
    if before is None:
        raise NotFound(
            f"line {line!r}: run {champion.run_id} is the first that was approved, so there is none to go back to; "
            "`line champion show` lists the approved runs, `line train` makes another"
        )
    given = {"run_id": before, "replaces": champion.run_id, "reason": reason}
    from assembly_line.requests import RollbackRequest

    request = RollbackRequest.parse(given)
    return target.api(role).roll_back(line, run_id=request.run_id, replaces=request.replaces, reason=request.reason)
