"""The work files of a scoring run in the store bucket: what the model is asked, what it answers, what is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assembly_line.delivery import (
    SHARD_MESSAGES,
    SNS,
    Form,
    OutboundMessage,
    OutboxManifest,
    Shard,
    offload,
    read_outbox,
    write_line,
    write_outbox,
)
from assembly_line.errors import NotFound, ScoringFailed
from assembly_line.names import LedgerKind, scoring_prefix
from assembly_line.storage.ledger.ledger import checked_rows
from assembly_line.storage.ledger.outboxes import NDJSON, Outbox
from assembly_line.storage.services.objects import ObjectStore

BATCH = "batch.csv"
READ = 1024 * 1024


class ScoringRun:
    """One run's folder."""

    def __init__(self, store: ObjectStore, line: str, run_id: str) -> None:
        self._store = store
        self._line = line
        self._prefix = scoring_prefix(line, run_id)
        self._run_id = run_id

    @property
    def input_uri(self) -> str:
        """What the transform job reads: every object under this prefix."""
        return self._store.uri(f"{self._prefix}input/")

    @property
    def output_uri(self) -> str:
        """Where the transform job writes; without a slash at the end, SageMaker puts its own."""
        return self._store.uri(f"{self._prefix}output")

    @property
    def outbox(self) -> Outbox:
        """What it sends."""
        return Outbox(self._store, self._prefix)

    def write_batch(self, content: bytes) -> None:
        self._store.write(f"{self._prefix}input/{BATCH}", content, content_type="text/csv")

    def asked(self, folder: Path) -> Iterator[str]:
        """Ids of the decisions that the model is asked about, in order of the dataset, read through a file in `folder`.

        Raises:
            NotFound: the run was never prepared.
        """
        path = folder / BATCH
        self._store.download(f"{self._prefix}input/{BATCH}", path)
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield line.partition(",")[0].rstrip("\n")

    def exists(self) -> bool:
        """Whether the run left anything."""
        return self._store.any(self._prefix)

    def write_scales(self, scales: Mapping[str, float]) -> None:
        """Keep what the errors of each series are measured by, for `scales`."""
        self._store.write_json(f"{self._prefix}scales.json", scales)

    def scales(self) -> dict[str, float]:
        """What `write_scales` kept."""
        scales: dict[str, float] = self._store.read_json(f"{self._prefix}scales.json")
        return scales

    def answers(self, folder: Path) -> Iterator[str]:
        """The transform job's output, many lines at once, read through a file in `folder`.

        Raises:
            ScoringFailed: the job left none, or, once they are read, its bytes are not UTF-8.
        """
        key, path = f"{self._prefix}output/{BATCH}.out", folder / "answers.csv"
        try:
            self._store.download(key, path)
        except NotFound as error:
            raise ScoringFailed(
                f"run {self._run_id}: the transform job left no {self._store.uri(key)}; nothing was delivered; "
                "see the job's log, then score again"
            ) from error
        return self._texts(path, of=key)

    def _texts(self, path: Path, *, of: str) -> Iterator[str]:
        try:
            # Other characters that end a line elsewhere do not end one here.
            with path.open(encoding="utf-8", newline="\n") as lines:
                while some := lines.read(READ):
                    yield some + lines.readline()
        except UnicodeDecodeError as error:
            raise ScoringFailed(
                f"run {self._run_id}: {self._store.uri(of)} is not UTF-8 text ({error.reason}); nothing was "
                "delivered; inference.py must answer CSV"
            ) from error

    def write_messages(
        self,
        messages: Callable[[Form], Iterable[Sequence[bytes]]],
        forms: Iterable[Form],
        *,
        size: int = SHARD_MESSAGES,
    ) -> OutboxManifest:
        """Write each channel's outbox. A retry leaves what is there: what may have left stays as it was sent.

        Args:
            messages: gives the lines of a channel's outbox, some at once; a body that is too large for the channel is
                put beside it.
        """
        each = list(forms)
        writer = self.outbox.writer([form.channel for form in each], size=size)
        if not writer.settled:
            for form in each:
                writer.add(form.channel, self._fitting(messages(form), form))
        return writer.finish()

    def _fitting(self, messages: Iterable[Sequence[bytes]], form: Form) -> Iterator[Sequence[bytes]]:
        # No body is longer than its line.
        for some in messages:
            yield [line if len(line) <= form.largest_body else self._offloaded(line, form) for line in some]

    def _offloaded(self, line: bytes, form: Form) -> bytes:
        (message,) = read_outbox([line])
        if len(message.body.encode()) <= form.largest_body:
            return line
        body = offload(message, line=self._line, store_prefix=self._prefix, bucket=self._store.bucket)
        self._store.add(body.key, body.content, content_type="application/json")
        return write_line(body.message)

    def write_quarantine(self, rows: Iterable[dict[str, Any]]) -> None:
        content = json.dumps(list(rows), ensure_ascii=False, allow_nan=False)
        self._store.add(f"{self._prefix}quarantine.json", content.encode(), content_type="application/json")

    def quarantine(self) -> list[dict[str, Any]]:
        """What was kept aside before delivery, in order of the spine.

        Raises:
            NotFound: nothing was published in this run.
            DocumentUnreadable: a row is not what the run wrote; names the member.
        """
        key = f"{self._prefix}quarantine.json"
        return [*checked_rows(LedgerKind.QUARANTINE, self._store.read_json(key), of=self._store.uri(key))]

    def write_dead_letters(self, shard: Shard | None, messages: Iterable[OutboundMessage]) -> None:
        """Keep what of a shard could not be sent, with exact bodies, so that it can be sent again.

        Args:
            shard: None for what a run of an older version sends.
        """
        name = "dead-letters" if shard is None else f"dead-letters/{shard.channel}/{shard.number:06d}"
        self._store.write(f"{self._prefix}{name}.jsonl", write_outbox(messages), content_type=NDJSON)

    def dead_letters(self) -> Iterator[tuple[str, OutboundMessage]]:
        """(channel, message) of everything that could not be sent, in order of channel and outbox."""
        for stored in self._store.list(f"{self._prefix}dead-letters"):
            if stored.key.endswith(".jsonl"):
                # Of a run of an older version there is one file, and one channel.
                _, _, channel = stored.key.removeprefix(self._prefix).rpartition("/")[0].partition("/")
                for message in read_outbox(self._store.read(stored.key).splitlines()):
                    yield channel or SNS.channel, message

    def write_dead_letter_action(self, name: str, action: Mapping[str, Any]) -> None:
        """Keep what was done with dead letters; `name` sorts it among the others."""
        self._store.add_json(f"{self._prefix}dead-letters/actions/{name}.json", action)

    def dead_letter_actions(self) -> list[dict[str, Any]]:
        """What was done with dead letters, the earliest first."""
        return [
            self._store.read_json(stored.key) for stored in self._store.list(f"{self._prefix}dead-letters/actions/")
        ]

    def settled_dead_letters(self) -> dict[tuple[str, str, int], str]:
        """(channel, decision_id, revision) of each dead letter that somebody settled -> what was done last."""
        return {
            (channel, decision_id, revision): action["action"]
            for action in self.dead_letter_actions()
            for channel, decision_id, revision in action["letters"]
        }

    def has_open_dead_letters(self) -> bool:
        """Whether it holds a message that could not be sent, and that nobody settled since."""
        settled = self.settled_dead_letters()
        return any(
            (channel, message.decision_id, message.revision) not in settled for channel, message in self.dead_letters()
        )

    def report(self) -> dict[str, Any]:
        """The run's report.

        Raises:
            NotFound: it was not delivered yet.
        """
        found: dict[str, Any] = self._store.read_json(f"{self._prefix}report.json")
        return found

    def write_report(self, report: dict[str, Any]) -> str:
        """Returns its URI."""
        key = f"{self._prefix}report.json"
        self._store.write_json(key, report)
        return self._store.uri(key)
