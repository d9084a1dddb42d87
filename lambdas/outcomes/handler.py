"""The outcomes machine's step: what came of scored decisions, from the declared source into the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.decision_ids import day_of
from assembly_line.environments import OutcomesEnvironment
from assembly_line.features import outcomes as features
from assembly_line.feedback import OpenDecision, Provenance, open_decisions, outcome_rows, why_immature, with_keys_of
from assembly_line.line_metrics import OUTCOMES
from assembly_line.names import LedgerKind
from assembly_line.outcome_kinds import stated
from assembly_line.requests import OutcomesRequest
from lambdas.account import account_of
from lambdas.line_metrics import emit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assembly_line.declarations.lines import Line
    from assembly_line.features import Snapshot

logger = Logger(service="outcomes")


account = partial(account_of, OutcomesEnvironment)


@logger.inject_lambda_context
def derive(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Derive each predicted decision's outcome once it is mature; a decision that has one keeps it."""
    request = OutcomesRequest.parse(event["input"])
    run_id: str = event["run_id"]
    release = account().released.release(request.line)
    line = release.line
    snapshots = {name: account().lake.snapshot(name) for name in features.sources_of(line)}
    ledger = account().ledger
    unsettled, already = open_decisions(
        ledger.read(line.name, LedgerKind.PREDICTIONS), ledger.read(line.name, LedgerKind.OUTCOMES), run_id=run_id
    )
    waiting = with_keys_of(line, unsettled)
    found = _derive(line, waiting, snapshots, request) if waiting else []
    rows = outcome_rows(
        line,
        waiting,
        found,
        Provenance(
            run_id=run_id,
            as_of=request.as_of,
            release=release.digest,
            snapshots={name: snapshot.digest for name, snapshot in snapshots.items()},
        ),
    )
    for day in sorted({day_of(row["decision_id"]) for row in rows}):
        of_day = [row for row in rows if day_of(row["decision_id"]) == day]
        ledger.append(line.name, LedgerKind.OUTCOMES, day, run_id, of_day)
    without, kind = sum(outcome.without for outcome in found), line.predicts
    numbers = {
        "mature": already + len(rows),
        "derived": len(rows),
        "already": already,
        "immature": len(waiting) - len(rows) - without,
        "no_outcome": without,
        "other_keys": len(unsettled) - len(waiting),
        **kind.counts([kind.label(*stated(row)) for row in rows]),
    }
    logger.info("outcomes", extra={"line": line.name, "run_id": run_id, **numbers})
    emit(account().environment, line.name, {OUTCOMES: len(rows)})
    why = why_immature(line, found, snapshots[line.outcome.source.name].newest)
    return {"line": line.name, "run_id": run_id, **numbers, **({"why_immature": why} if why else {})}


def _derive(
    line: Line, waiting: Sequence[OpenDecision], snapshots: Mapping[str, Snapshot], request: OutcomesRequest
) -> list[features.DecisionOutcome]:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        files = {name: account().lake.fetch(snapshot, name, place) for name, snapshot in snapshots.items()}
        return features.derive(
            line,
            [(decision.keys, decision.decision_time) for decision in waiting],
            as_of=request.as_of,
            covered_until=snapshots[line.outcome.source.name].newest,
            files=files,
        )
