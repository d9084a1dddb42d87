"""What services do on our behalf: a table of their calls, each row with its source, applied to the templates.

No recorded run shows these calls: an emulator makes them inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from assembly_line.proof.machines.tasks import machines
from assembly_line.proof.permissions.evaluating import Principal, PrincipalKind, Request
from assembly_line.proof.templates import Resource
from assembly_line.proof.world import World

Requests = Iterator[Request]


@dataclass(frozen=True)
class Row:
    """One thing that a service does. `requests` finds every resource of the templates that makes it do so."""

    what: str
    source: str
    requests: Callable[[World], Requests]


def service(name: str) -> Principal:
    return Principal(PrincipalKind.SERVICE, f"{name}.amazonaws.com")


def role(arn: str) -> Principal:
    return Principal(PrincipalKind.ROLE, arn)


def _assumed(world: World) -> Requests:
    """Each service takes the roles that the templates give to it."""
    for user, field, type_ in (
        ("lambda", "Role", "AWS::Lambda::Function"),
        ("states", "RoleArn", "AWS::StepFunctions::StateMachine"),
        ("glue", "Role", "AWS::Glue::Job"),
    ):
        for resource in world.of_type(type_):
            yield Request(service(user), "sts:AssumeRole", world.text(resource.properties[field], resource.stack))
    for rule, target in _targets(world):
        if "RoleArn" in target:
            yield Request(service("events"), "sts:AssumeRole", world.text(target["RoleArn"], rule.stack))
    for each in world.of_type("AWS::IAM::Role"):
        if each.id.startswith("Jobs"):
            yield Request(service("sagemaker"), "sts:AssumeRole", world.arn(each))


def _function_logs(world: World) -> Requests:
    for function in world.of_type("AWS::Lambda::Function"):
        principal = role(world.text(function.properties["Role"], function.stack))
        group = world.text(function.properties["LoggingConfig"]["LogGroup"], function.stack)
        stream = world.place.fill("arn:{p}:logs:{r}:{a}:log-group:{g}:log-stream:2026/11/29/[1]x", g=group)
        yield Request(principal, "logs:CreateLogStream", stream)
        yield Request(principal, "logs:PutLogEvents", stream)


def _queue_mappings(world: World) -> Requests:
    functions = {world.name(each): each for each in world.of_type("AWS::Lambda::Function")}
    for mapping in world.of_type("AWS::Lambda::EventSourceMapping"):
        function = functions[world.text(mapping.properties["FunctionName"], mapping.stack).rpartition(":")[2]]
        principal = role(world.text(function.properties["Role"], function.stack))
        queue = world.text(mapping.properties["EventSourceArn"], mapping.stack)
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"):
            yield Request(principal, f"sqs:{action}", queue)


def _log_keys(world: World) -> Requests:
    logs = Principal(PrincipalKind.SERVICE, f"logs.{world.place.region}.amazonaws.com")
    for group in world.of_type("AWS::Logs::LogGroup"):
        if "KmsKeyId" in group.properties:
            context = {"kms:EncryptionContext:aws:logs:arn": (world.arn(group).removesuffix(":*"),)}
            key = world.text(group.properties["KmsKeyId"], group.stack)
            for action in ("Encrypt", "Decrypt", "ReEncryptFrom", "GenerateDataKey", "DescribeKey"):
                yield Request(logs, f"kms:{action}", key, tuple(context.items()))


def _subscriptions(world: World) -> Requests:
    for each in world.of_type("AWS::SNS::Subscription"):
        if each.properties["Protocol"] != "sqs":
            continue
        topic = world.text(each.properties["TopicArn"], each.stack)
        queues = [world.text(each.properties["Endpoint"], each.stack)]
        redrive = world.value(each.properties.get("RedrivePolicy", {}), each.stack)
        queues += [redrive["deadLetterTargetArn"]] if redrive else []
        for queue in queues:
            yield from _sent_by(world, "sns", queue, topic)


def _sent_by(world: World, user: str, queue: str, source: str) -> Requests:
    """A service puts messages into a queue, and encrypts them by the queue's key."""
    context = (("aws:SourceArn", (source,)),)
    yield Request(service(user), "sqs:SendMessage", queue, context)
    if key := key_of(world, queue):
        yield Request(service(user), "kms:GenerateDataKey", key, context)
        yield Request(service(user), "kms:Decrypt", key, context)


