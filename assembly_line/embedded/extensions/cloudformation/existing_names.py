"""A stack cannot make what is there: the stock emulator writes over it, CloudFormation refuses it.

And a bucket that holds anything, hidden versions included, stays where it is and fails its stack's deletion.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack

# Type -> the property that fixes its name, and where the emulator keeps what there is, by name or by ARN. The types
# that are missing here refuse by themselves.
STORES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "services.cloudwatch", "_alarms"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "services.cloudwatch", "_dashboards"),
    "AWS::DynamoDB::Table": ("TableName", "services.dynamodb", "_tables"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "services.iam", "_policies"),
    "AWS::IAM::Role": ("RoleName", "services.iam", "_roles"),
    "AWS::Lambda::Function": ("FunctionName", "services.lambda_svc", "_functions"),
    "AWS::Logs::LogGroup": ("LogGroupName", "services.cloudwatch_logs", "_log_groups"),
    "AWS::SNS::Topic": ("TopicName", "services.sns", "_topics"),
    "AWS::SQS::Queue": ("QueueName", "services.sqs", "_queue_name_to_url"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "services.stepfunctions", "_state_machines"),
}


def install() -> None:
    provisioners = ministack("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
    registry: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    for type_name, (property_, module, store) in STORES.items():
        registry[type_name] = _refusing(registry[type_name], type_name, property_, ministack(module, store), store)
    _keep_what_is_not_empty(registry)


def _refusing(handlers: dict[str, Any], type_name: str, property_: str, module: Any, store: str) -> dict[str, Any]:
    create = handlers["create"]

    def create_unless_there(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name = properties.get(property_)
        # Looked up each time: a reset of the emulator puts another store there.
        if isinstance(name, str) and _holds(getattr(module, store), name):
            raise ValueError(f"Resource of type '{type_name}' with identifier '{name}' already exists.")
        return create(logical_id, properties, stack)

    return {**handlers, "create": create_unless_there}


def _holds(keys: Iterable[str], name: str) -> bool:
    return any(
        key == name or (key.startswith("arn:") and key.endswith((f":{name}", f":policy/{name}"))) for key in list(keys)
    )


def _keep_what_is_not_empty(registry: dict[str, dict[str, Any]]) -> None:
    s3, handlers = ministack("services.s3", "_buckets", "_bucket_has_versions"), registry["AWS::S3::Bucket"]
    delete = handlers["delete"]

    def delete_if_empty(physical_id: str, properties: Any) -> Any:
        bucket = s3._buckets.get(physical_id)
        if bucket is not None and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError(f"The bucket you tried to delete is not empty: {physical_id}")
        return delete(physical_id, properties)

    registry["AWS::S3::Bucket"] = {**handlers, "delete": delete_if_empty}


def empty(bucket: str) -> None:
    """Forget every version of every object of a bucket, as the CDK's own resource for it does."""
    s3 = ministack("services.s3", "_buckets", "_object_versions")
    if bucket in s3._buckets:
        s3._buckets[bucket]["objects"].clear()
    for key in [key for key in s3._object_versions if key[0] == bucket]:
        del s3._object_versions[key]
