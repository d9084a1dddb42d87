"""What is kept of a run that was approved: all that scoring needs, and who answers for it; and how one comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from assembly_line.instants import format_instant, parse_instant
from assembly_line.messages import StationEvent
from assembly_line.names import Station
from assembly_line.training.states import EvaluatedModel, PackagedModel


class Cause(StrEnum):
    """Why another run decides from now on."""

    REVIEW = "review"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """Who let a run decide again, why, and the run that decided before it."""

    by: str
    reason: str
    replaced: str


def champion_of(
    record: Mapping[str, Any],
    packaged: PackagedModel,
    evaluated: EvaluatedModel,
    review: Mapping[str, Any],
    *,
    encoding_key: str,
) -> dict[str, Any]:
    """The champion's item in the table of champions; the same review always gives the same item.

    The run that it takes over from, to which a rollback goes, becomes known when it is written.

    Args:
        record: the run's record.
        packaged: the archive that is delivered.
        evaluated: the recipe's measures, and the archive's package.
        review: the decided review.
        encoding_key: where the delivered fit's encoding is stored.
    """
    return {
        "run_id": record["context"]["run_id"],
        "line": record["context"]["line"],
        "release": record["release"],
        "dataset_id": record["dataset"]["dataset_id"],
        "model_name": packaged.model_name,
        "model_data_uri": packaged.model_data_uri,
        "digest": packaged.digest,
        "model_package_arn": evaluated.model_package_arn,
        "model_package_version": evaluated.model_package_version,
        "encoding_key": encoding_key,
        "features": record["features"],
        # What answering without features would be for this model, whatever the judged fit learnt from.
        "prior": record["delivered"]["prior"],
        "baseline_feature": evaluated.metrics["baseline_feature"],
        "metrics": evaluated.metrics,
        "author": review["author"],
        "reviewer": review["reviewer"],
        "promoted_at": review["decided_at"],
        "replaces": None,
        "restored": None,
    }


def restored(approved: Mapping[str, Any], restoration: Restoration, *, at: datetime | None = None) -> dict[str, Any]:
    """The champion's item of a run that decides again. What it replaced at its approval stays what it goes back to.

    Args:
        approved: its item as it was approved.
        at: when; now if left out.
    """
    since = format_instant(at or datetime.now(UTC))
    return {**approved, "promoted_at": since, "restored": asdict(restoration)}


def same_restoration(champion: Mapping[str, Any], run_id: str, restoration: Restoration) -> bool:
    """Whether the champion is what this very restoration made."""
    return champion["run_id"] == run_id and champion.get("restored") == asdict(restoration)


def sent_back(champion: Mapping[str, Any], *, environment: str, account: str) -> StationEvent:
    """The station event of a restoration: the run that decided until then has come back. The same each time.

    Args:
        champion: as `restored` made it.
    """
    restoration = Restoration(**champion["restored"])
    return StationEvent(
        id=f"{restoration.replaced}:{Station.TRAINING}:sent_back:{champion['promoted_at']}",
        environment=environment,
        account=account,
        line=champion["line"],
        station=Station.TRAINING.value,
        item=restoration.replaced,
        kind="sent_back",
        at=parse_instant(champion["promoted_at"], field="promoted_at"),
        cause=f"rolled back to {champion['run_id']}: {restoration.reason}",
        principal=restoration.by,
    )
