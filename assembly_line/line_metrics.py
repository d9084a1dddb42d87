"""The figures of a line that CloudWatch keeps: functions emit them, dashboards show them. Nothing else spells them.

Each costs. So there are few, and one dimension tells lines of all environments apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assembly_line.names import line_resource

NAMESPACE = "AssemblyLine"
LINE, ACTION = "line", "action"


@dataclass(frozen=True, slots=True)
class LineMetric:
    """One figure.

    Args:
        name: in CloudWatch.
        unit: in CloudWatch's words.
        statistic: what of several values counts.
        title: for people.
        by_action: there is one for each action of the policy.
    """

    name: str
    unit: str
    statistic: str
    title: str
    by_action: bool = False


# By the scoring function, once a batch.
DECISIONS = LineMetric("Decisions", "Count", "Sum", "Decisions by action", by_action=True)
QUARANTINED = LineMetric("Quarantined", "Count", "Sum", "quarantined")
DEAD_LETTERED = LineMetric("DeadLettered", "Count", "Sum", "dead-lettered")
DELIVERY_SECONDS = LineMetric(
    "DeliverySeconds", "Seconds", "Maximum", "Seconds from the start of a run to its delivery"
)
# By the function that derives outcomes, once a run.
OUTCOMES = LineMetric("Outcomes", "Count", "Sum", "Outcomes derived")
# By the function that makes tables of the ledger, once a day.
OUTCOME_COVERAGE = LineMetric("OutcomeCoverage", "Percent", "Average", "Decisions in force with a certain outcome")
PERFORMANCE = LineMetric("Performance", "None", "Average", "Performance of the latest judged decisions")
DIFFERENCES = LineMetric("DeliveryDifferences", "Count", "Maximum", "not accounted for")
# By the function that looks whether decisions are due, where a line declares it.
MISSING = LineMetric("MissingDeliveries", "Count", "Maximum", "due and not delivered")

BY_SCORING = (DECISIONS, QUARANTINED, DEAD_LETTERED, DELIVERY_SECONDS)
BY_OUTCOMES = (OUTCOMES,)
BY_LEDGER = (OUTCOME_COVERAGE, PERFORMANCE, DIFFERENCES)
BY_SLOTS = (MISSING,)
LINE_METRICS = (*BY_SCORING, *BY_OUTCOMES, *BY_LEDGER, *BY_SLOTS)


def dimensions(environment: str, line: str, action: str | None = None) -> dict[str, str]:
    """By which CloudWatch tells a figure of a line from all others."""
    named = {LINE: line_resource(environment, line)}
    return named if action is None else {**named, ACTION: action}


def metrics_of_a_line(actions: Sequence[str], *, due: bool) -> list[tuple[LineMetric, str | None]]:
    """Every custom metric of a line: the figure, and the action if there is one for each.

    Args:
        actions: those of the line's policy.
        due: whether the line declares when its decisions are due.
    """
    emitted = [one for one in LINE_METRICS if due or one not in BY_SLOTS]
    return [(one, action) for one in emitted for action in (actions if one.by_action else (None,))]


Measured = Mapping[LineMetric, float | Mapping[str, float]]
