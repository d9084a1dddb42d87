"""Writes docs/openapi.json, the OpenAPI 3.1 document of the HTTP API, from its routes. Run after changing one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lambdas.api import handler as api
from lambdas.api.responses import PROBLEM_JSON, PROBLEM_TYPE
from lambdas.decisions import handler as decisions
from tools.write_schemas import ANY_INSTANT, published, render

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"
DESCRIPTION = (
    "Sign each request with AWS Signature Version 4 for the service `execute-api`. An error is a problem detail (RFC "
    "9457), of which `what_to_do` says how to go on."
)
TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "properties": {
        "type": {"type": "string", "pattern": f"^{PROBLEM_TYPE}[a-z-]+$"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {**TEXT, "description": "What was wrong: where, which value, and what was expected."},
        "what_to_do": TEXT,
        "error": {**TEXT, "description": "The detail, for clients of earlier versions."},
    },
    "required": ["type", "title", "status", "detail", "what_to_do"],
}
SIGNED = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "AWS Signature Version 4.",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def openapi() -> dict[str, Any]:
    """The document."""
    texts = [
        app.get_openapi_json_schema(title="Assembly line", version="1", description=DESCRIPTION)
        for app in (api.app, decisions.app)
    ]
    document: dict[str, Any] = json.loads(texts[0])
    paths: dict[str, Any] = {}
    for text in texts:
        paths |= published(json.loads(text)["paths"], ANY_INSTANT)
    for path in paths.values():
        for operation in path.values():
            operation["responses"] = _responses(operation["responses"])
    document["paths"] = dict(sorted(paths.items()))
    document["components"] = {"schemas": {"Problem": PROBLEM}, "securitySchemes": {"signed": SIGNED}}
    document["security"] = [{"signed": []}]
    document.pop("servers", None)
    return document


def _responses(generated: dict[str, Any]) -> dict[str, Any]:
    """A route's own answers. The resolver's words for invalid requests are not those that leave."""
    success = {code: one for code, one in generated.items() if code.startswith("2")}
    for one in success.values():
        schema = one.get("content", {}).get("application/json", {}).get("schema", {})
        if schema.get("type") == "string":
            one["content"] = {"application/json": {"schema": {"type": "object"}}}
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {**success, "default": {"description": "What was wrong, and what to do", "content": problem}}


def main() -> None:
    FILE.write_text(render(openapi()), encoding="utf-8")
    print("docs/openapi.json")


if __name__ == "__main__":
    main()
