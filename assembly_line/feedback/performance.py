"""How good the predictions in force were, judged by mature outcomes alone, beside the prior rate and a simple rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from assembly_line.errors import RequestRefused
from assembly_line.feedback.history import DecisionHistory, History

DRAWS = 1000
SEED = 7
NONE_IN_FORCE = "no revision was in force: delivered before it expired and before its outcome became known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Figures of one group of decisions, or of all. What cannot be computed is None, and `why_not` says why.

    Args:
        group: value of the grouping key; None for all decisions together.
        decisions: delivered decisions, mature or not.
        in_force: those of which a revision was in force, see `feedback.in_force`; the others are not judged.
        rows: those in force with a mature outcome; all figures below are of these, each by its revision in force.
        positives: rows whose outcome is the declared present value.
        auc: of the delivered score; `auc_interval` is its 95 % interval by bootstrap over whole clusters.
        log_loss: of the delivered score, in nats.
        prior: mean of the positive rates of training that came with the predictions.
        prior_log_loss: what predicting that rate for everyone would have cost.
        baseline_auc: of the one-feature rule's value; a row without one counts as the lowest.
        why_not: figure -> reason.
    """

    group: int | str | bool | None
    decisions: int
    in_force: int
    rows: int
    positives: int
    auc: float | None
    auc_interval: tuple[float, float] | None
    log_loss: float | None
    prior: float | None
    prior_log_loss: float | None
    baseline_auc: float | None
    why_not: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class _Figures(TypedDict):
    auc: float | None
    auc_interval: tuple[float, float] | None
    log_loss: float | None
    prior_log_loss: float | None
    baseline_auc: float | None


NO_FIGURES: _Figures = {
    "auc": None,
    "auc_interval": None,
    "log_loss": None,
    "prior_log_loss": None,
    "baseline_auc": None,
}


def measure(
    history: History, *, present: int, cluster: str, by: str | None = None, draws: int = DRAWS, seed: int = SEED
) -> list[Performance]:
    """Judge the predictions in force: one result for each group in order of its first decision, the pooled one last.

    Args:
        history: one line's history.
        present: the outcome value that counts as positive.
        cluster: key whose rows belong together, such as `household_id`.
        by: key to group by, such as `campaign_id`; without it only the pooled result.
        draws: resamples of the bootstrap.
        seed: the same seed gives the same interval.

    Raises:
        RequestRefused: `cluster` or `by` is not a key of the decisions.
    """
    delivered = [decision for decision in history.decisions if decision.delivered]
    for name in filter(None, (cluster, by)):
        for decision in delivered[:1]:
            if name not in decision.prediction["keys"]:
                raise RequestRefused(
                    f"key {name!r}: decisions have {', '.join(decision.prediction['keys'])}",
                    where="by",
                    value=repr(name),
                    expected=f"one of {', '.join(decision.prediction['keys'])}",
                )
    groups: dict[Any, list[DecisionHistory]] = defaultdict(list)
    for decision in delivered if by else []:
        groups[decision.prediction["keys"][by]].append(decision)
    return [
        _measure(group, members, present=present, cluster=cluster, draws=draws, seed=seed)
        for group, members in [*groups.items(), (None, delivered)]
    ]


def _measure(
    group: Any, decisions: Sequence[DecisionHistory], *, present: int, cluster: str, draws: int, seed: int
) -> Performance:
    decided = [decision for decision in decisions if decision.in_force]
    mature = [decision for decision in decided if decision.outcome is not None]
    outcomes = [int(decision.outcome == present) for decision in mature]
    figures = _figures(mature, outcomes, cluster=cluster, draws=draws, seed=seed) if mature else NO_FIGURES
    reason = NONE_IN_FORCE if decisions and not decided else _one_class(outcomes)
    reasons: dict[str, str | None] = {
        "auc": reason,
        "auc_interval": reason or "too few clusters, or too few positives, to resample",
        "log_loss": reason,
        "prior_log_loss": reason,
        "baseline_auc": reason or "the one-feature rule has no numeric value here",
    }
    missing = {name for name, found in figures.items() if found is None}
    priors = [decision.prediction["prior"] for decision in mature]
    return Performance(
        group=group,
        decisions=len(decisions),
        in_force=len(decided),
        rows=len(mature),
        positives=sum(outcomes),
        prior=sum(priors) / len(priors) if priors else None,
        why_not={name: text for name, text in reasons.items() if text and name in missing},
        **figures,
    )


def _figures(
    mature: Sequence[DecisionHistory], outcomes: Sequence[int], *, cluster: str, draws: int, seed: int
) -> _Figures:
    # Not at the top: numpy takes a fifth of a command that finds nothing to judge.
    from assembly_line.metrics import auc, cluster_bootstrap, log_loss, rule_auc

    scores = [decision.prediction["score"] for decision in mature]
    clusters = [decision.prediction["keys"][cluster] for decision in mature]
    return {
        "auc": auc(scores, outcomes),
        "auc_interval": cluster_bootstrap(auc, scores, outcomes, clusters, draws=draws, seed=seed),
        "log_loss": log_loss(scores, outcomes),
        "prior_log_loss": log_loss([decision.prediction["prior"] for decision in mature], outcomes),
        "baseline_auc": rule_auc([decision.prediction["baseline"] for decision in mature], outcomes),
    }


def _one_class(outcomes: Sequence[int]) -> str | None:
    if not outcomes:
        return "no mature outcome yet"
    if len(set(outcomes)) == 1:
        return f"all {len(outcomes)} mature outcomes are {'positive' if outcomes[0] else 'negative'}"
    return None
