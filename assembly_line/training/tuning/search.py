"""The tuning job of a run as SageMaker takes it, and which of its trials is best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

from assembly_line.declarations.training.tuning import (
    CategoricalRange,
    ContinuousRange,
    IntegerRange,
    Range,
    Tuning,
)
from assembly_line.errors import TrainingRejected

Direction = Literal["Minimize", "Maximize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training job of a search.

    Args:
        name: of the job.
        status: SageMaker's word for how it ended.
        value: what it reported; None if nothing.
        hyperparameters: the values that it tried, as JSON texts by name.
        reason: why it failed.
    """

    name: str
    status: str
    value: float | None
    hyperparameters: Mapping[str, str]
    reason: str = ""


def algorithm_of_trials(tuning: Tuning, image: str) -> dict[str, Any]:
    """What the trials run, as `AlgorithmSpecification`. SageMaker refuses expressions for an algorithm of its own."""
    found: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": "File"}
    if tuning.printed is None:
        return found
    return {**found, "MetricDefinitions": [{"Name": tuning.metric, "Regex": tuning.pattern}]}


def job_config(tuning: Tuning, search: Sequence[str]) -> dict[str, Any]:
    """How the search goes, as `HyperParameterTuningJobConfig`.

    Args:
        search: the hyperparameters whose values are looked for; the request fixed the others.
    """
    return {
        "Strategy": tuning.strategy,
        "HyperParameterTuningJobObjective": {"Type": tuning.direction, "MetricName": tuning.metric},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": tuning.trials, "MaxParallelTrainingJobs": tuning.parallel},
        "ParameterRanges": _parameter_ranges({name: tuning.ranges[name] for name in search}),
        "RandomSeed": tuning.seed,
    }


def _parameter_ranges(ranges: Mapping[str, Range]) -> dict[str, list[dict[str, Any]]]:
    """Ends are texts, and so are categories: JSON texts, which script mode decodes as it does those of a fit."""
    found: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    for name, values in ranges.items():
        match values:
            case CategoricalRange():
                said = {"Name": name, "Values": [json.dumps(value) for value in values.values]}
                found["CategoricalParameterRanges"].append(said)
            case IntegerRange() | ContinuousRange():
                kind = "Integer" if isinstance(values, IntegerRange) else "Continuous"
                ends = {"MinValue": json.dumps(values.lowest), "MaxValue": json.dumps(values.highest)}
                found[f"{kind}ParameterRanges"].append({"Name": name, **ends, "ScalingType": values.scale})
            case _:
                assert_never(values)
    return found


def best_of(trials: Iterable[Trial], tuning: Tuning, *, job: str) -> Trial:
    """The trial with the best figure; of equal ones the first by name.

    Raises:
        TrainingRejected: no trial ended well and printed its figure.
    """
    trials = list(trials)
    found = [one for one in trials if one.value is not None and one.status == "Completed" and math.isfinite(one.value)]
    if not found:
        failed = next((one for one in trials if one.reason), None)
        why = f"{failed.name}: {failed.reason}" if failed else f"none printed a line that matches {tuning.pattern!r}"
        raise TrainingRejected(
            f"tuning job {job}: none of {len(trials)} trials reported {tuning.metric} ({why}); train.py must print it "
            "when there is the channel `validation`; see the log of a trial"
        )
    sign = 1 if tuning.direction == "Minimize" else -1
    return min(found, key=lambda one: (sign * _figure(one), one.name))


def _figure(trial: Trial) -> float:
    return math.inf if trial.value is None else trial.value


def found_by(
    trials: Sequence[Trial], tuning: Tuning, *, job: str, fold: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the run keeps of its search, and the best values as JSON texts, written as a request writes them.

    Args:
        fold: what the trials learnt from and reported on.

    Raises:
        TrainingRejected: no trial reported.
    """
    best = best_of(trials, tuning, job=job)
    values = {name: json.dumps(json.loads(text)) for name, text in sorted(best.hyperparameters.items())}
    return {
        "job": job,
        "metric": tuning.metric,
        "direction": tuning.direction,
        "strategy": tuning.strategy,
        "seed": tuning.seed,
        "trials": len(trials),
        "reported": sum(1 for one in trials if one.value is not None),
        "best": {"trial": best.name, "value": best.value, "hyperparameters": values},
        "fold": dict(fold),
    }, values


def search_in_words(found: Mapping[str, Any]) -> str:
    """A search in a sentence, for a reviewer and for whoever looks at the run."""
    best, fold = found["best"], found["fold"]
    end = "lowest" if found["direction"] == "Minimize" else "highest"
    return (
        f"{found['trials']} trials ({found['strategy']}, {found['reported']} reported); the {end} {found['metric']} "
        f"was {best['value']:.6g}, on {fold['fold_rows']:,} decisions from {fold['fold_from']}, in {best['trial']}: "
        + ", ".join(f"{name} {value}" for name, value in best["hyperparameters"].items())
    )


def trials_to_json(trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """Every trial, in the order of their names."""
    return [asdict(one) for one in sorted(trials, key=lambda one: one.name)]
