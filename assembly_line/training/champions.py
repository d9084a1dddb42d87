"""What is kept of a run that was approved: all that scoring needs, and who answers for it; and how one comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from assembly_line.documents import document_of, read_document
from assembly_line.instants import format_instant, parse_instant
from assembly_line.messages import StationEvent
from assembly_line.outcome_kinds import Prior
from assembly_line.stations import TRAINING
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """A run that was approved, as its item in the control table keeps it.

    Args:
        release: what it was trained with: its features and scripts.
        digest: SHA-256 of the registered archive.
        encoding_key: the delivered fit's encoding in the store bucket.
        features: names in the order of training.
        prior: what would be answered without features, which a useful score must beat; for a binary line the rate.
        baseline_feature: the one feature whose value alone is the rule to beat.
        metrics: the recipe's measures.
        promoted_at: since when it decides, or decided when it was approved.
        replaces: the run that decided until then, which a rollback goes to; None if there was none.
        restored: who let it decide again; None for one that decides since its approval.
    """

    run_id: str
    line: str
    release: str
    dataset_id: str
    model_name: str
    model_data_uri: str
    digest: str
    model_package_arn: str
    model_package_version: int | None
    encoding_key: str
    features: tuple[str, ...]
    prior: Prior
    baseline_feature: str
    metrics: Mapping[str, Any]
    author: str
    reviewer: str
    promoted_at: str
    replaces: str | None = None
    restored: Restoration | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Champion:
        return read_document(cls, document)

    def to_json(self) -> dict[str, Any]:
        return document_of(self)


def champion_of(
    record: Mapping[str, Any],
    packaged: PackagedModel,
    evaluated: EvaluatedModel,
    review: Mapping[str, Any],
    *,
    encoding_key: str,
) -> Champion:
    """The champion that an approved run becomes; the same review always gives the same one.

    The run that it takes over from, to which a rollback goes, becomes known when it is written.

    Args:
        record: the run's record.
        packaged: the archive that is delivered.
        evaluated: the recipe's measures, and the archive's package.
        review: the decided review.
        encoding_key: where the delivered fit's encoding is stored.
    """
    return Champion(
        run_id=record["context"]["run_id"],
        line=record["context"]["line"],
        release=record["release"],
        dataset_id=record["dataset"]["dataset_id"],
        model_name=packaged.model_name,
        model_data_uri=packaged.model_data_uri,
        digest=packaged.digest,
        model_package_arn=evaluated.package_arn,
        model_package_version=evaluated.model_package_version,
        encoding_key=encoding_key,
        features=tuple(record["features"]),
        # What answering without features would be for this model, whatever the judged fit learnt from.
        prior=record["delivered"]["prior"],
        baseline_feature=evaluated.metrics["baseline_feature"],
        metrics=evaluated.metrics,
        author=review["author"],
        reviewer=review["reviewer"],
        promoted_at=review["decided_at"],
    )


def restored(approved: Champion, restoration: Restoration, *, at: datetime | None = None) -> Champion:
    """A run that decides again. What it replaced at its approval stays what it goes back to.

    Args:
        approved: the run as it was approved.
        at: when; now if left out.
    """
    return replace(approved, promoted_at=format_instant(at or datetime.now(UTC)), restored=restoration)


def same_restoration(champion: Champion, run_id: str, restoration: Restoration) -> bool:
    """Whether the champion is what this very restoration made."""
    return champion.run_id == run_id and champion.restored == restoration


def sent_back(champion: Champion, restoration: Restoration, *, environment: str, account: str) -> StationEvent:
    """The station event of a restoration: the run that decided until then has come back. The same each time."""
    return StationEvent(
        id=f"{restoration.replaced}:{TRAINING.name}:sent_back:{champion.promoted_at}",
        environment=environment,
        account=account,
        line=champion.line,
        station=TRAINING.name,
        item=restoration.replaced,
        kind="sent_back",
        at=parse_instant(champion.promoted_at, field="promoted_at"),
        cause=f"rolled back to {champion.run_id}: {restoration.reason}",
        principal=restoration.by,
    )
