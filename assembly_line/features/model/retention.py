"""Which datasets may go: none that anything refers to, none that was asked for lately. The rules, without storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# A build, a training run's preparation and every other use of a dataset take less than this after it was asked for.
LEAST_DAYS = 1
SHOWN = 3

State = Literal["finished", "refused", "unfinished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDataset:
    """One dataset's folder.

    Args:
        state: `refused` by the quality gate; `unfinished`: planned, or built by an attempt that never came to its end.
        used: when anything was last written below it. Each request writes its plan, so being asked for again counts.
        bytes: of everything below it, hidden versions included.
    """

    dataset_id: str
    state: State
    used: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of one dataset, and why."""

    dataset: StoredDataset
    kept: bool
    why: str


def judge(
    datasets: Sequence[StoredDataset],
    references: Mapping[str, Sequence[str]],
    *,
    cutoff: datetime,
    keep_last: int,
) -> list[Verdict]:
    """A verdict for each dataset, the one used last first.

    Args:
        references: dataset id -> what names it, in words, such as `run r-1`.
        cutoff: what was used since then is kept.
        keep_last: so many finished datasets are kept, the ones used last, whatever their age.
    """
    ordered = sorted(datasets, key=lambda one: (one.used, one.dataset_id), reverse=True)
    latest = [one.dataset_id for one in ordered if one.state == "finished"][:keep_last]
    return [_verdict(one, references.get(one.dataset_id, ()), cutoff, latest) for one in ordered]


def _verdict(one: StoredDataset, named_by: Sequence[str], cutoff: datetime, latest: Sequence[str]) -> Verdict:
    if named_by:
        more = f" and {len(named_by) - SHOWN} more" if len(named_by) > SHOWN else ""
        return Verdict(dataset=one, kept=True, why=f"{', '.join(named_by[:SHOWN])}{more} refers to it")
    if one.used >= cutoff:
        return Verdict(dataset=one, kept=True, why="asked for since then")
    if one.dataset_id in latest:
        return Verdict(dataset=one, kept=True, why=f"among the last {len(latest)}")
    return Verdict(dataset=one, kept=False, why=f"{one.state}, nothing refers to it")
