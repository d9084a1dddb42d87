"""Custom resources: bounded in time, and the one that empties buckets is not needed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.embedded.extensions.cloudformation.existing_names import empty
from assembly_line.embedded.extensions.pinned import ministack, replace

# Its JavaScript handler needs an SDK that is not here; what it does is done without it.
EMPTIES_BUCKETS = "Custom::S3AutoDeleteObjects"
# The stock limit is an hour, for which a handler that dies would hold the deployment.
TIMEOUT_SECONDS = "120"


def install() -> None:
    _skip_bucket_emptying()
    _limit_waiting()


def _skip_bucket_emptying() -> None:
    provisioners = ministack("services.cloudformation.provisioners")
    create, update, delete = (
        getattr(ministack(provisioners.__name__.removeprefix("ministack."), name), name)
        for name in ("_custom_resource_create", "_custom_resource_update", "_custom_resource_delete")
    )

    def create_unless_emptying(
        logical_id: str, properties: Any, stack: str, resource_type: str = "AWS::CloudFormation::CustomResource"
    ) -> Any:
        if resource_type == EMPTIES_BUCKETS:
            return f"{stack}-{logical_id}", {}
        return create(logical_id, properties, stack, resource_type)

    def update_unless_emptying(physical_id: str, *arguments: Any, **named: Any) -> Any:
        return (
            (physical_id, {})
            if named.get("resource_type") == EMPTIES_BUCKETS
            else update(physical_id, *arguments, **named)
        )

    def delete_unless_emptying(*arguments: Any, **named: Any) -> Any:
        if named.get("resource_type") != EMPTIES_BUCKETS:
            return delete(*arguments, **named)
        empty(str(arguments[1].get("BucketName", "")))
        return None

    replace(provisioners, "_custom_resource_create", create_unless_emptying)
    replace(provisioners, "_custom_resource_update", update_unless_emptying)
    replace(provisioners, "_custom_resource_delete", delete_unless_emptying)
    # The registry holds the stock function itself.
    provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::CustomResource"]["create"] = create_unless_emptying


def _limit_waiting() -> None:
    custom_resource = ministack("services.cloudformation.custom_resource", "invoke_custom_resource")
    stock = custom_resource.invoke_custom_resource

    def invoke(request_type: str, logical_id: str, properties: Mapping[str, Any], *arguments: Any, **named: Any) -> Any:
        limited = {"ServiceTimeout": TIMEOUT_SECONDS, **properties}
        return stock(request_type, logical_id, limited, *arguments, **named)

    replace(custom_resource, "invoke_custom_resource", invoke)
