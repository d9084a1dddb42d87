"""What of a synthesized app the embedded AWS stores without acting on it, for `line up` to show."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assembly_line.embedded.extensions.cloudformation.recorded_types import RECORDED
from assembly_line.embedded.machine_limitations import machine_limitations

Resource = Mapping[str, Any]
ALWAYS = (
    "IAM and resource policies and key grants are stored, not evaluated (HTTP API signatures are checked)",
    "a Lambda function's memory limit is not enforced, and it runs on this environment's Python",
    "the log of a Glue run is a file below logs/glue of the state folder, in no log group",
)
# AWS publishes these itself; here nobody does, so that alarms on them cannot fire.
SILENT_NAMESPACES = ("AWS/SQS", "AWS/States", "AWS/SNS", "AWS/DynamoDB", "AWS/S3", "AWS/ApiGateway", "AWS/Events")


def limitations(templates: Iterable[Mapping[str, Any]]) -> list[str]:
    """One sentence for each kind of thing that deploys but does not act, naming the resources; sorted, no doubles."""
    found: dict[str, set[str]] = defaultdict(set)
    for template in templates:
        for logical_id, resource in template.get("Resources", {}).items():
            for sentence in _of_resource(resource):
                found[sentence].add(logical_id)
    return [*ALWAYS, *(f"{sentence}: {_names(found[sentence])}" for sentence in sorted(found))]


def templates_of(assembly: Path) -> list[dict[str, Any]]:
    """All templates of a cloud assembly, nested ones included."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(assembly.glob("*.template.json"))]


def _of_resource(resource: Resource) -> Iterator[str]:
    type_, properties = resource["Type"], resource.get("Properties", {})
    if type_ in RECORDED:
        yield f"{type_} is recorded, not emulated ({RECORDED[type_].consequence})"
    check = _CHECKS.get(type_)
    if check:
        yield from check(properties)


def _alarm(properties: Resource) -> Iterator[str]:
    if properties.get("Namespace") in SILENT_NAMESPACES:
        yield f"alarms on {properties['Namespace']} cannot fire, as nobody publishes these metrics here"
    if any("Expression" in metric for metric in properties.get("Metrics", [])):
        yield "alarms on metric mathematics are never evaluated"


def _event_source(properties: Resource) -> Iterator[str]:
    ignored = {"BisectBatchOnFunctionError", "MaximumRetryAttempts", "DestinationConfig"} & set(properties)
    if ignored and "StartingPosition" in properties:
        yield f"stream event sources ignore {', '.join(sorted(ignored))}"


def _pipe(_properties: Resource) -> Iterator[str]:
    yield "EventBridge Pipes are stored, nothing flows through them (except from DynamoDB streams)"


def _metric_filter(_properties: Resource) -> Iterator[str]:
    yield "metric filters of log groups are stored, nothing is counted"


def _subscription(properties: Resource) -> Iterator[str]:
    if "RedrivePolicy" in properties:
        yield "dead-letter queues of SNS subscriptions get nothing"


def _rule(properties: Resource) -> Iterator[str]:
    if "ScheduleExpression" in properties and properties.get("State") == "DISABLED":
        instead = "run `line tables refresh`, `line delivery due`"
        yield f"what lines schedule is not started (`schedules = false` in the settings); {instead}"
    if any("DeadLetterConfig" in target for target in properties.get("Targets", [])):
        yield "dead-letter queues of EventBridge rules get nothing"


def _invoke_config(properties: Resource) -> Iterator[str]:
    if "OnSuccess" in properties.get("DestinationConfig", {}):
        yield "on-success destinations of asynchronous calls get nothing"


def _alias(properties: Resource) -> Iterator[str]:
    if "RoutingConfig" in properties:
        yield "weighted aliases always take the main version"


def _archive(_properties: Resource) -> Iterator[str]:
    yield "event archives exist, retention is not applied"


def _bucket(properties: Resource) -> Iterator[str]:
    if "LifecycleConfiguration" in properties:
        yield "lifecycle rules are stored, no object ever expires"


def _table(properties: Resource) -> Iterator[str]:
    if properties.get("TimeToLiveSpecification", {}).get("Enabled"):
        yield "DynamoDB items may outlive their time to live"


def _machine(properties: Resource) -> Iterator[str]:
    yield from machine_limitations(properties)


_CHECKS: dict[str, Callable[[Resource], Iterator[str]]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::DynamoDB::GlobalTable": _table,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Archive": _archive,
    "AWS::Events::Rule": _rule,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::EventInvokeConfig": _invoke_config,
    "AWS::Lambda::EventSourceMapping": _event_source,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::Pipes::Pipe": _pipe,
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Subscription": _subscription,
    "AWS::StepFunctions::StateMachine": _machine,
}


def _names(names: set[str]) -> str:
    shown = sorted(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
