"""A line's dashboard and alarm: what was decided and delivered, what waits and went wrong, what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.line_metrics import (
    BY_LEDGER,
    DEAD_LETTERED,
    DECISIONS,
    DELIVERY_SECONDS,
    DIFFERENCES,
    MISSING,
    OUTCOME_COVERAGE,
    OUTCOMES,
    PERFORMANCE,
    QUARANTINED,
    LineMetric,
    metrics_of_a_line,
)
from stacks.constructs.alarms import FIVE_MINUTES, line_metric
from stacks.constructs.messaging.subscriber import Subscriber
from stacks.foundation import FoundationStack

ONE_DAY = Duration.days(1)


class LineDashboard(Construct):
    """One dashboard, and alarms on messages that SNS could not deliver, and on deliveries that do not add up."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        line: Line,
        topic: sns.Topic,
        subscribers: Mapping[str, Subscriber],
        foundation: FoundationStack,
    ) -> None:
        super().__init__(scope, id_)
        failed = topic.metric_number_of_notifications_failed(period=FIVE_MINUTES)
        foundation.alarms.when(
            self, "Undelivered", metric=failed, description=f"{line.name}: predictions could not be delivered"
        )
        foundation.alarms.when(
            self,
            "Differences",
            metric=line_metric(DIFFERENCES, foundation.deployment.environment, line.name, period=ONE_DAY),
            description=f"{line.name}: deliveries do not add up: `line delivery reconcile {line.name}` says which",
        )
        waiting = [_depth(subscriber.queue, name) for name, subscriber in subscribers.items()]
        dead = [_depth(subscriber.dead_letters, f"{name}: not handled") for name, subscriber in subscribers.items()]
        lost = [_depth(subscriber.undelivered, f"{name}: not delivered") for name, subscriber in subscribers.items()]
        ages = [
            subscriber.queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, label=name)
            for name, subscriber in subscribers.items()
        ]
        published = [topic.metric_number_of_messages_published(period=FIVE_MINUTES), failed]
        own = self._own(line, foundation)
        board = cloudwatch.Dashboard(self, "Board")
        board.add_widgets(
            cloudwatch.GraphWidget(title=DECISIONS.title, left=own[DECISIONS], stacked=True),
            cloudwatch.GraphWidget(
                title="Not delivered",
                left=[each for one in (QUARANTINED, DEAD_LETTERED, DIFFERENCES, MISSING) for each in own.get(one, ())],
            ),
        )
        board.add_widgets(
            cloudwatch.GraphWidget(title=DELIVERY_SECONDS.title, left=own[DELIVERY_SECONDS]),
            cloudwatch.GraphWidget(title=OUTCOMES.title, left=own[OUTCOMES]),
        )
        board.add_widgets(
            cloudwatch.GraphWidget(
                title=OUTCOME_COVERAGE.title,
                left=own[OUTCOME_COVERAGE],
                left_y_axis=cloudwatch.YAxisProps(min=0, max=100, label="%", show_units=False),
            ),
            cloudwatch.GraphWidget(
                title=f"{line.predicts.measures[0].words} of the latest judged decisions", left=own[PERFORMANCE]
            ),
        )
        board.add_widgets(
            cloudwatch.GraphWidget(title="Predictions published", left=published),
            cloudwatch.GraphWidget(title="Waiting at subscribers", left=waiting),
        )
        board.add_widgets(
            cloudwatch.GraphWidget(title="Age of the oldest message", left=ages),
            cloudwatch.GraphWidget(title="Dead letters", left=[*dead, *lost]),
        )

    def _own(self, line: Line, foundation: FoundationStack) -> Mapping[LineMetric, list[cloudwatch.IMetric]]:
        """What the line's functions say of it."""
        own: dict[LineMetric, list[cloudwatch.IMetric]] = {}
        for metric, action in metrics_of_a_line(line.policy.actions, due=line.delivery.due is not None):
            period = ONE_DAY if metric in BY_LEDGER else FIVE_MINUTES
            environment = foundation.deployment.environment
            shown = line_metric(metric, environment, line.name, action=action, period=period)
            # An alarm cannot name a metric that has a label.
            own.setdefault(metric, []).append(shown.with_(label=action or metric.title))
        return own


def _depth(queue: sqs.Queue, label: str) -> cloudwatch.IMetric:
    return queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum", label=label)
