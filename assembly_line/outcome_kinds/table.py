"""The one table of kinds and measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.outcome_kinds.kinds import Amount, Binary, Count, Multiclass, OutcomeKind, Quantiles
from assembly_line.outcome_kinds.structured import Forecast, Ranking, Survival

KINDS: dict[str, type[OutcomeKind]] = {
    kind.name: kind for kind in (Binary, Multiclass, Count, Amount, Quantiles, Ranking, Forecast, Survival)
}
MEASURES = {measure.name: measure for kind in KINDS.values() for measure in kind.measures}


def kind_of(metrics: Mapping[str, Any]) -> type[OutcomeKind]:
    """The kind that a run's figures are of; those of earlier versions are binary and do not say so."""
    return KINDS[metrics.get("kind", Binary.name)]