def _alarms(world: World) -> Requests:
    for alarm in world.of_type("AWS::CloudWatch::Alarm"):
        for action in ("AlarmActions", "OKActions", "InsufficientDataActions"):
            for topic in world.value(alarm.properties.get(action, []), alarm.stack):
                context = (("aws:SourceArn", (world.arn(alarm),)),)
                yield Request(service("cloudwatch"), "sns:Publish", topic, context)
                if key := key_of(world, topic):
                    yield Request(service("cloudwatch"), "kms:GenerateDataKey", key, context)
                    yield Request(service("cloudwatch"), "kms:Decrypt", key, context)


def _targets(world: World) -> Iterator[tuple[Resource, dict[str, Any]]]:
    for rule in world.of_type("AWS::Events::Rule"):
        for target in rule.properties.get("Targets", []):
            yield rule, target


def _event_rules(world: World) -> Requests:
    for rule, target in _targets(world):
        arn = world.text(target["Arn"], rule.stack)
        if "RoleArn" in target and ":stateMachine:" in arn:
            yield Request(role(world.text(target["RoleArn"], rule.stack)), "states:StartExecution", arn)
        queues = [arn] if ":sqs:" in arn else []
        if "DeadLetterConfig" in target:
            queues.append(world.text(target["DeadLetterConfig"]["Arn"], rule.stack))
        for queue in queues:
            yield from _sent_by(world, "events", queue, world.arn(rule))


def _api_routes(world: World) -> Requests:
    integrations = {world.ref(each): each for each in world.of_type("AWS::ApiGatewayV2::Integration")}
    for route in world.of_type("AWS::ApiGatewayV2::Route"):
        api = world.text(route.properties["ApiId"], route.stack)
        target = world.text(route.properties["Target"], route.stack).rpartition("/")[2]
        function = world.text(integrations[target].properties["IntegrationUri"], route.stack)
        method, _, path = route.properties["RouteKey"].partition(" ")
        source = world.place.fill("arn:{p}:execute-api:{r}:{a}:{api}/$default/{m}{path}", api=api, m=method, path=path)
        yield Request(service("apigateway"), "lambda:InvokeFunction", function, (("aws:SourceArn", (source,)),))


def _access_logs(world: World) -> Requests:
    for bucket in world.of_type("AWS::S3::Bucket"):
        if logging := bucket.properties.get("LoggingConfiguration"):
            target = world.text(logging["DestinationBucketName"], bucket.stack)
            resource = world.place.fill("arn:{p}:s3:::{b}/{x}2026", b=target, x=logging.get("LogFilePrefix", ""))
            yield Request(service("logging.s3"), "s3:PutObject", resource, (("aws:SourceArn", (world.arn(bucket),)),))


def _machine_telemetry(world: World) -> Requests:
    deliveries = ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries")
    policies = ("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")
    traces = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
    for machine in machines(world):
        given = machine.resource.properties
        if given.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF":
            for action in (*deliveries, *policies):
                yield Request(role(machine.role), f"logs:{action}", "*")
        if given.get("TracingConfiguration", {}).get("Enabled"):
            for action in traces:
                yield Request(role(machine.role), f"xray:{action}", "*")


def key_of(world: World, arn: str) -> str | None:
    """ARN of the customer key that protects a bucket, a table, a queue or a topic; None if there is none of ours."""
    for resource in world.of_type("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SNS::Topic"):
        if world.arn(resource) == arn:
            given = resource.properties
            found: Any = given.get("KmsMasterKeyId") or given.get("SSESpecification", {}).get("KMSMasterKeyId")
            for rule in given.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", []):
                found = rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID")
            return world.text(found, resource.stack) if found else None
    return None


TABLE = (
    Row("A service assumes the roles that are its own", "IAM: roles terms and concepts, service role", _assumed),
    Row("Lambda writes a function's log", "Lambda: execution role, AWSLambdaBasicExecutionRole", _function_logs),
    Row(
        "Lambda polls a queue under the function's role", "Lambda: using Lambda with SQS, permissions", _queue_mappings
    ),
    Row("CloudWatch Logs encrypts a group", "CloudWatch Logs: encrypt log data using KMS, step 2", _log_keys),
    Row("SNS fills a queue", "SNS: fanout to SQS; SNS: key management, encrypted queues", _subscriptions),
    Row("CloudWatch tells an alarm's topic", "CloudWatch: notifying on alarm changes, encrypted topics", _alarms),
    Row("EventBridge calls a rule's targets", "EventBridge: resource-based policies; dead-letter queues", _event_rules),
    Row(
        "API Gateway calls a route's function",
        "API Gateway: Lambda integrations for HTTP APIs, permissions",
        _api_routes,
    ),
    Row("S3 writes access logs", "S3: enabling server access logging, bucket policy", _access_logs),
    Row(
        "Step Functions delivers logs and traces", "Step Functions: logging, tracing, IAM policies", _machine_telemetry
    ),
)
