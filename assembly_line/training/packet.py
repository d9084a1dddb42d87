"""What a reviewer is shown: the run's measures, where its data comes from, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assembly_line.outcome_kinds import MEASURES, Measure, kind_of
from assembly_line.training.comparison import Difference, declared_differences, differences, in_order
from assembly_line.training.page.words import ranked

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.features import Finding, Manifest
    from assembly_line.training.champions import Champion

# A packet is one item of a table, which holds 400 KB.
MOST_FINDINGS = 80
MOST_CHANGES = 80
MOST_FEATURES = 200
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Before:
    """The run of the champion: its record, and the line as its release declares it, None if that is gone."""

    record: Mapping[str, Any]
    line: Line | None


def review_packet(
    record: Mapping[str, Any],
    manifest: Manifest,
    *,
    line: Line,
    champion: Champion | None,
    before: Before | None = None,
) -> dict[str, Any]:
    """The packet, from what the run wrote alone.

    Args:
        record: the run's record.
        manifest: of its dataset.
        line: as the run's release declares it.
        champion: what decides for the line now, if anything does.
        before: what is there of the champion's run.
    """
    context, metrics = record["context"], record["evaluation"]["metrics"]
    fit, validation = record["delivered"] or record["judged"], record.get("validation") or {}
    # A run that an earlier version evaluated knows of no limits.
    blocked = record["evaluation"].get("blocked", [])
    return {
        "decision": _decision(line),
        "line": context["line"],
        "run_id": context["run_id"],
        "as_of": context["as_of"],
        "release": record["release"],
        "dataset_id": record["dataset"]["dataset_id"],
        "rows": fit["rows"],
        "judged_rows": record["judged"]["rows"],
        "holdout_rows": record["split"]["holdout_rows"],
        "purged_rows": record["split"]["purged_rows"],
        "holdout_from": record["split"]["holdout_from"],
        "features": record["features"],
        "hyperparameters": context["hyperparameters"],
        "search": context.get("tuned"),
        "metrics": metrics,
        "champion": None if champion is None else _champion(champion),
        "method": {
            "framework": f"{record['image']['framework']} {record['image']['version']}",
            "instance": record["instance"]["type"],
            "scripts": record["scripts"],
            "refit": record["evaluation"]["refit"],
        },
        "validation": _in_short(validation),
        "blocked": blocked,
        "since_champion": None if before is None else _changes(before, record, line),
        "digest": fit["archive"]["digest"],
        "model_package_arn": record["evaluation"]["model_package_arn"],
        "limitations": list(manifest.limitations),
        "warnings": list(manifest.warnings),
        "excluded": dict(manifest.excluded),
        "quality": [_found(one) for one in manifest.quality[:MOST_FINDINGS]],
        "notes": [
            *_what_was_left_out(record["split"]),
            *_what_is_delivered(record),
            *([] if blocked else validation.get("missed", [])),
            *_worse_parts(validation.get("segments", {})),
            *notes(metrics, author_verified=context["author_verified"], risk=line.risk),
        ],
    }


def _in_short(validation: Mapping[str, Any]) -> dict[str, Any]:
    """With the most important features alone; the run's record has all of them."""
    importance = validation.get("importance")
    if importance is None:
        return dict(validation)
    features = dict(ranked(importance)[:MOST_FEATURES])
    return {**validation, "importance": {**importance, "features": features}}


def _decision(line: Line) -> dict[str, Any]:
    """What is decided, what follows of a score, and who is affected."""
    policy, outcome = line.policy, line.outcome
    return {
        "title": line.title,
        "owner": line.owner,
        "risk": line.risk,
        "about": [entity.name for entity in line.decision.entities],
        "outcome": outcome.name,
        "act": policy.act,
        "otherwise": policy.otherwise,
        "capacity": policy.capacity,
        "threshold": policy.threshold,
        "exploration": policy.exploration,
        "told": list(line.delivery.consumers),
    }


def _found(finding: Finding) -> dict[str, str]:
    """A quality rule or an audit, without its rows."""
    said = {"rule": finding.rule, "result": finding.result, "value": finding.value, "expected": finding.expected}
    return {name: text[:LONGEST] for name, text in said.items()}


def _changes(before: Before, record: Mapping[str, Any], line: Line) -> list[dict[str, str]]:
    """Where the run differs from the champion's, but for figures, digests of fits and of files."""
    declared = [] if before.line is None else declared_differences(before.line, line)
    return [
        {"step": one.step, "name": one.name, "before": _short(one.first), "now": _short(one.second)}
        for one in map(_of_features, in_order([*differences(before.record, record), *declared]))
        if one.step not in ("figures", "judged fit", "delivered fit")
    ][:MOST_CHANGES]


def _of_features(one: Difference) -> Difference:
    """Two lists of features as those that were taken out, and those that came in."""
    if one.name != "features":
        return one
    gone, come = ([name for name in mine if name not in other] for mine, other in _both_ways(one.first, one.second))
    return replace(one, name="features out, and in", first=", ".join(gone) or None, second=", ".join(come) or None)


def _both_ways(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    yield first, second
    yield second, first


def _short(value: object) -> str:
    return "-" if value is None else str(value)[:LONGEST]


def _worse_parts(segments: Mapping[str, Any]) -> list[str]:
    """Parts for which a measure's whole interval is worse than the figure of all decisions."""
    found = [
        f"{name} = {part['part']} ({', '.join(worse)})"
        for name, parts in segments.items()
        for part in parts
        if (worse := [MEASURES[of].words for of, one in part["measures"].items() if one["says"] == "worse"])
    ]
    return [f"Worse than for all decisions: {'; '.join(found)}."] if found else []


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
    if not record["evaluation"]["refit"] or record["delivered"] is None:
        return []
    return [
        f"The figures are those of the recipe: it learnt from the {record['judged']['rows']} earlier decisions and was "
        f"judged on the {record['split']['holdout_rows']} later ones. What is delivered learnt by the same recipe from "
        f"all {record['delivered']['rows']}; no later decisions are left to judge that fit by."
    ]


def _champion(champion: Champion) -> dict[str, Any]:
    """The present champion by its own evaluation: another holdout, so its figures do not compare one to one."""
    return {"run_id": champion.run_id, "promoted_at": champion.promoted_at, "own_metrics": champion.metrics}
