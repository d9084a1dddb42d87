"""Which old runs may go: none that anything refers to, none that is recent. The rules, without storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["training", "scoring"]
SHOWN = 3
DECIDES = "it decides"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """What is left of one run.

    Args:
        trained: a training run that has its record.
        used: when anything of it was last written.
        bytes: of its files, hidden versions included.
        expired: it was decided before that it goes, and not all of it has gone.
    """

    run_id: str
    kind: Kind
    trained: bool
    used: datetime
    bytes: int
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunVerdict:
    """What becomes of one run, and why."""

    run: StoredRun
    kept: bool
    why: str


def judge_runs(
    runs: Sequence[StoredRun], references: Mapping[str, Sequence[str]], *, cutoff: datetime, keep_last: int
) -> list[RunVerdict]:
    """A verdict for each run, the one used last first.

    Args:
        references: run id -> what refers to it, in words, such as `run r-2`.
        cutoff: what was written since then is kept.
        keep_last: so many trained runs are kept, the latest.
    """
    ordered = sorted(runs, key=lambda one: (one.used, one.run_id), reverse=True)
    latest = [one.run_id for one in ordered if one.trained][:keep_last]
    return [_verdict(one, references.get(one.run_id, ()), cutoff, latest) for one in ordered]


def _verdict(one: StoredRun, named_by: Sequence[str], cutoff: datetime, latest: Sequence[str]) -> RunVerdict:
    if one.expired:
        return RunVerdict(run=one, kept=False, why="it had expired before; what is left of it goes")
    if named_by:
        named_by = sorted(named_by, key=lambda what: what != DECIDES)
        more = f" and {len(named_by) - SHOWN} more" if len(named_by) > SHOWN else ""
        # Whoever reads the list learns here that a model decides that is older than runs are kept.
        old = ", and was not refreshed for longer than runs are kept" if DECIDES in named_by else ""
        return RunVerdict(
            run=one, kept=True, why=f"{', '.join(named_by[:SHOWN])}{more}{old if one.used < cutoff else ''}"
        )
    if one.used >= cutoff:
        return RunVerdict(run=one, kept=True, why="it is recent")
    if one.run_id in latest:
        return RunVerdict(run=one, kept=True, why=f"it is among the last {len(latest)} that trained")
    return RunVerdict(run=one, kept=False, why="nothing refers to it")
