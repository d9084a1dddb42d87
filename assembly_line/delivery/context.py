"""What every step of a scoring run knows: carried as JSON from state to state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.delivery.run_standing import Standing, data_as_of
from assembly_line.documents import STORED, Instant, document_of, read_document
from assembly_line.instants import format_day, format_instant, to_micros
from assembly_line.outcome_kinds import Prior
from assembly_line.request_fields import ScoredBy
from assembly_line.requests import DatasetRequest, ScoringRequest

if TYPE_CHECKING:
    from assembly_line.training import Champion

UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingModel:
    """What a scoring run carries of the champion; `Champion` says what the fields mean."""

    run_id: str
    release: str
    digest: str
    model_name: str
    model_data_uri: str
    encoding_key: str
    features: tuple[str, ...]
    prior: Prior
    baseline_feature: str

    @classmethod
    def of(cls, champion: Champion) -> DecidingModel:
        return cls(**{name: getattr(champion, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringContext:
    """One scoring run: who asked for what, with which release and champion.

    Args:
        started_at: real time.
        instant: when it happens by the line's business clock.
        replayed: the request declared that instant, so that nothing of the run happens later by that clock.
        backfill: why the run is a backfill -> that reason in words; empty for one that decides.
        withheld: nothing of it is delivered.
        scored_by: what the request wishes: `auto`, `function` or `transform`.
    """

    __pydantic_config__ = STORED

    run_id: str
    line: str
    release: str
    champion: DecidingModel
    as_of: Instant
    since: Instant
    until: Instant
    started_at: Instant
    principal: str
    engine: str
    instant: Instant
    replayed: bool = False
    backfill: Mapping[str, str] = field(default_factory=dict)
    withheld: bool = False
    scored_by: ScoredBy = "auto"

    @property
    def revision(self) -> int:
        """Rises with every run: a later run's prediction replaces an earlier one's for the same decision."""
        return to_micros(self.started_at)

    @property
    def day(self) -> str:
        """The day on which the run started, under which its deliveries are kept."""
        return format_day(self.started_at)

    def clock(self, now: datetime) -> datetime:
        """The instant of the line's business clock at a real time within the run."""
        return self.instant if self.replayed else now

    def dataset_request(self) -> DatasetRequest:
        return DatasetRequest.parse(
            {
                "line": self.line,
                "purpose": "scoring",
                "as_of": format_instant(self.as_of),
                "from": format_instant(self.since),
                "to": format_instant(self.until),
                "features": list(self.champion.features),
                "engine": self.engine,
                "release": self.champion.release,
            }
        )

    def to_json(self) -> dict[str, Any]:
        return {**document_of(self), "dataset_request": self.dataset_request().to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ScoringContext:
        # A run that an older version began has no instant.
        earlier = isinstance(document, Mapping) and "instant" not in document
        return read_document(cls, {**document, "instant": document.get("started_at")} if earlier else document)


def begin(
    request: ScoringRequest,
    *,
    run_id: str,
    release: str,
    champion: Champion,
    started_at: datetime,
    principal: str | None,
    standing: Standing,
) -> ScoringContext:
    """The context of a run that starts now; see `data_as_of` for what counts as known."""
    return ScoringContext(
        run_id=run_id,
        line=request.line,
        release=release,
        champion=DecidingModel.of(champion),
        as_of=data_as_of(request),
        since=request.since,
        until=request.until,
        started_at=started_at,
        principal=principal or UNVERIFIED,
        engine=request.engine,
        instant=standing.instant,
        replayed=request.at is not None,
        backfill={str(reason): words for reason, words in standing.backfill.items()},
        withheld=standing.withheld,
        scored_by=request.scored_by,
    )
