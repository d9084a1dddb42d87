"""Figures of a line on their way to CloudWatch: a line of the log in Embedded Metric Format, which costs no call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics

from assembly_line.line_metrics import NAMESPACE, LineMetric, Measured, dimensions


def emit(environment: str, line: str, measured: Measured) -> None:
    """Emit figures of a line; those by action are action -> number."""
    by_action: dict[str | None, dict[LineMetric, float]] = defaultdict(dict)
    for metric, found in measured.items():
        for action, value in found.items() if isinstance(found, Mapping) else [(None, found)]:
            by_action[action][metric] = value
    for action, values in by_action.items():
        metrics = EphemeralMetrics(namespace=NAMESPACE)
        for name, said in dimensions(environment, line, action).items():
            metrics.add_dimension(name, said)
        for metric, value in values.items():
            metrics.add_metric(metric.name, metric.unit, value)
        metrics.flush_metrics()
