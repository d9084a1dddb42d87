"""CloudFormation types that the emulator lacks: an allow-list, entered into its own registry."""

from __future__ import annotations

import logging
from typing import Any

from assembly_line.embedded.extensions.cloudformation.created_types import (
    Created,
    CreatedType,
    Properties,
    created_types,
)
from assembly_line.embedded.extensions.cloudformation.recorded_types import RECORDED, RecordedType
from assembly_line.embedded.extensions.pinned import ministack

logger = logging.getLogger("assembly_line.cloudformation")


def install() -> None:
    provisioners = ministack(
        "services.cloudformation.provisioners", "_RESOURCE_HANDLERS", "_physical_name", "get_region", "get_account_id"
    )
    registry: dict[str, Any] = provisioners._RESOURCE_HANDLERS
    for name, created_type in created_types().items():
        registry[name] = _handlers(provisioners, created_type)
    for name, recorded_type in RECORDED.items():
        registry[name] = _recorded_handlers(provisioners, name, recorded_type)


def _handlers(provisioners: Any, type_: CreatedType) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        name = properties.get(type_.name_property) or provisioners._physical_name(
            stack, logical_id, max_len=type_.longest_name
        )
        return type_.create(str(name), properties)

    def update(physical_id: str, _old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
        type_.delete(physical_id)
        return create(logical_id, new, stack)

    def delete(physical_id: str, _properties: Properties) -> None:
        type_.delete(physical_id)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def _recorded_handlers(provisioners: Any, type_name: str, type_: RecordedType) -> dict[str, Any]:
    _, service, kind = type_name.split("::")

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        given = properties.get(type_.name_property)
        name = given if isinstance(given, str) else provisioners._physical_name(stack, logical_id, max_len=60)
        logger.warning("%s %s is recorded, not emulated: %s", type_name, name, type_.consequence)
        place = f"{provisioners.get_region()}:{provisioners.get_account_id()}"
        arn = f"arn:aws:{service.lower()}:{place}:{kind.lower()}/{name}"
        attributes = {"Arn": arn, "Id": name, "Name": name, f"{kind}Arn": arn, f"{kind}Name": name, f"{kind}Id": name}
        return (arn if type_.ref_is_arn else name), attributes

    def update(_physical_id: str, _old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
        return create(logical_id, new, stack)

    def delete(_physical_id: str, _properties: Properties) -> None:
        return None

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}
