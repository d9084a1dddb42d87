"""A Lambda's failure carries the exception's class as errorType, so that Retry and Catch by class match."""

from __future__ import annotations

import threading
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace
from assembly_line.errors import EmbeddedAwsError

# The worker answers in one line of JSON whose "error" is a text: the class travels in front of the message.
MARK = "\x01"
STOCK_FAILURE = '"error": str(e)'
MARKED_FAILURE = '"error": type(e).__name__ + chr(1) + str(e)'
INIT = "Worker init failed: "
_trace = threading.local()


def install() -> None:
    _mark_failures()
    _keep_trace()
    _name_failures()


def _mark_failures() -> None:
    runtime = ministack("core.lambda_runtime", "_PYTHON_WORKER_SCRIPT")
    script: str = runtime._PYTHON_WORKER_SCRIPT
    if script.count(STOCK_FAILURE) != 2:
        raise EmbeddedAwsError("ministack's Lambda worker reports failures in another way than expected")
    replace(runtime, "_PYTHON_WORKER_SCRIPT", script.replace(STOCK_FAILURE, MARKED_FAILURE))


def _keep_trace() -> None:
    """The caller of `Worker.invoke` drops the trace; the same thread finds it here."""
    worker = ministack("core.lambda_runtime", "Worker").Worker
    stock = worker.invoke

    def invoke(self: Any, *arguments: Any, **named: Any) -> Any:
        _trace.lines = []
        answer = stock(self, *arguments, **named)
        _trace.lines = (answer.get("trace") or "").splitlines()
        return answer

    worker.invoke = invoke


def _name_failures() -> None:
    lambdas = ministack("services.lambda_svc", "_execute_function_warm")
    stock = lambdas._execute_function_warm

    def execute(function: Any, event: Any, request_id: str) -> Any:
        result = stock(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict):
            result["body"] = failure(body, request_id, getattr(_trace, "lines", []))
        if isinstance(result.get("log"), str):
            result["log"] = result["log"].replace(MARK, ": ")
        return result

    replace(lambdas, "_execute_function_warm", execute)


def failure(body: dict[str, Any], request_id: str, trace: list[str]) -> dict[str, Any]:
    """The error document as AWS gives it: errorMessage, errorType, requestId, stackTrace."""
    message = str(body.get("errorMessage", ""))
    if message == "Worker process died":
        return {"errorMessage": f"RequestId: {request_id} Error: Runtime exited", "errorType": "Runtime.ExitError"}
    if MARK not in message:
        return body
    kind, text = message.removeprefix(INIT).split(MARK, 1)
    if message.startswith(INIT) and kind in ("ImportError", "ModuleNotFoundError"):
        kind, text = "Runtime.ImportModuleError", f"Unable to import module: {text}"
    return {"errorMessage": text, "errorType": kind, "requestId": request_id, "stackTrace": trace}
