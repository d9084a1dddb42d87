"""SQS says who sent a message. Functions work under their own roles, so that one is known from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace

_access_key: ContextVar[str] = ContextVar("access_key_of_sender", default="")


def install() -> None:
    """The stock emulator gives all functions the account's own keys, and names the account as every sender."""
    for user in ("core.lambda_runtime", "services.lambda_svc"):
        replace(ministack(user), "execution_credentials", session_of_function)
    _keep_sender()
    _show_sender_to_functions()


def session_of_function(function: Mapping[str, Any]) -> dict[str, str]:
    """Keys of a session of the function's role, named as the function, which is how Lambda does it."""
    return session_of(function["FunctionArn"], role=function["Role"], name=function["FunctionName"])


def session_of(worker: str, *, role: str, name: str) -> dict[str, str]:
    """Keys of a session of a role, named as what works under it. The same worker gets the same keys again."""
    sessions = ministack("services.sts", "register_session", "_role_id")
    account = role.split(":")[4]
    digest = hashlib.sha256(f"{worker} {role}".encode()).hexdigest()
    session = {"SecretAccessKey": digest[16:40], "SessionToken": digest[40:]}
    key = f"ASIA{digest[:16].upper()}"
    identity = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{name}",
        "UserId": f"{sessions._role_id(role)}:{name}",
    }
    sessions.register_session(key, {**identity, **session})
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }


def _keep_sender() -> None:
    sqs = ministack("services.sqs", "handle_request", "_build_send_sys_attrs")
    keys = ministack("core.router", "extract_access_key_id")
    callers = ministack("core.iam_evaluator", "resolve_caller_identity")
    handle_stock, attributes_stock = sqs.handle_request, sqs._build_send_sys_attrs

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        token = _access_key.set(keys.extract_access_key_id(headers, query))
        try:
            return await handle_stock(method, path, headers, body, query)
        finally:
            _access_key.reset(token)

    def attributes(now: float, given: Any) -> dict[str, str]:
        sender = callers.resolve_caller_identity(_access_key.get())
        return {**attributes_stock(now, given), **({"SenderId": str(sender["userId"])} if sender else {})}

    replace(sqs, "handle_request", handle)
    replace(sqs, "_build_send_sys_attrs", attributes)


def _show_sender_to_functions() -> None:
    lambdas = ministack("services.lambda_svc", "_run_sqs_batch")
    stock = lambdas._run_sqs_batch

    def run(mapping: Any, function: Any, event: dict[str, Any], batch: list[dict[str, Any]], *where: Any) -> None:
        senders = {message["id"]: message["sys"].get("SenderId") for message in batch}
        for record in event["Records"]:
            record["attributes"]["SenderId"] = senders[record["messageId"]] or record["attributes"]["SenderId"]
        stock(mapping, function, event, batch, *where)

    replace(lambdas, "_run_sqs_batch", run)
