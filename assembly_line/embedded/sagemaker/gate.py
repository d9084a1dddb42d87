"""What the SageMaker port answers: readiness, SageMaker's own calls, and clear refusals of everything else.

moto's server would answer every AWS service here, with data of its own; a client that asks the wrong port must not
be told that its bucket is empty.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from assembly_line.embedded.call_log import CallLog, request_entry
from assembly_line.embedded.sagemaker.rehearsals import Rehearsals
from assembly_line.errors import RequestRefused

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
REHEARSALS = ("/interruptions", "/refusals")
INVOCATION = re.compile(r"/endpoints/[^/]+/(async-)?invocations.*")


def gate(sagemaker: WsgiApp, ready: dict[str, str], rehearsals: Rehearsals) -> WsgiApp:
    """Wrap moto's application; `ready` is what a look at /moto-api/ answers.

    A look at /interruptions or /refusals answers the rehearsals that were asked for. A JSON object that is sent there
    asks for one.
    """

    log = CallLog.of_process("sagemaker")

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "")
        if path.rstrip("/") == "/moto-api" and method in {"GET", "HEAD"}:
            return _json(start_response, "200 OK", ready)
        if path in REHEARSALS and method in {"GET", "POST"}:
            return _rehearsals(rehearsals, path.removeprefix("/"), environ, start_response)
        if INVOCATION.fullmatch(path):
            message = "InvokeEndpoint is not emulated: endpoints are not emulated yet; score by a batch transform job"
            return _json(start_response, "400 Bad Request", {"message": message}, "ValidationError")
        if not str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith("SageMaker.") or method != "POST":
            message = f"{method} {path}: this port answers SageMaker's API alone"
            return _json(start_response, "404 Not Found", {"message": message}, "UnknownOperationException")
        if "AWS4-HMAC-SHA256" not in str(environ.get("HTTP_AUTHORIZATION", "")):
            message = "the request is not signed; any key pair will do"
            return _json(start_response, "403 Forbidden", {"message": message}, "MissingAuthenticationToken")
        operation = str(environ["HTTP_X_AMZ_TARGET"]).removeprefix("SageMaker.")
        if (refusal := rehearsals.refuses(operation)) is not None:
            return _json(start_response, "400 Bad Request", {"message": refusal.message}, refusal.code)
        return _recorded(sagemaker, environ, start_response, log)

    return answer


def _rehearsals(
    rehearsals: Rehearsals, what: str, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] == "POST":
        try:
            rehearsals.ask(what, json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))))
        except (RequestRefused, ValueError) as error:
            return _json(start_response, "400 Bad Request", {"message": str(error)}, "ValidationError")
    return _json(start_response, "200 OK", rehearsals.to_json())


def _recorded(
    sagemaker: WsgiApp, environ: dict[str, Any], start_response: Callable[..., Any], log: CallLog | None
) -> Iterable[bytes]:
    if log is None:
        return sagemaker(environ, start_response)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    answered = 0

    def start(status: str, *others: Any) -> Any:
        nonlocal answered
        answered = int(status.partition(" ")[0])
        return start_response(status, *others)

    content = sagemaker(environ, start)
    headers = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
    headers.append(("content-type", environ.get("CONTENT_TYPE", "")))
    entry = request_entry(method="POST", path="/", query="", headers=headers, body=body, status=answered)
    log.add({"kind": "request", **entry})
    return content


def _json(
    start_response: Callable[..., Any], status: str, content: dict[str, Any], error: str | None = None
) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json")]
    if error is not None:
        content, headers = {"__type": error, **content}, [*headers, ("x-amzn-ErrorType", error)]
    start_response(status, headers)
    return [json.dumps(content).encode("utf-8")]
