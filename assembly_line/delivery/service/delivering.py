"""Sending a run's outbox, shard by shard, and accounting for every decision of the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from assembly_line.delivery.accounting import Accounting, accounting
from assembly_line.delivery.channels import FILES, SNS_CHANNEL, Channel
from assembly_line.delivery.service.pausing import paused
from assembly_line.errors import NotFound, ScoringFailed, ShardNotSent
from assembly_line.instants import format_instant
from assembly_line.messages import Batch
from assembly_line.storage import Deliveries, whole

if TYPE_CHECKING:
    from assembly_line.delivery.context import ScoringContext
    from assembly_line.delivery.outbox import OutboundMessage
    from assembly_line.delivery.report import DeliveryRecord
    from assembly_line.delivery.shards import Shard
    from assembly_line.storage import Account, ScoringRun

# Undelivered decisions that a report names; files beside it have all.
NAMED = 1000
# Shards that one call sends by itself, beside accounting for all. The map tolerates as many that failed.
MOST_LEFT = 5


class Pace(NamedTuple):
    """What the account's topics take.

    Args:
        account_id: whose topics.
        per_second: messages that they take a second, from all functions.
        publishers: functions that send to one at once, where an outbox has several shards.
    """

    account_id: str
    per_second: float
    publishers: int


def send_shard(account: Account, run: ScoringContext, pointer: Mapping[str, Any], pace: Pace) -> int:
    """Send what of a shard has no delivery record yet, beside other functions; the number of its messages.

    Nothing is sent while the line's deliveries are paused: `deliver` then waits, and the shard has another call.

    Args:
        pointer: `channel` and `number` of the shard.

    Raises:
        NotFound: nothing was published in this run, or the line is not deployed.
    """
    if paused(account, run.line) is not None:
        return 0
    outbox = account.scoring_run(run.line, run.run_id).outbox
    manifest = outbox.manifest()
    if manifest is None:
        raise NotFound(f"run {run.run_id}: there is no outbox; nothing was published in this run")
    _record(account, run)
    shard = manifest.shard(pointer["channel"], pointer["number"])
    channel = _channel(account, run, shard.channel, pace, side_by_side=True)
    return sum(1 for _ in Deliveries(account.ledger, channel).send(run, outbox.messages(shard), shard=shard))


def deliver(
    account: Account, run: ScoringContext, published: Mapping[str, Any], pace: Pace, *, may_wait: bool = False
) -> dict[str, Any]:
    """Send what has no delivery record yet, account for every decision, and write the report.

    A small outbox is sent whole. Of a large one nothing is left once each shard had its call, or the few that failed.

    Args:
        may_wait: whoever asks comes again if it has to wait.

    Returns:
        The report, and where it lies. Or `waits`, and why: the deliveries are paused, or more shards are left than one
        call sends, because they were paused when the shards had their calls.

    Raises:
        ScoringFailed: decisions are accounted for nowhere or twice, or shards were not sent; says which.
        NotFound: nothing was published in this run, or the line is not deployed.
    """
    why = None if run.withheld else _paused(account, run)
    if why is not None and not may_wait:
        raise ScoringFailed(
            f"run {run.run_id}: {why}; resume them with `line delivery resume {run.line}`, then redrive the execution"
        )
    why = why or (_too_many_left(account, run) if may_wait else None)
    if why is not None:
        return {"waits": True, "because": why}
    _record(account, run)
    files = account.scoring_run(run.line, run.run_id)
    kept_aside = files.quarantine()
    sending = _Sending(account, run, files, pace)
    with TemporaryDirectory() as name, accounting(Path(name)) as accounts:
        accounts.ask(files.asked(Path(name)))
        accounts.keep_aside(kept_aside)
        sending.everything(accounts, Path(name))
        report = accounts.report(withheld=run.withheld, unsent=sending.unsent)
    summary: dict[str, Any] = {
        "line": run.line,
        "run_id": run.run_id,
        **report.to_json(),
        "instant": format_instant(run.instant),
        "backfill": list(run.backfill.values()),
    }
    if FILES.channel in report.channels and not run.withheld:
        summary["files_uri"] = account.delivered_files(run, forms=()).uri
    named = [{name: row[name] for name in ("decision_id", "reason")} for row in kept_aside[:NAMED]]
    named += sending.dead[: NAMED - len(named)]
    problems = {"unsent_shards": sending.problems} if sending.problems else {}
    content = {**summary, "repeated": published["repeated"], "undelivered": named, **problems}
    report_uri = files.write_report(content)
    sending.finish(report_uri)
    if "files_uri" in summary:
        _announce(account, run, pace, predictions=report.channels[FILES.channel].delivered)
    return {**summary, "report_uri": report_uri}


class _Sending:
    """What one call sends, and what it could not."""

    def __init__(self, account: Account, run: ScoringContext, files: ScoringRun, pace: Pace) -> None:
        self._account, self._run, self._files, self._pace = account, run, files, pace
        self._channels: dict[str, Channel] = {}
        self.dead: list[dict[str, Any]] = []
        self.problems: list[dict[str, Any]] = []
        self.unsent: Counter[str] = Counter()

    def everything(self, accounts: Accounting, folder: Path) -> None:
        """Send all shards and put their messages into the account. Of several, each is tried, whatever others did."""
        outbox = self._files.outbox
        manifest = outbox.manifest()
        if manifest is None:
            deliveries = self._deliveries(SNS_CHANNEL)
            self._account_for(None, [*deliveries.send(self._run, outbox.earlier(folder), shard=None)], accounts)
            return
        for name in manifest.channels:
            accounts.channel(name)
            self._deliveries(name)
        for shard in manifest.shards:
            if manifest.in_one_call:
                messages = [*self._deliveries(shard.channel).send(self._run, outbox.messages(shard), shard=shard)]
                self._account_for(shard, messages, accounts)
                continue
            try:
                messages = self._deliveries(shard.channel).send_whole(self._run, outbox, shard=shard)
            except ShardNotSent as error:
                self.unsent[shard.channel] += shard.count
                told = {"channel": shard.channel, "shard": shard.number, "messages": shard.count}
                self.problems.append({**told, "because": str(error)})
                continue
            self._account_for(shard, messages, accounts)

    def finish(self, report_uri: str) -> None:
        """Tell the subscribers of each channel that they have everything.

        Raises:
            ScoringFailed: they have not; names the shards, and what to do.
        """
        if self.problems:
            first = self.problems[0]
            raise ScoringFailed(
                f"run {self._run.run_id}: {len(self.problems)} shards of the outbox were not sent "
                f"({self.unsent.total()} messages), first shard {first['shard']} of channel {first['channel']}: "
                f"{first['because']}; {report_uri} lists them; redrive the execution: what was sent already is not "
                "sent again"
            )
        if not self._run.withheld:
            for channel in self._channels.values():
                channel.finish()

    def _deliveries(self, name: str) -> Deliveries:
        if name not in self._channels:
            self._channels[name] = _channel(self._account, self._run, name, self._pace, side_by_side=False)
        return Deliveries(self._account.ledger, self._channels[name])

    def _account_for(
        self, shard: Shard | None, messages: list[tuple[OutboundMessage, DeliveryRecord]], accounts: Accounting
    ) -> None:
        name = SNS_CHANNEL if shard is None else shard.channel
        accounts.take(name, messages)
        dead = [(message, record) for message, record in messages if record.dead]
        if dead:
            self._files.write_dead_letters(shard, [message for message, _ in dead])
            self.dead += [
                {"decision_id": record.decision_id, "reason": record.reason, "channel": name}
                for _, record in dead[: NAMED - len(self.dead)]
            ]


def _announce(account: Account, run: ScoringContext, pace: Pace, *, predictions: int) -> None:
    """Tell the topic that the files are whole. A repetition tells the same again."""
    whole = account.delivered_files(run, forms=()).whole()
    batch = Batch(
        line=run.line,
        batch=run.run_id,
        revision=run.revision,
        issued_at=run.instant,
        predictions=predictions,
        files=whole.files,
        manifest_uri=whole.uri,
        manifest_digest=whole.digest,
    )
    attributes = {"schema": batch.schema_, "version": str(batch.version), "line": batch.line}
    account.topic(run.line, account_id=pace.account_id).announce(batch.to_json(), attributes)


def _paused(account: Account, run: ScoringContext) -> str | None:
    found = paused(account, run.line)
    if found is None:
        return None
    return f"the deliveries of line {run.line} are paused since {found['at']} by {found['by']}: {found['reason']}"


def _too_many_left(account: Account, run: ScoringContext) -> str | None:
    """Why the shards need calls of their own; None if this one can send what is left."""
    manifest = account.scoring_run(run.line, run.run_id).outbox.manifest()
    if manifest is None or manifest.in_one_call:
        return None
    left = sum(not whole(account.ledger, run, shard) for shard in manifest.shards)
    return f"{left} shards wait for their calls" if left > MOST_LEFT else None


def _record(account: Account, run: ScoringContext) -> None:
    if not run.withheld:
        account.scored_periods.record(run)


def _channel(account: Account, run: ScoringContext, name: str, pace: Pace, *, side_by_side: bool) -> Channel:
    """A channel of the run. Functions that work side by side share what the topic takes."""
    if name == FILES.channel:
        return account.delivered_files(run, forms=account.releases.read(run.release).line.delivery.files)
    per_second = pace.per_second / (pace.publishers if side_by_side else 1)
    return account.topic(run.line, account_id=pace.account_id, per_second=per_second)
