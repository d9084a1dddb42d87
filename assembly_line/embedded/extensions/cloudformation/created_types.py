"""CloudFormation types that become real things through the emulators' own interfaces."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.embedded.extensions.cloudformation import model_package_groups
from assembly_line.embedded.extensions.pinned import ministack

Properties = Mapping[str, Any]
Created = tuple[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class CreatedType:
    """How one type maps to an interface. All calls raise ValueError with the service's reason.

    `create` takes the name and the properties, and returns the physical id and the attributes for Fn::GetAtt.
    """

    create: Callable[[str, Properties], Created]
    delete: Callable[[str], None]
    name_property: str
    longest_name: int = 128


def created_types() -> dict[str, CreatedType]:
    """All of them, by the name of the CloudFormation type."""
    return {
        "AWS::Athena::NamedQuery": _named_query(),
        "AWS::CloudWatch::CompositeAlarm": _composite_alarm(),
        "AWS::Events::Archive": _archive(),
        "AWS::Glue::SecurityConfiguration": _security_configuration(),
        "AWS::SageMaker::ModelPackageGroup": CreatedType(
            create=model_package_groups.create,
            delete=model_package_groups.delete,
            name_property="ModelPackageGroupName",
            longest_name=63,
        ),
        "AWS::StepFunctions::Activity": _activity(),
    }


def _named_query() -> CreatedType:
    athena = ministack("services.athena", "_create_named_query", "_delete_named_query")

    def create(name: str, properties: Properties) -> Created:
        identifier = _accepted(athena._create_named_query({**properties, "Name": name}))["NamedQueryId"]
        return identifier, {"NamedQueryId": identifier}

    def delete(physical_id: str) -> None:
        _accepted(athena._delete_named_query({"NamedQueryId": physical_id}))

    return CreatedType(create=create, delete=delete, name_property="Name")


def _composite_alarm() -> CreatedType:
    cloudwatch = ministack("services.cloudwatch", "_put_composite_alarm", "_delete_alarms", "_composite_alarms")

    def create(name: str, properties: Properties) -> Created:
        _accepted(cloudwatch._put_composite_alarm({}, {**properties, "AlarmName": name}, False, True))
        return name, {"Arn": str(cloudwatch._composite_alarms[name]["AlarmArn"])}

    def delete(physical_id: str) -> None:
        _accepted(cloudwatch._delete_alarms({}, {"AlarmNames": [physical_id]}, False, True))

    return CreatedType(create=create, delete=delete, name_property="AlarmName")


def _archive() -> CreatedType:
    eventbridge = ministack("services.eventbridge", "_create_archive", "_delete_archive")

    def create(name: str, properties: Properties) -> Created:
        pattern = json.dumps(properties["EventPattern"]) if properties.get("EventPattern") else ""
        request = {**properties, "ArchiveName": name, "EventPattern": pattern}
        request["EventSourceArn"] = request.pop("SourceArn", "")
        return name, {"Arn": str(_accepted(eventbridge._create_archive(request))["ArchiveArn"])}

    def delete(physical_id: str) -> None:
        _accepted(eventbridge._delete_archive({"ArchiveName": physical_id}))

    return CreatedType(create=create, delete=delete, name_property="ArchiveName", longest_name=48)


def _security_configuration() -> CreatedType:
    glue = ministack("services.glue", "_create_security_configuration", "_delete_security_configuration")

    def create(name: str, properties: Properties) -> Created:
        _accepted(glue._create_security_configuration({**properties, "Name": name}))
        return name, {}

    def delete(physical_id: str) -> None:
        _accepted(glue._delete_security_configuration({"Name": physical_id}))

    return CreatedType(create=create, delete=delete, name_property="Name")


def _activity() -> CreatedType:
    states = ministack("services.stepfunctions", "_create_activity", "_delete_activity")

    def create(name: str, properties: Properties) -> Created:
        arn = _accepted(states._create_activity({"name": name, "tags": properties.get("Tags", [])}))["activityArn"]
        return arn, {"Arn": arn, "Name": name}

    def delete(physical_id: str) -> None:
        _accepted(states._delete_activity({"activityArn": physical_id}))

    return CreatedType(create=create, delete=delete, name_property="Name", longest_name=80)


def _accepted(answer: tuple[int, Any, Any]) -> dict[str, Any]:
    """The body of an emulator's answer; ValueError, which CloudFormation reports, if it refused."""
    status, _, body = answer
    content: dict[str, Any] = json.loads(body) if body else {}
    if status >= 400:
        raise ValueError(content.get("message") or content.get("Message") or str(content))
    return content
