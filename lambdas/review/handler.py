"""The review's two ends: a run begins to wait for a reviewer, and the judgement takes effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.canonical import digest
from assembly_line.environments import ReviewEnvironment
from assembly_line.errors import DecidedAlready, DeclarationError, NotFound, NotPermitted
from assembly_line.instants import format_instant, parse_instant
from assembly_line.names import review_item
from assembly_line.storage import runs
from assembly_line.training import (
    DECIDED,
    NOT_PASSED,
    WAITING,
    Before,
    Cause,
    Champion,
    EvaluatedModel,
    PackagedModel,
    RunContext,
    champion_of,
    check_judgements,
    is_approval,
    review_packet,
    says,
    subject_of,
    text_of,
)
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="review")


account = partial(account_of, ReviewEnvironment)


@logger.inject_lambda_context
def request(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Lay the run before its reviewers. The execution waits until the API answers its token.

    A run that missed a limit waits for nobody: its figures are kept where its reviewers would have found them.
    """
    run, evaluated = RunContext.from_json(event["context"]), EvaluatedModel.from_json(event["evaluated"])
    review = _review(run, event["dataset"]["dataset_id"])
    if evaluated.blocked:
        account().control.add(run.line, review_item(run.run_id), {**review, "state": NOT_PASSED})
        logger.info("run did not pass", extra={"line": run.line, "run_id": run.run_id})
        return {"decision": NOT_PASSED, "reason": " ".join(evaluated.blocked), "champion": False, "promotion": None}
    ends = parse_instant(review["opened_at"], field="opened_at") + timedelta(seconds=sum(run.review_waits))
    review |= {"state": WAITING, "token": event["task_token"], "times_out_at": format_instant(ends)}
    if not account().control.open_review(run.line, run.run_id, review):
        raise DecidedAlready(f"review of run {run.run_id} (line {run.line}): its judgement takes effect now")
    logger.info("review opened", extra={"line": run.line, "run_id": run.run_id})
    return {"state": WAITING}


def _review(run: RunContext, dataset_id: str) -> dict[str, Any]:
    record = account().run(run.line, run.run_id).read_json(runs.RECORD)
    manifest = account().datasets.manifest(run.line, dataset_id)
    line, champion = account().releases.read(run.release).line, _champion(run.line)
    packet = review_packet(record, manifest, line=line, champion=champion, before=_before(champion))
    return {
        "line": run.line,
        "run_id": run.run_id,
        "author": run.author,
        "author_verified": run.author_verified,
        "risk": line.risk,
        "packet": packet,
        "packet_digest": digest(packet),
        "opened_at": format_instant(datetime.now(UTC)),
    }


@logger.inject_lambda_context
def remind(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Tell who is to hear that a run still waits for its review, and keep that they were told.

    A review that somebody decided meanwhile reminds nobody. A line whose topic is gone fails no run.
    """
    run, kind = RunContext.from_json(event["context"]), event["kind"]
    review = account().control.review(run.line, run.run_id)
    known = review.get("reminders", [])
    if review["state"] != WAITING or kind in [one["kind"] for one in known]:
        return {"says": "the review was decided meanwhile" if review["state"] != WAITING else known[-1]["says"]}
    environment = ReviewEnvironment.from_process()
    topic = account().review_topic(run.line, account_id=environment.account_id)
    sent = topic.tell(kind, subject=subject_of(review, kind), text=text_of(review, kind))
    now = format_instant(datetime.now(UTC))
    told = {"kind": kind, "at": now, "sent": sent, "says": says(review, kind, at=now, sent=sent)}
    # If somebody judges it in this very moment, that judgement stands, and nobody needs the note.
    account().control.judge_review(run.line, run.run_id, {**review, "reminders": [*known, told]}, known=review)
    logger.info("reminded", extra={"line": run.line, "run_id": run.run_id, "kind": kind, "sent": sent})
    return {"says": told["says"]}


@logger.inject_lambda_context
def conclude(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Let the stored judgement take effect, and prepare that the run becomes champion.

    Not what the execution was told counts: the item is read again.
    """
    run, packaged = RunContext.from_json(event["context"]), PackagedModel.from_json(event["packaged"])
    evaluated = EvaluatedModel.from_json(event["evaluated"])
    review = account().control.review(run.line, run.run_id)
    if review["state"] != DECIDED:
        raise NotPermitted(
            f"review of run {run.run_id} (line {run.line}): nobody decided it; it is decided with `line review`, "
            "not by answering the execution"
        )
    approved = is_approval(review["decision"])
    check_judgements(review)
    account().registry(run.line).decide(evaluated.package_arn, approved=approved, reason=review["reason"])
    if not approved:
        account().registry(run.line).discard_model(packaged.model_name)
    promotion = _promotion(run, packaged, evaluated, review) if approved else None
    logger.info("review concluded", extra={"line": run.line, "run_id": run.run_id, "decision": review["decision"]})
    return {
        "decision": review["decision"],
        "reason": review["reason"],
        "champion": False,
        "promotion": promotion,
    }


def _promotion(
    run: RunContext, packaged: PackagedModel, evaluated: EvaluatedModel, review: Mapping[str, Any]
) -> dict[str, Any]:
    """What `lambdas/champions` is asked."""
    store = account().run(run.line, run.run_id)
    record, key = store.read_json(runs.RECORD), store.key(runs.ENCODING)
    champion = champion_of(record, packaged, evaluated, review, encoding_key=key)
    asked = {"cause": Cause.REVIEW, "line": run.line, "principal": review["reviewer"]}
    return {**asked, "champion": champion.to_json()}


def _champion(line: str) -> Champion | None:
    try:
        return account().control.champion(line)
    except NotFound:
        return None


def _before(champion: Champion | None) -> Before | None:
    """None where there is no champion, or its record is gone."""
    if champion is None:
        return None
    try:
        record = account().run(champion.line, champion.run_id).read_json(runs.RECORD)
    except NotFound:
        return None
    try:
        return Before(record, account().releases.read(champion.release).line)
    except (NotFound, DeclarationError):  # gone, or of a version that declared otherwise
        return Before(record, None)
