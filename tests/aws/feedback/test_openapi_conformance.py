"""The API keeps to its published OpenAPI document, whatever is sent: schemathesis asks, both functions answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from assembly_line.errors import NotFound
from assembly_line.storage import Functions
from lambdas.api import handler as api
from lambdas.decisions import handler as decisions
from tests.aws.features.online_world import new_online_table
from tests.aws.feedback.conftest import ANNA, LINE, request
from tools.write_openapi import FILE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

load_all_checks()
# Whoever stands before the functions answers other methods, and those who sign nothing.
HELD = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def application(context: Any, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """The HTTP API in front of both functions, as WSGI."""
    if environ["PATH_INFO"] == "/openapi.json":
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(document()).encode()]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode("utf-8", "surrogateescape")
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    event = request(environ["REQUEST_METHOD"], path, body, ANNA)
    event["rawQueryString"] = query = environ.get("QUERY_STRING", "")
    event["queryStringParameters"] = dict(parse_qsl(query, keep_blank_values=True))
    event["headers"] |= {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    function = decisions if "/decisions" in path else api
    answer = function.handle(event, context)
    start(f"{answer['statusCode']} said", [("Content-Type", answer["headers"]["Content-Type"])])
    return [answer["body"].encode()]


def document() -> dict[str, Any]:
    """The published one, asked about lines of which one is released."""
    found: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    for methods in found["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "line":
                    parameter["schema"] = {"enum": [LINE, "no_line"]}
    return found


def _absent(_functions: Functions, function: str, _event: object) -> dict[str, Any]:
    raise NotFound(f"function {function}: is not here")


@pytest.fixture
def served(
    variables: None, released: str, champion_table: Any, lambda_context: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Iterable[bytes]]:
    new_online_table()
    monkeypatch.setenv("SERVING_FUNCTION", "serve")
    # Of other functions, which this account lacks.
    monkeypatch.setattr(Functions, "call", _absent)
    return partial(application, lambda_context)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_the_document_allows(
    served: Callable[..., Iterable[bytes]], path: str, method: str
) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", served)[path][method]
    held: Any = CHECKS.get_by_names(HELD)

    @given(case=operation.as_strategy())
    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=held)

    ask()
