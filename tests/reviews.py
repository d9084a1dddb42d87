"""Reviews of each kind of outcome, whose packets are made as a run makes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from assembly_line.canonical import digest
from assembly_line.declarations.lines import Line
from assembly_line.declarations.training.validation import PLANTED, Validation
from assembly_line.features.model.findings import Finding
from assembly_line.outcome_kinds import Amount, Answer, Binary, Count, Multiclass, Quantiles
from assembly_line.training.evaluation import evaluate
from assembly_line.training.inputs import Truth
from assembly_line.training.packet import Before, review_packet
from assembly_line.training.phases import fit_named
from assembly_line.training.validation.recipe import FurtherFit
from assembly_line.training.validation.segments import TIME, parts_of
from assembly_line.training.validation.validating import AskedAgain, validated
from tests.champions import a_champion
from tests.manifests import a_manifest

ROWS = 900
ANNA, BEN = (
    "arn:aws:sts::111122223333:assumed-role/Scientist/anna",
    "arn:aws:sts::111122223333:assumed-role/Reviewer/ben",
)


def a_review(
    line: Line, *, validation: Validation | None = None, champion: bool = True, recipe: bool = False, **changes: Any
) -> dict[str, Any]:
    """A review that waits, of a line of any kind, with a champion that scored half of the holdout.

    Args:
        validation: what the line declares; by default nothing.
        recipe: whether further fits looked into the recipe.
        changes: members of the review.
    """
    packet = _packet(replace(line, validation=validation or Validation()), champion=champion, recipe=recipe)
    # As the table gives it back.
    packet = json.loads(json.dumps(packet))
    review = {
        "state": "did_not_pass" if packet["blocked"] else "waiting",
        "line": line.name,
        "run_id": packet["run_id"],
        "author": ANNA,
        "author_verified": True,
        "risk": line.risk,
        "packet": packet,
        "packet_digest": digest(packet),
        "opened_at": "2026-11-22T10:00:00.000000Z",
    }
    return {**review, **changes}


def _packet(line: Line, *, champion: bool, recipe: bool) -> dict[str, Any]:
    truth, answers, changed = _judged(line)
    beside = {"run_id": "earlier", "rows": 450, "measures": _differences(line)} if champion else None
    metrics = evaluate(
        answers,
        truth,
        kind=line.predicts,
        prior=line.predicts.prior(truth.outcome),
        baseline_feature=line.training.baseline,
        champion=beside,
    )
    if recipe:
        line = replace(line, validation=replace(line.validation, learning_curve=(0.25, 0.5)))
        truth = replace(truth, exchanged=list(range(ROWS)), features=["spend", "region"])
    again = AskedAgain(nudged=changed, exchanged=[*answers, *reversed(answers)] if recipe else ())
    further = _further(line, answers, truth) if recipe else []
    found = validated(line, answers, truth, metrics, again=again, further=further)
    record = _record(line, metrics, found)
    deciding = a_champion("earlier", line=line.name, metrics=metrics) if champion else None
    before = None
    if champion:
        earlier = {"release": "e" * 64, "features": [*line.features, "old_feature"][1:]}
        before = Before(_record(line, metrics, found) | earlier, replace(line, policy=replace(line.policy, version=7)))
    return review_packet(record, _manifest(line), line=line, champion=deciding, before=before)


def _further(line: Line, answers: list[Answer], truth: Truth) -> list[FurtherFit]:
    """Two folds, planted noise and two parts; the later ones answer better."""
    found = []
    for place, name in enumerate(("fold-1", "fold-2", "part-1", "part-2", "noise")):
        # Some of the answers stand for other decisions.
        apart = 40 * (5 - place)
        given = [*answers[apart:], *answers[:apart]] if apart < 90 else [*answers[::-1][:apart], *answers[apart:]]
        split = {
            "holdout_from": f"2017-0{1 + place}-01T00:00:00.000000Z",
            "holdout_to": f"2017-0{1 + place}-28T00:00:00.000000Z",
            "holdout_rows": ROWS,
            "purged_rows": 12,
        }
        prepared = {"prior": line.predicts.prior(truth.outcome), "rows": 600 * (place + 1), "split": split}
        of = replace(truth, features=[PLANTED]) if name == "noise" else truth
        fit = fit_named(name, refit=True)
        found.append(FurtherFit(fit=fit, prepared=prepared, truth=of, answers=given, exchanged=given))
    return found


def _judged(line: Line) -> tuple[Truth, list[Answer], list[Answer]]:
    """Outcomes that follow one strength, answers that know it roughly, and those to changed inputs."""
    random = np.random.default_rng(3)
    strength = random.random(ROWS)
    outcomes, answers = _answered(line, strength, random)
    linear = _answered(line, np.clip(strength + random.normal(0, 0.25, ROWS), 0.01, 0.99), random)[1]
    regions = np.array(["north", "south", "west"])[random.integers(0, 3, ROWS)].tolist()
    months = [f"2017-0{4 + row * 4 // ROWS}" for row in range(ROWS)]
    truth = Truth(
        decision_id=[f"d{row}" for row in range(ROWS)],
        outcome=outcomes,
        baseline=(strength + random.normal(0, 0.5, ROWS)).tolist(),
        cluster=[row // 3 for row in range(ROWS)],
        segments={
            TIME: parts_of(months, least_rows=1, by_value=True),
            "region": parts_of(regions, least_rows=50, by_value=True),
            "spend": parts_of(np.round(strength * 100).tolist(), least_rows=50, by_value=False),
        },
        linear=linear,
        nudged=list(range(0, ROWS, 3)),
    )
    again = np.clip(strength + random.normal(0, 0.02, ROWS), 0.01, 0.99)
    changed = _answered(line, again, random)[1]
    return truth, answers, [changed[row] for row in truth.nudged]


def _answered(line: Line, strength: Any, random: np.random.Generator) -> tuple[list[Any], list[Answer]]:
    match line.predicts:
        case Binary():
            return (random.random(ROWS) < strength**2).astype(int).tolist(), [(float(one**2),) for one in strength]
        case Multiclass() as kind:
            weights = np.exp(-4 * (strength[:, None] - np.linspace(0, 1, kind.width)) ** 2)
            shares = weights / weights.sum(axis=1, keepdims=True)
            drawn = (random.random((ROWS, 1)) > np.cumsum(shares, axis=1)).sum(axis=1)
            return np.minimum(drawn, kind.width - 1).tolist(), [tuple(map(float, row)) for row in shares]
        case Quantiles() as kind:
            spread = np.array(kind.levels) - 0.5
            return (10 * strength + random.random(ROWS) - 0.5).tolist(), [
                tuple(float(10 * one + by) for by in spread) for one in strength
            ]
        case Count() | Amount():
            return random.poisson(5 * strength).tolist(), [(float(5 * one),) for one in strength]
        case _:
            raise ValueError(line.predicts.name)


def _differences(line: Line) -> dict[str, Any]:
    said = ("better", "noise", "worse", "noise")
    return {
        measure.name: {"challenger": 0.8, "champion": 0.75, "difference": 0.05, "interval": [0.01, 0.09], "says": one}
        for measure, one in zip(line.predicts.measures, said, strict=False)
    }


def _manifest(line: Line) -> Any:
    leak = Finding(
        rule="leakage: spend alone",
        passed=True,
        severity="error",
        value="AUC 0.71",
        expected="at most 0.95",
        advice="look at it",
        feature="spend",
    )
    fresh = replace(leak, rule="fresh: orders", passed=False, severity="warning", value="60 days", expected="45 days")
    return a_manifest(
        line=line.name,
        rows=3600,
        quality=(leak, fresh),
        limitations=("demographics carries no time",),
        warnings=("fresh: orders: 60 days, expected 45 days",),
        excluded={"immature": 12, "without_outcome": 0},
    )


def _record(line: Line, metrics: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    blocked = found["missed"] if line.validation.block else []
    fit = {"rows": 2700, "archive": {"digest": "c" * 64}}
    return {
        "context": {
            "line": line.name,
            "run_id": f"{line.name.replace('_', '-')}-20170701-0001",
            "as_of": "2017-07-01T00:00:00.000000Z",
            "hyperparameters": {name: str(value) for name, value in line.training.hyperparameters.items()},
            "author_verified": True,
        },
        "release": "d" * 64,
        "scripts": {"train.py": "a" * 64, "inference.py": "b" * 64},
        "dataset": {"dataset_id": "ds-" + "0" * 32},
        "split": {"holdout_rows": ROWS, "purged_rows": 40, "holdout_from": "2017-04-01T00:00:00.000000Z"},
        "features": list(line.features),
        "image": {"framework": line.training.framework, "version": line.training.framework_version},
        "instance": {"type": line.training.instance_type},
        "judged": fit,
        "delivered": None if blocked else fit | {"rows": 3600},
        "evaluation": {"metrics": metrics, "refit": True, "blocked": blocked, "model_package_arn": "arn:aws:package/1"},
        "validation": found,
    }
