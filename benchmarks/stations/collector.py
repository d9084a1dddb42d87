"""The feedback collector: records a second through the whole handler against moto, and without its writes."""

from __future__ import annotations

import json
import time
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.environments import FeedbackCollectorEnvironment
from assembly_line.feedback import ledger_rows
from assembly_line.names import LedgerKind
from assembly_line.storage import Ledger
from benchmarks.stations.simulated import LINE, TABLE, Context, account
from lambdas.feedback_collector import handler

# As the stack's event source hands them over.
BATCH = 100
BATCHES = 40
REPEATS = 5
SENT = 1_795_305_600_000


def main() -> None:
    environment = FeedbackCollectorEnvironment(
        assembly_environment="bench",
        store_bucket="store",
        ledger_bucket="ledger",
        control_table=TABLE,
        api_role_id="AROAAPI",
    )
    batches = [{"Records": [_record(number * BATCH + n) for n in range(BATCH)]} for number in range(BATCHES + 1)]
    with account(environment.to_variables()) as there:
        handler.handle(batches[0], Context())  # type: ignore[arg-type]
        began = time.perf_counter()
        for batch in batches[1:]:
            response = handler.handle(batch, Context())  # type: ignore[arg-type]
            if response["batchItemFailures"]:
                raise RuntimeError(f"records came back: {response}")
        seconds = time.perf_counter() - began
        kept = len(list(Ledger(there.objects["ledger"]).read(LINE, LedgerKind.FEEDBACK)))
        if kept != BATCH * (BATCHES + 1):
            raise RuntimeError(f"expected {BATCH * (BATCHES + 1)} rows in the ledger, found {kept}")
        alone = min(_without_network(batches[1:], there.release.line) for _ in range(REPEATS))
    records = BATCH * BATCHES
    print(json.dumps({"records_per_second": records / seconds, "without_network": records / alone}))


def _without_network(batches: list[dict[str, Any]], line: Line) -> float:
    """Reading, checking and encoding the rows: what is left when nothing is called."""
    began = time.perf_counter()
    for batch in batches:
        rows = ledger_rows([handler._read(record, "AROAAPI") for record in batch["Records"]], {LINE: line})
        if sum(map(len, rows.values())) != BATCH:
            raise RuntimeError("records were lost")
    return time.perf_counter() - began


def _record(number: int) -> dict[str, Any]:
    body = {
        "schema": "assembly-line/feedback",
        "version": 1,
        "kind": "override",
        "event_id": f"e{number}",
        "line": LINE,
        "decision_id": f"d1-20170808-{number:032x}",
        "sequence": 1,
        "at": "2017-08-09T00:00:00Z",
        "action": "leave",
        "reason": "on holiday",
    }
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": json.dumps(body),
        "attributes": {"SentTimestamp": str(SENT), "SenderId": "AROAX:desk", "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:feedback",
        "awsRegion": "us-east-1",
    }


if __name__ == "__main__":
    main()
