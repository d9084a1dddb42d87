"""Where alarms go: one topic, and an e-mail address if the settings name one."""

from __future__ import annotations

from typing import Protocol

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from assembly_line.line_metrics import NAMESPACE, LineMetric, dimensions

FIVE_MINUTES = Duration.minutes(5)


def line_metric(
    metric: LineMetric, environment: str, line: str, *, period: Duration, action: str | None = None
) -> cloudwatch.Metric:
    """What functions emit of a line."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.name,
        dimensions_map=dimensions(environment, line, action),
        statistic=metric.statistic,
        period=period,
    )


class Alarming(Protocol):
    """Raises alarms: by the environment's own topic, or by one of somebody else."""

    def when(
        self, scope: Construct, id_: str, *, metric: cloudwatch.IMetric, at_least: int = 1, description: str
    ) -> cloudwatch.Alarm: ...


class AlarmsTo:
    """Raises alarms by a topic that is there already; by none, they are only seen in CloudWatch."""

    def __init__(self, topic: sns.ITopic | None) -> None:
        self.topic = topic

    def when(
        self, scope: Construct, id_: str, *, metric: cloudwatch.IMetric, at_least: int = 1, description: str
    ) -> cloudwatch.Alarm:
        """Raise an alarm in `scope` as soon as the metric reaches `at_least`; no data means that nothing happened."""
        alarm = cloudwatch.Alarm(
            scope,
            id_,
            metric=metric,
            threshold=at_least,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        if self.topic is not None:
            alarm.add_alarm_action(actions.SnsAction(self.topic))
        return alarm


class Alarms(Construct):
    """Exposes `topic`, and `when` to raise an alarm."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, email: str | None) -> None:
        super().__init__(scope, id_)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # A topic with a policy of its own has lost the default one, by which alarms of the account may publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if email is not None:
            sns.Subscription(self, "Email", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email)

    def when(
        self, scope: Construct, id_: str, *, metric: cloudwatch.IMetric, at_least: int = 1, description: str
    ) -> cloudwatch.Alarm:
        """Raise an alarm in `scope` as soon as the metric reaches `at_least`; no data means that nothing happened."""
        return AlarmsTo(self.topic).when(scope, id_, metric=metric, at_least=at_least, description=description)
