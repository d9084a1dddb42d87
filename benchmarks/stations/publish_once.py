"""One publishing step of a build: from a model's answers to ledger and outbox. Writes are counted and let go.

It is run with the library of that build: today's, or an older one's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assembly_line.canonical import canonical_json
from assembly_line.delivery import ScoringContext
from assembly_line.delivery.context import DecidingModel
from assembly_line.environments import ScoringEnvironment
from assembly_line.errors import NotFound
from assembly_line.loader import load_line
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.ledger.scoring_runs import ScoringRun
from lambdas.scoring import handler

AT = datetime(2017, 8, 8, tzinfo=UTC)
LINE = "coupon_redemption"
RUN = "run"
MEMORY_MIB = 1024


@dataclass
class Written:
    """A bucket that holds the answers, and only counts what it is given.

    Args:
        digests: whether it also keeps the SHA-256 of what each folder was given, in order.
    """

    answers: Path
    digests: bool
    size: int = 0
    folders: dict[str, Any] = field(default_factory=dict)
    bucket: str = "store"

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str) -> bytes:
        if key.endswith(".out"):
            return self.answers.read_bytes()
        raise NotFound(key)

    def read_json(self, key: str) -> Any:
        return json.loads(self.read(key))

    def download(self, _key: str, path: Path) -> None:
        shutil.copyfile(self.answers, path)

    def add(self, key: str, content: bytes, **_: str) -> bool:
        self.size += len(content)
        if self.digests:
            folder = "outbox" if "outbox" in key else key.rpartition("/")[0]
            self.folders.setdefault(folder, hashlib.sha256()).update(content)
        return True

    def add_json(self, key: str, value: Any) -> bool:
        return key.endswith("manifest.json") or self.add(key, canonical_json(value))


def main() -> None:
    """Args of the command line: the folder of `data.parquet` and `answers.csv`, and whether to keep digests."""
    folder, digests = Path(sys.argv[1]), sys.argv[2] == "digests"
    root = Path(handler.__file__).parents[2]
    line = load_line(root / "lines", LINE).line
    written = Written(folder / "answers.csv", digests)
    stores: Any = written
    account = SimpleNamespace(
        releases=SimpleNamespace(read=lambda _: SimpleNamespace(line=line)),
        datasets=SimpleNamespace(download_checked=_copied(folder / "data.parquet")),
        ledger=Ledger(stores),
        scoring_run=lambda name, run: ScoringRun(stores, name, run),
    )
    # Of what the stack sets the step reads how many messages a shard has.
    os.environ.update({field.name.upper(): "10000" for field in fields(ScoringEnvironment)})
    handler.account = lambda: account  # type: ignore[assignment]
    context = SimpleNamespace(
        function_name="publish", memory_limit_in_mb=MEMORY_MIB, invoked_function_arn="arn", aws_request_id="request"
    )
    event = {"context": _run().to_json(), "dataset": {"line": LINE, "dataset_id": "ds"}}
    began, cpu = time.perf_counter(), time.process_time()
    published = handler.publish(event, context)  # type: ignore[arg-type]
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    said = {
        "decisions": published["to_deliver"],
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "mib": peak_mib(),
        "bytes": written.size,
        "digests": {name: one.hexdigest() for name, one in sorted(written.folders.items())},
    }
    print(json.dumps(said))


def _copied(data: Path) -> Callable[[str, str, Path], Path]:
    return lambda _line, _dataset, path: shutil.copyfile(data, path)


def peak_mib() -> int:
    """The most memory that this process ever held, where the system tells it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _run() -> ScoringContext:
    return ScoringContext(
        run_id=RUN,
        line=LINE,
        release="a" * 64,
        champion=DecidingModel(
            run_id="trained",
            release="b" * 64,
            digest="c" * 64,
            model_name="model",
            model_data_uri="s3://store/model",
            encoding_key="encoding.json",
            features=("spend",),
            prior=0.13,
            baseline_feature="spend",
        ),
        as_of=AT,
        since=AT,
        until=AT + timedelta(days=7),
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        principal="unverified",
        engine="auto",
        instant=AT,
    )


if __name__ == "__main__":
    main()
