"""CloudFormation types that are only remembered, so that templates deploy, and what does not happen because of it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class RecordedType:
    """A type that is remembered so that templates deploy, while nothing acts on it."""

    consequence: str  # what does not happen because of it
    name_property: str
    ref_is_arn: bool = False


RECORDED = MappingProxyType(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget": RecordedType(
            consequence="nothing scales", name_property="ResourceId"
        ),
        "AWS::ApplicationAutoScaling::ScalingPolicy": RecordedType(
            consequence="nothing scales", name_property="PolicyName", ref_is_arn=True
        ),
        "AWS::Budgets::Budget": RecordedType(consequence="costs are not watched", name_property="BudgetName"),
        "AWS::CE::AnomalyMonitor": RecordedType(
            consequence="costs are not watched", name_property="MonitorName", ref_is_arn=True
        ),
        "AWS::CE::AnomalySubscription": RecordedType(
            consequence="costs are not watched", name_property="SubscriptionName", ref_is_arn=True
        ),
        "AWS::CloudWatch::AnomalyDetector": RecordedType(
            consequence="no anomaly band is computed", name_property="MetricName"
        ),
        "AWS::EC2::FlowLog": RecordedType(consequence="network flows are not logged", name_property="LogGroupName"),
        "AWS::Events::EventBusPolicy": RecordedType(
            consequence="permissions are not evaluated", name_property="StatementId"
        ),
        "AWS::Glue::DataQualityRuleset": RecordedType(consequence="its rules are not evaluated", name_property="Name"),
        "AWS::Logs::QueryDefinition": RecordedType(consequence="the saved query is not listed", name_property="Name"),
        "AWS::SageMaker::MlflowTrackingServer": RecordedType(
            consequence="no tracking server runs", name_property="TrackingServerName"
        ),
    }
)
