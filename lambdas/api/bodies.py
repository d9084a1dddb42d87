"""Bodies as routes declare them: the resolver checks them by these, and describes them in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from assembly_line.errors import RequestRefused
from assembly_line.messages import parse_json
from assembly_line.requests import Request

DEFINITIONS = "#/$defs/"


def read_object(text: str) -> dict[str, Any]:
    """A body, which must be a JSON object.

    Raises:
        MalformedMessage: it is not strict JSON.
        RequestRefused: it is another JSON value.
    """
    document = parse_json(text)
    if not isinstance(document, dict):
        raise RequestRefused(f"body: expected a JSON object, got {type(document).__name__}")
    return document


@dataclass(frozen=True)
class ReadBy:
    """Marks a body that this project's own reader checks, in the words in which it refuses everywhere.

    Args:
        read: from the JSON object to what the route takes; raises an `AssemblyError`.
        schema: the JSON Schema of the object, made when the OpenAPI document is.
    """

    read: Callable[[Mapping[str, Any]], Any]
    schema: Callable[[], dict[str, Any]]

    @classmethod
    def request(cls, request: type[Request]) -> ReadBy:
        """A body that is such a request."""
        return cls(request.parse, lambda: request.model_json_schema(by_alias=True))

    @classmethod
    def request_without_line(cls, request: type[Request]) -> ReadBy:
        """A body that is such a request but for its line, which stands in the path and is added by the route."""
        return cls(_without_line, lambda: _schema_without_line(request))

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return _inlined(self.schema())


def _schema_without_line(request: type[Request]) -> dict[str, Any]:
    schema = request.model_json_schema(by_alias=True)
    schema["properties"].pop("line")
    schema["required"].remove("line")
    return schema


def _without_line(body: Mapping[str, Any]) -> dict[str, Any]:
    if "line" in body:
        raise RequestRefused("line: stands in the path, not in the body")
    return dict(body)


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its definitions where they are used."""
    definitions = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(part) for part in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(definitions[value["$ref"].removeprefix(DEFINITIONS)])
        # It names definitions too, and only says what the parts of a union say themselves.
        return {name: inlined(part) for name, part in value.items() if name != "discriminator"}

    found: dict[str, Any] = inlined(schema)
    return found
