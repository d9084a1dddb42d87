"""One reading, join and judgement of a ledger row by row, by the build on the path: the first version's way."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from assembly_line.documents import parse_document
from assembly_line.feedback.history import join
from assembly_line.feedback.performance import measure
from assembly_line.outcome_kinds import Binary
from assembly_line.storage.ledger.ledger import checked_rows


def main(folder: Path, draws: int) -> None:
    began = time.process_time()
    rows = {}
    for kind in ("predictions", "deliveries", "outcomes"):
        lines = (folder / f"{kind}.jsonl").read_bytes().split(b"\n")
        rows[kind] = checked_rows(kind, [parse_document(line, of=kind) for line in lines if line], of=kind)  # type: ignore[arg-type]
    read = time.process_time()
    history = join(rows["predictions"], rows["deliveries"], [], rows["outcomes"])
    joined = time.process_time()
    (found,) = measure(history, kind=Binary(present=1), cluster="household_id", draws=1)  # type: ignore[arg-type]
    judged = time.process_time()
    measure(history, kind=Binary(present=1), cluster="household_id", draws=draws)  # type: ignore[arg-type]
    drawn = time.process_time()
    said = {
        "read": read - began,
        "join": joined - read,
        "judge": judged - joined,
        "interval": (drawn - judged) - (judged - joined),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "figures": [found.figures["auc"], found.figures["log_loss"]],
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
