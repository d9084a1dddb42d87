"""The scoring machine's steps: begin, prepare, publish, deliver."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_lambda_powertools import Logger

from assembly_line.declarations.sagemaker.images import image_of
from assembly_line.declarations.sagemaker.instance_types import local_storage_gb
from assembly_line.delivery import (
    Form,
    Pace,
    ScoringContext,
    channels_of,
    compose,
    require_same_question,
    require_worth_acting,
    send_shard,
)
from assembly_line.delivery import begin as begin_run
from assembly_line.delivery import deliver as deliver_run
from assembly_line.environments import ScoringEnvironment
from assembly_line.errors import ScoringFailed
from assembly_line.features import connect, inputs_from_json, read_columns, schema_of
from assembly_line.instants import format_instant, parse_instant
from assembly_line.line_metrics import DEAD_LETTERED, DECISIONS, DELIVERY_SECONDS, QUARANTINED
from assembly_line.names import LedgerKind, job_name, require_run_name
from assembly_line.outcome_kinds import Forecast
from assembly_line.requests import ScoringRequest
from assembly_line.storage import runs
from assembly_line.training import scoring_plan
from lambdas.account import account_of
from lambdas.line_metrics import emit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


logger = Logger(service="scoring")


# Of a function's memory, what a batch in columns may hold before it is written to the disk.
COLUMNS_SHARE = 0.375

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
        table = read_columns(_download(event["dataset"], Path(folder)), ["decision_id", *encoding.features])
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
def publish(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the answers, decide, and write down everything that will be sent before anything is."""
    run = ScoringContext.from_json(event["context"])
    line = account().releases.read(run.release).line
    files = account().scoring_run(run.line, run.run_id)
    memory_mib = int(int(context.memory_limit_in_mb) * COLUMNS_SHARE)
    with TemporaryDirectory() as place, connect(Path(place), memory_mib=memory_mib, threads=1) as connection:
        batch = compose(
            connection,
            run,
            line=line,
            dataset_id=event["dataset"]["dataset_id"],
            dataset=_download(event["dataset"], Path(place)),
            answers=files.answers(Path(place)),
            scales=files.scales() if isinstance(line.predicts, Forecast) else None,
        )
        for kind, days in ((LedgerKind.PREDICTIONS, batch.rows()), (LedgerKind.QUARANTINE, batch.aside())):
            for day, rows in days:
                account().ledger.append_lines(run.line, kind, day, run.run_id, rows)
        files.write_quarantine(batch.quarantined)
        size = int(ScoringEnvironment.from_process().outbox_shard_messages)
        messages = _nothing if run.withheld else batch.messages
        outbox = files.write_messages(messages, channels_of(line.delivery), size=size)
    if not run.withheld:
        emit(account().environment, run.line, {DECISIONS: batch.actions})
    withheld = batch.predictions if run.withheld else 0
    numbers = {
        "offered": batch.distinct - withheld,
        "withheld": withheld,
        "quarantined": len(batch.quarantined),
        "to_deliver": batch.predictions - withheld,
        "repeated": batch.repeated,
    }
    logger.info("scoring published", extra={"line": run.line, "run_id": run.run_id, **numbers, "why": batch.reasons})
    return {**numbers, "outbox_key": files.outbox.manifest_key, **outbox.pointers()}


@logger.inject_lambda_context
def deliver(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Send one shard if the event names it; otherwise what is left, and account for every decision of the batch."""
    run = ScoringContext.from_json(event["context"])
    environment = ScoringEnvironment.from_process()
    pace = Pace(environment.account_id, float(environment.topic_messages_per_second), int(environment.publishers))
    if "shard" in event:
        told = {"line": run.line, "run_id": run.run_id, **event["shard"]}
        try:
            sent = send_shard(account(), run, event["shard"], pace)
        except Exception:
            # The map says that items failed, and not why.
            logger.exception("shard not sent", extra=told)
            raise
        logger.info("shard sent", extra={**told, "messages": sent})
        return {}
    # An execution that an older version began knows of no wait.
    report = deliver_run(account(), run, event["published"], pace, may_wait=event.get("may_wait", False))
    shown = ("offered", "delivered", "quarantined", "dead_lettered", "withheld", "reasons", "channels", "because")
    numbers = {name: report[name] for name in shown if name in report}
    logger.info("scoring delivered", extra={"line": run.line, "run_id": run.run_id, **numbers})
    if not run.withheld and "offered" in report:
        seconds = (datetime.now(UTC) - run.started_at).total_seconds()
        told = {QUARANTINED: report["quarantined"], DEAD_LETTERED: report["dead_lettered"], DELIVERY_SECONDS: seconds}
        emit(account().environment, run.line, told)
    return report


def _nothing(_form: Form) -> Iterable[Sequence[bytes]]:
    return ()


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


def _download(dataset: Mapping[str, Any], folder: Path) -> Path:
    data = folder / "data.parquet"
    account().datasets.download_checked(dataset["line"], dataset["dataset_id"], data)
    return data
