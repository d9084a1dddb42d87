"""Which periods of a line were scored and delivered, and when by its business clock: two items a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from assembly_line.delivery import ScoredPeriod, ScoringContext, Standing, data_as_of, seen_until, standing
from assembly_line.instants import format_instant, parse_instant
from assembly_line.names import decided_item, delivered_item
from assembly_line.requests import ScoringRequest
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.models.control_table import ControlTable

if TYPE_CHECKING:
    from assembly_line.training import Champion

# Sorts behind every instant.
BEYOND = "~"


class ScoredPeriods:
    """The runs of each line in the control table. Runs of older versions left no item."""

    def __init__(self, control: ControlTable, datasets: DatasetStore) -> None:
        self._control = control
        self._datasets = datasets

    def standing(
        self, request: ScoringRequest, champion: Champion, *, now: datetime, run_id: str | None = None
    ) -> Standing:
        """Place a request on the line's business clock.

        Args:
            now: real time.
            run_id: the run itself, whose own items count for nothing when a step is repeated.

        Raises:
            NotFound: the dataset that the champion learnt from is gone.
            RequestRefused: the declared instant lies in the future.
        """
        learnt_from = self._datasets.manifest(request.line, champion.dataset_id)
        return standing(
            request,
            now=now,
            model_knows_until=parse_instant(learnt_from.as_of, field="as_of"),
            latest=self._latest(request.line),
            overlapping=[run for run in self._overlapping(request) if run.run_id != run_id],
        )

    def record(self, run: ScoringContext) -> None:
        """Note that a run goes into delivery; a repetition changes nothing."""
        until = seen_until(run.until, as_of=run.as_of)
        period = ScoredPeriod(run_id=run.run_id, since=run.since, until=until, instant=run.instant).to_json()
        self._control.add(run.line, delivered_item(period["to"], run.run_id), period)
        if not run.backfill:
            self._control.add(run.line, decided_item(period["instant"], run.run_id), period)

    def _latest(self, line: str) -> ScoredPeriod | None:
        found = self._control.last(line, decided_item())
        return None if found is None else ScoredPeriod.from_json(found)

    def _overlapping(self, request: ScoringRequest) -> list[ScoredPeriod]:
        ending_later = self._control.between(
            request.line, delivered_item(format_instant(request.since), BEYOND), delivered_item(BEYOND)
        )
        runs = [ScoredPeriod.from_json(found) for found in ending_later]
        until = seen_until(request.until, as_of=data_as_of(request))
        return [run for run in runs if run.since < until]
