"""What a tuning job may say of SageMaker's XGBoost image: it counts as an algorithm, in script mode too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.declarations.training.tuning import ALGORITHM, CHANNEL, HIGHER_IS_BETTER, LOWER_IS_BETTER, TUNED
from assembly_line.errors import RequestRefused
from assembly_line.training import framework_of

Definition = Mapping[str, Any]


def is_algorithm(definition: Definition) -> bool:
    framework = framework_of(str(definition["AlgorithmSpecification"].get("TrainingImage", "")))
    return framework is not None and framework.name == ALGORITHM


def metrics_of(definition: Definition) -> list[dict[str, str]]:
    """The metrics of a trial: those of the request, or those that the image is known to print.

    The container's log shows a tabulator as `#011`. Here it is one still.
    """
    if not is_algorithm(definition):
        return list(definition["AlgorithmSpecification"].get("MetricDefinitions") or [])
    return [
        {"Name": f"{CHANNEL}:{name}", "Regex": rf".*\[[0-9]+\].*(?:#011|\t){CHANNEL}-{name}:(\S+)"}
        for name in (*LOWER_IS_BETTER, *HIGHER_IS_BETTER)
    ]


def check_algorithm(definition: Definition, ranges: Mapping[str, Any]) -> None:
    """Refuse what SageMaker refuses for its own algorithms.

    Raises:
        RequestRefused: in its words, where they are known.
    """
    if definition["AlgorithmSpecification"].get("MetricDefinitions"):
        raise RequestRefused(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    names = [one["Name"] for kind in ranges.values() for one in kind or []]
    others = sorted(name for name in names if name not in TUNED)
    if others:
        raise RequestRefused(f"ParameterRanges: the algorithm has no tunable hyperparameter {', '.join(others)}")
