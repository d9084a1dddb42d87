"""The declared limits beside the figures: which are kept, and in words those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assembly_line.declarations.training.validation import PLANTED, Validation
from assembly_line.outcome_kinds import MEASURES, Measure, OutcomeKind

IMPROVE = "Train on more decisions, or change features or hyperparameters"
LESS_FIT = "Let the model fit less to chance: fewer rounds, shallower trees, a larger penalty, or more decisions"


def judged_limits(
    declared: Validation,
    measures: Mapping[str, float | None],
    segments: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    calibration: Mapping[str, Any] | None,
    stability: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """Every declared limit with its figure.

    Args:
        declared: by the line.
        measures: measure -> figure of the whole holdout.
        segments: as `by_segment` found them. A part that is too small, or whose figure is not computable, keeps the
            limit: nothing can be said of it.
        calibration, stability: as found; None where the kind has none or nothing was asked.

    Returns:
        of each limit `on` (in words), `declared` (where), `figure`, `limit`, `least` (whether it is the least figure)
        and `kept`. A figure of the whole holdout that is not computable does not keep its limit.
    """
    found = [
        _limit(MEASURES[name].words, f"thresholds[{name!r}]", measures.get(name), limit, least=MEASURES[name].higher)
        for name, limit in declared.thresholds.items()
    ]
    for name, limit in declared.segment_thresholds.items():
        for segment in declared.segments:
            for part in segments.get(segment, ()):
                figure = part["measures"].get(name, {}).get("figure")
                if figure is not None:
                    on = f"{MEASURES[name].words} of {segment} = {part['part']}"
                    where = f"segment_thresholds[{name!r}]"
                    found.append(_limit(on, where, figure, limit, least=MEASURES[name].higher))
    if declared.calibration is not None and calibration is not None:
        found.append(_limit("calibration error", "calibration", calibration["error"], declared.calibration))
    if declared.stability is not None and stability is not None:
        found.append(_limit("change of scores", "stability", stability["change"], declared.stability))
    return found


def recipe_limits(
    kind: OutcomeKind, declared: Validation, metrics: Mapping[str, Any], recipe: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The limits on what further fits say, as `judged_limits` has them.

    Planted noise must not matter: its importance must not be above 0 beyond chance, exchanging it must change scores by
    no more than declared, and the fit that learnt from it must stay within the judged figure's interval.

    Args:
        kind: of the outcome; its first measure tells whether noise matters.
        declared: by the line.
        metrics: of the judged fit.
        recipe: as `recipe_of` found it.
    """
    found = []
    for name, limit in declared.fold_thresholds.items():
        worst = recipe.get("spread", {}).get(name, {"worst": None, "fold": None})
        on = f"{MEASURES[name].words} of the worst fold{'' if worst['fold'] is None else ', ' + worst['fold']}"
        where = f"fold_thresholds[{name!r}]"
        found.append(_limit(on, where, worst["worst"], limit, least=MEASURES[name].higher))
    if (noise := recipe.get("noise")) is not None:
        found += _of_noise(kind.measures[0], declared, metrics, noise)
    return found


def _of_noise(
    measure: Measure, declared: Validation, metrics: Mapping[str, Any], noise: Mapping[str, Any]
) -> list[dict[str, Any]]:
    planted = (((noise["importance"] or {}).get("features")) or {}).get(PLANTED) or {}
    found = []
    if (interval := planted.get("interval")) is not None:
        on = f"lower end of the importance of planted noise, by the {measure.words},"
        found.append(_limit(on, "planted_noise", interval[0], 0.0))
    if (change := planted.get("change")) is not None:
        found.append(_limit("change of scores by planted noise", "noise_limit", change, declared.noise_limit))
    figure = (noise["measures"].get(measure.name) or {}).get("figure")
    bounds = metrics.get(f"{measure.name}_interval")
    if figure is not None and bounds is not None:
        # Of the two ends the one that it is beyond, else the worse one.
        low = figure < bounds[0] or (measure.higher and figure <= bounds[1])
        on = f"{measure.words} with planted noise"
        found.append(_limit(on, "planted_noise", figure, bounds[0] if low else bounds[1], least=low))
    return [{**one, "advice": LESS_FIT} for one in found]


def _limit(on: str, declared: str, figure: float | None, limit: float, *, least: bool = False) -> dict[str, Any]:
    kept = figure is not None and (figure >= limit if least else figure <= limit)
    where = f"validation.{declared}"
    return {"on": on, "declared": where, "figure": figure, "limit": limit, "least": least, "kept": kept}


def missed(limits: Iterable[Mapping[str, Any]]) -> list[str]:
    """The limits that are not kept, each in a sentence with figure, limit and what to do."""
    return [_said(one) for one in limits if not one["kept"]]


def not_better(kind: OutcomeKind, metrics: Mapping[str, Any], margin: float | None) -> list[str]:
    """That the run is not better than the champion by more than the margin, in a sentence; nothing if it is.

    Args:
        kind: of the outcome; its first measure decides.
        metrics: as `evaluate` found them, with the comparison with the champion on the same decisions.
        margin: None if the run need not be better.
    """
    measure = kind.measures[0]
    compared = (metrics.get("champion") or {}).get("measures", {}).get(measure.name)
    if margin is None or compared is None:
        return []
    better = compared["difference"] if measure.higher else -compared["difference"]
    if better > margin:
        return []
    return [
        f"The {measure.words} is better than the champion's by {better:.4g} on the same decisions; expected more than "
        f"{margin:g}. The champion goes on deciding, and the line looks again at its next declared moment."
    ]


def _said(one: Mapping[str, Any]) -> str:
    figure = "not computable" if one["figure"] is None else f"{one['figure']:.4g}"
    bound = "at least" if one["least"] else "at most"
    advice = one.get("advice", IMPROVE)
    return (
        f"The {one['on']} is {figure}; expected {bound} {one['limit']:g}. {advice}; or declare another "
        f"{one['declared']}."
    )
