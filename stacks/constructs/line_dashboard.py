"""A line's dashboard and alarm: what was published, what waits at its subscribers, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.names import Metric
from stacks.constructs.alarms import FIVE_MINUTES, line_metric
from stacks.constructs.messaging.subscriber import Subscriber
from stacks.foundation import FoundationStack


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
            metric=line_metric(Metric.DELIVERY_DIFFERENCES, foundation.deployment.environment, line.name),
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
        board = cloudwatch.Dashboard(self, "Board")
        board.add_widgets(
            cloudwatch.GraphWidget(title="Predictions published", left=published),
            cloudwatch.GraphWidget(title="Waiting at subscribers", left=waiting),
        )
        board.add_widgets(
            cloudwatch.GraphWidget(title="Age of the oldest message", left=ages),
            cloudwatch.GraphWidget(title="Dead letters", left=[*dead, *lost]),
        )


def _depth(queue: sqs.Queue, label: str) -> cloudwatch.IMetric:
    return queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum", label=label)
