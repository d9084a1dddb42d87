"""The scoring machine's steps: begin, prepare, publish, deliver."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_lambda_powertools import Logger

from assembly_line.decision_ids import day_of
from assembly_line.declarations.images import image_of
from assembly_line.declarations.instance_types import local_storage_gb
from assembly_line.delivery import (
    SNS,
    ComposedBatch,
    DeliveryRecord,
    OutboundMessage,
    ScoringContext,
    SpineRow,
    check_answers,
    compose,
    require_same_question,
    require_worth_acting,
)
from assembly_line.delivery import account as accounted
from assembly_line.delivery import begin as begin_run
from assembly_line.environments import ScoringEnvironment
from assembly_line.errors import ScoringFailed
from assembly_line.features import inputs_from_json, read_columns, schema_of
from assembly_line.instants import format_instant, from_micros, parse_instant
from assembly_line.names import LedgerKind, job_name, require_run_name
from assembly_line.outcome_kinds import Forecast
from assembly_line.requests import ScoringRequest
from assembly_line.storage import Deliveries, runs
from assembly_line.training import scoring_plan
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


logger = Logger(service="scoring")


account = partial(account_of, ScoringEnvironment)


@logger.inject_lambda_context
def begin(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the request, and settle release, champion and the run's place on the business clock."""
    require_run_name(event["run_id"])
    request = ScoringRequest.parse(event["input"])
    started_at = parse_instant(event["started_at"], field="started_at")
    control = account().control
    release = control.current_release(request.line)
    champion = control.champion(request.line)
    asked = control.run(request.line, event["run_id"])
    standing = account().scored_periods.standing(request, champion, now=started_at, run_id=event["run_id"])
    standing.require_asked(request)
    line = account().releases.read(release).line
    require_worth_acting(request, instant=standing.instant, expires_after=line.policy.expires_after)
    require_same_question(line, champion, account().releases.read(champion.release).line)
    run = begin_run(
        request,
        run_id=event["run_id"],
        release=release,
        champion=champion,
        started_at=started_at,
        principal=asked["author"] if asked else None,
        standing=standing,
    )
    clock = {"instant": format_instant(run.instant), "backfill": list(run.backfill), "withheld": run.withheld}
    logger.info("scoring begins", extra={"line": run.line, "run_id": run.run_id, "model": run.champion.run_id, **clock})
    return run.to_json()


