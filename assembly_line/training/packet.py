"""What a reviewer is shown: the run's measures, where its data comes from, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.outcome_kinds import MEASURES, Measure, kind_of

if TYPE_CHECKING:
    from assembly_line.features import Manifest
    from assembly_line.training.champions import Champion


def review_packet(
    record: Mapping[str, Any],
    manifest: Manifest,
    *,
    champion: Champion | None,
    risk: str,
) -> dict[str, Any]:
    """The packet, from what the run wrote alone.

    Args:
        record: the run's record.
        manifest: of its dataset.
        champion: what decides for the line now, if anything does.
        risk: the line's risk tier.
    """
    context, metrics = record["context"], record["evaluation"]["metrics"]
    return {
        "line": context["line"],
        "run_id": context["run_id"],
        "as_of": context["as_of"],
        "release": record["release"],
        "dataset_id": record["dataset"]["dataset_id"],
        "rows": record["delivered"]["rows"],
        "judged_rows": record["judged"]["rows"],
        "holdout_rows": record["split"]["holdout_rows"],
        "purged_rows": record["split"]["purged_rows"],
        "holdout_from": record["split"]["holdout_from"],
        "features": record["features"],
        "hyperparameters": context["hyperparameters"],
        "metrics": metrics,
        "champion": None if champion is None else _champion(champion),
        "digest": record["delivered"]["archive"]["digest"],
        "model_package_arn": record["evaluation"]["model_package_arn"],
        "limitations": list(manifest.limitations),
        "warnings": list(manifest.warnings),
        "excluded": dict(manifest.excluded),
        "notes": [
            *_what_was_left_out(record["split"]),
            *_what_is_delivered(record),
            *notes(metrics, author_verified=context["author_verified"], risk=risk),
        ],
    }


def notes(metrics: Mapping[str, Any], *, author_verified: bool, risk: str) -> list[str]:
    """What a reviewer should not overlook, in words."""
    kind = kind_of(metrics)
    decisive = next(measure for measure in kind.measures if measure.constant is not None)
    found = [*_beside_the_constant(metrics, decisive)]
    for measure in kind.measures:
        if measure.ranks:
            found += _beside_the_rule(metrics, measure)
    found += _beside_the_champion(metrics.get("champion"))
    if not author_verified:
        found.append(
            "Who asked for this run is not verified: it was not started through the API."
            + ("" if risk == "low" else " It can be rejected, not approved.")
        )
    return found


def _beside_the_constant(metrics: Mapping[str, Any], measure: Measure) -> list[str]:
    value, interval, prior = (metrics.get(form.format(measure.name)) for form in ("{}", "{}_interval", "prior_{}"))
    answering = f"that of answering the training part's {measure.constant} for every decision"
    if value is None or prior is None:
        return []
    if not measure.beats(value, prior):
        return [f"The {measure.words} is no better than {answering}."]
    if interval is not None and not all(measure.beats(bound, prior) for bound in interval):
        return [f"The {measure.words}'s interval includes {answering}."]
    return []


def _beside_the_rule(metrics: Mapping[str, Any], measure: Measure) -> list[str]:
    value, interval, rule = (metrics[form.format(measure.name)] for form in ("{}", "{}_interval", "baseline_{}"))
    by = f"the rule by {metrics['baseline_feature']} alone"
    if rule is None or value is None:
        return []
    if value <= rule:
        return [f"The {measure.words} is no better than that of {by}."]
    if interval is not None and interval[0] <= rule:
        return [f"The {measure.words}'s interval includes the {measure.words} of {by}."]
    return []


def _beside_the_champion(compared: Mapping[str, Any] | None) -> list[str]:
    """What the same decisions say of the run and the champion; a difference that chance explains is called noise."""
    if compared is None:
        return []
    said: dict[str, list[str]] = {"worse": [], "noise": [], "better": []}
    for name, one in compared["measures"].items():
        said[one["says"]].append(MEASURES[name].words)
    over = f"the {compared['rows']:,} held-out decisions that the champion scored when they were taken"
    found = []
    if said["worse"]:
        found.append(f"Worse than the champion on {over}: {', '.join(said['worse'])}.")
    if said["noise"]:
        found.append(f"No better than the champion on {over}, as the difference is noise: {', '.join(said['noise'])}.")
    return found


def _what_was_left_out(split: Mapping[str, Any]) -> list[str]:
    if not split["purged_rows"]:
        return []
    return [
        f"{split['purged_rows']:,} earlier decisions taught the judged fit nothing: their outcomes were not known at "
        f"{split['holdout_from']}, when the first of the later ones was taken."
    ]


def _what_is_delivered(record: Mapping[str, Any]) -> list[str]:
    if not record["evaluation"]["refit"]:
        return []
    return [
        f"The figures are those of the recipe: it learnt from the {record['judged']['rows']} earlier decisions and was "
        f"judged on the {record['split']['holdout_rows']} later ones. What is delivered learnt by the same recipe from "
        f"all {record['delivered']['rows']}; no later decisions are left to judge that fit by."
    ]


def _champion(champion: Champion) -> dict[str, Any]:
    """The present champion by its own evaluation: another holdout, so its figures do not compare one to one."""
    return {"run_id": champion.run_id, "promoted_at": champion.promoted_at, "own_metrics": champion.metrics}
