"""Judging a model on the holdout: its answers read strictly, its measures beside the prior and the one-feature rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from assembly_line.errors import TrainingRejected
from assembly_line.metrics import auc, cluster_bootstrap, log_loss, rule_auc
from assembly_line.names import Phase
from assembly_line.training.inputs import Truth

BOOTSTRAP_DRAWS = 1000
BOOTSTRAP_SEED = 0


def read_answers(content: bytes, expected: Sequence[str], *, fit: Phase = Phase.JUDGED) -> list[float]:
    """The scores of a batch transform's output, `decision_id,score` a line in the order of its input.

    Args:
        content: the output.
        expected: ids of the decisions that the model was asked about.
        fit: which one answered, for the message.

    Raises:
        TrainingRejected: rows are missing, extra or of other decisions, or a score is no probability; names the first.
    """
    lines = content.decode("utf-8", errors="replace").splitlines()
    if len(lines) != len(expected):
        raise TrainingRejected(
            f"{fit} fit: holdout: the model answered {len(lines)} of {len(expected)} rows; inference.py must return "
            "one score for each row, in order"
        )
    scores = []
    for number, (line, wanted) in enumerate(zip(lines, expected, strict=True), start=1):
        identifier, _, text = line.partition(",")
        if identifier != wanted:
            raise TrainingRejected(f"{fit} fit: holdout: output line {number} is of {identifier!r}; expected {wanted}")
        scores.append(_probability(text, number, fit))
    return scores


def evaluate(scores: Sequence[float], truth: Truth, *, prior: float, baseline_feature: str) -> dict[str, Any]:
    """The measures of a run, as they are shown to the reviewer and kept.

    Args:
        scores: probabilities, in the order of `truth`.
        truth: the holdout's outcomes, the rule's values and the clusters.
        prior: share of positives in the training part: what a model without features would answer.
        baseline_feature: the feature whose value alone is the rule; higher means likelier, unknown is lowest.

    Returns:
        `rows`, `positives`, `auc`, `auc_interval` (95 %, bootstrap by cluster), `log_loss`, `prior`, `prior_log_loss`,
        `baseline_feature`, `baseline_auc`, `champion_auc`. None where a measure is not computable.
    """
    interval = cluster_bootstrap(
        auc, scores, truth.outcome, truth.cluster, draws=BOOTSTRAP_DRAWS, seed=BOOTSTRAP_SEED, level=0.95
    )
    return {
        "rows": len(truth.outcome),
        "positives": sum(truth.outcome),
        "auc": auc(scores, truth.outcome),
        "auc_interval": None if interval is None else list(interval),
        "log_loss": log_loss(scores, truth.outcome),
        "prior": prior,
        "prior_log_loss": log_loss([prior] * len(truth.outcome), truth.outcome),
        "baseline_feature": baseline_feature,
        "baseline_auc": rule_auc(truth.baseline, truth.outcome),
        # The champion did not score this holdout; its own figures stand beside in the review packet.
        "champion_auc": None,
    }


def _probability(text: str, number: int, fit: Phase) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not 0 <= score <= 1:
        raise TrainingRejected(
            f"{fit} fit: holdout: output line {number}: score {text[:40]!r}; expected a probability in [0, 1]; "
            "see inference.py"
        )
    return score