@logger.inject_lambda_context
def prepare(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Write what the model is asked; refuse a model whose archive is not the one that was approved."""
    run = ScoringContext.from_json(event["context"])
    store = account().store
    encoding = inputs_from_json(store.read_json(run.champion.encoding_key))
    files = account().scoring_run(run.line, run.run_id)
    with TemporaryDirectory() as folder:
        _check_archive(run, Path(folder))
        table = _download(event["dataset"], ["decision_id", *encoding.features], Path(folder))
    rows = len(table["decision_id"])
    if not rows:
        raise ScoringFailed(f"run {run.run_id}: the dataset has no decisions, so there is nothing to score")
    batch = encoding.csv(table, first=table["decision_id"])
    files.write_batch(batch)
    line = account().releases.read(run.release).line
    if isinstance(line.predicts, Forecast):
        files.write_scales(store.read_json(runs.scales_key(run.champion.encoding_key)))
    training = line.training
    served = _served(run)
    plan = scoring_plan(
        run.scored_by,
        rows=batch,
        width=line.predicts.width,
        image=served.image,
        most_mib=int(ScoringEnvironment.from_process().function_scoring_mib),
        carries=served.carries,
    )
    told = {"line": run.line, "run_id": run.run_id, "rows": rows, "scored_by": plan.by, "because": plan.why}
    logger.info("scoring prepared", extra=told)
    return {
        "job_name": job_name(run.line, run.run_id, "score", 1),
        "model_name": run.champion.model_name,
        "input_uri": files.input_uri,
        "output_uri": files.output_uri,
        "output_filter": line.predicts.output_filter(len(schema_of(encoding))),
        "rows": rows,
        "instance_type": training.scores_on,
        "local_storage": local_storage_gb(training.scores_on) is not None,
        "timeout_seconds": int(training.timeout.total_seconds()),
        "scored_by": plan.by,
        "scored_by_because": plan.why,
        "archive_uri": run.champion.model_data_uri,
        "digest": run.champion.digest,
        "image": served.image,
        "program": served.program,
    }


@logger.inject_lambda_context
def publish(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the answers, decide, and write down everything that will be sent before anything is."""
    run = ScoringContext.from_json(event["context"])
    line = account().releases.read(run.release).line
    files = account().scoring_run(run.line, run.run_id)
    keys = list(line.decision.keys)
    columns = list(dict.fromkeys(["decision_id", "decision_time", *keys, run.champion.baseline_feature]))
    with TemporaryDirectory() as folder:
        table = _download(event["dataset"], columns, Path(folder))
    answers = check_answers(table["decision_id"], files.answers(), kind=line.predicts)
    batch = compose(
        run,
        line=line,
        dataset_id=event["dataset"]["dataset_id"],
        spine=_spine(table, keys, run.champion.baseline_feature),
        answers=answers,
        scales=files.scales() if isinstance(line.predicts, Forecast) else None,
    )
    _append_to_ledger(run, batch)
    files.write_quarantine(batch.quarantined)
    to_deliver = () if run.withheld else batch.predictions
    files.write_messages(to_deliver, SNS)
    withheld = len(batch.predictions) - len(to_deliver)
    numbers = {
        "offered": batch.distinct - withheld,
        "withheld": withheld,
        "quarantined": len(batch.quarantined),
        "to_deliver": len(to_deliver),
        "repeated": answers.repeated,
    }
    logger.info("scoring published", extra={"line": run.line, "run_id": run.run_id, **numbers, "why": batch.reasons})
    return {**numbers, "outbox_key": files.outbox_key}


@logger.inject_lambda_context
def deliver(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Send the outbox to the line's topic; account for every decision of the batch."""
    run = ScoringContext.from_json(event["context"])
    files = account().scoring_run(run.line, run.run_id)
    channel = account().topic(run.line, account_id=ScoringEnvironment.from_process().account_id)
    deliveries = Deliveries(account().ledger, channel)
    if not run.withheld:
        account().scored_periods.record(run)
    kept_aside = files.quarantine()
    records: list[DeliveryRecord] = []
    dead: list[OutboundMessage] = []
    with TemporaryDirectory() as folder:
        for message, record in deliveries.send(run, files.messages(Path(folder))):
            records.append(record)
            if record.dead:
                dead.append(message)
    published = event["published"]
    report = accounted(
        {channel.form.channel: records},
        offered=published["offered"],
        quarantined=kept_aside,
        withheld=published.get("withheld", 0),
    )
    if dead:
        files.write_dead_letters(dead)
    named = [{name: row[name] for name in ("decision_id", "reason")} for row in kept_aside]
    named += [{"decision_id": record.decision_id, "reason": record.reason} for record in records if record.dead]
    summary = {"line": run.line, "run_id": run.run_id, **report.to_json()}
    standing = {"instant": format_instant(run.instant), "backfill": list(run.backfill.values())}
    content = {**summary, **standing, "repeated": published["repeated"], "undelivered": named}
    report_uri = files.write_report(content)
    logger.info("scoring delivered", extra=summary)
    return {**summary, **standing, "report_uri": report_uri}


class Served(NamedTuple):
    """Args: `program`: file name of the inference script; `carries`: the release has packages of its own."""

    image: str
    program: str
    carries: bool


def _served(run: ScoringContext) -> Served:
    """How the champion is served, which another release may have trained."""
    release = account().releases.read(run.champion.release)
    image = image_of(release.line.training, account().client("s3").meta.region_name)
    return Served(image.serving_uri, release.line.training.inference, bool(release.packages))


def _check_archive(run: ScoringContext, folder: Path) -> None:
    store, champion = account().store, run.champion
    archive = folder / "model.tar.gz"
    store.download(store.key_of(champion.model_data_uri), archive)
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    archive.unlink()
    if found != champion.digest:
        raise ScoringFailed(
            f"{champion.model_data_uri}: the archive's SHA-256 is {found}, approved was {champion.digest}; it was "
            f"altered after the review; train again with `line train {run.line}`"
        )


def _download(dataset: Mapping[str, Any], columns: Sequence[str], folder: Path) -> dict[str, list[Any]]:
    data = folder / "data.parquet"
    account().datasets.download_checked(dataset["line"], dataset["dataset_id"], data)
    return read_columns(data, list(columns))


def _spine(table: Mapping[str, Sequence[Any]], keys: Sequence[str], baseline: str) -> list[SpineRow]:
    columns = zip(*(table[key] for key in keys), strict=True)
    rows = zip(table["decision_id"], table["decision_time"], columns, table[baseline], strict=True)
    return [
        SpineRow(offset, identifier, from_micros(at), dict(zip(keys, values, strict=True)), rule)
        for offset, (identifier, at, values, rule) in enumerate(rows)
    ]


def _append_to_ledger(run: ScoringContext, batch: ComposedBatch) -> None:
    for kind, rows in ((LedgerKind.PREDICTIONS, batch.rows), (LedgerKind.QUARANTINE, batch.quarantined)):
        for day in sorted({day_of(row["decision_id"]) for row in rows}):
            of_day = [row for row in rows if day_of(row["decision_id"]) == day]
            account().ledger.append(run.line, kind, day, run.run_id, of_day)
