"""HTTP APIs: an endpoint address that resolves everywhere, and IAM authorisation that checks who signed."""

from __future__ import annotations

import json
import os
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace

TYPE = "AWS::ApiGatewayV2::Api"


def install() -> None:
    _give_resolvable_endpoints()
    _check_signatures()


def endpoint(api_id: str) -> str:
    """The stock address is a name below the host, which the system's resolver does not know; this one is a path."""
    return f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}/_aws/execute-api/{api_id}/$default"


def _give_resolvable_endpoints() -> None:
    provisioners = ministack("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
    apis = ministack("services.apigateway", "_apis")
    stock = provisioners._RESOURCE_HANDLERS[TYPE]["create"]

    def create(logical_id: str, properties: Any, stack: str) -> tuple[str, dict[str, Any]]:
        api_id, attributes = stock(logical_id, properties, stack)
        apis._apis[api_id]["apiEndpoint"] = endpoint(api_id)
        return api_id, {**attributes, "ApiEndpoint": endpoint(api_id)}

    provisioners._RESOURCE_HANDLERS[TYPE]["create"] = create


def _check_signatures() -> None:
    app = ministack(
        "app", "_handle_execute_api_request", "_parse_execute_api_url", "_resolve_stage_and_path",
        "_execute_api_authorization_type",
    )  # fmt: skip
    stock = app._handle_execute_api_request

    async def handle(  # noqa: PLR0917 - called by position
        host: str, path: str, method: str, headers: dict[str, str], body: bytes, query: dict[str, Any],
        raw_path: str | None = None, raw_query_string: str | None = None,
    ) -> Any:  # fmt: skip
        if _needs_signature(app, host, path, method) and not signed_by_a_known_caller(
            method, raw_path or path, headers, body, query
        ):
            return 403, {"Content-Type": "application/json"}, json.dumps({"message": "Forbidden"}).encode()
        return await stock(host, path, method, headers, body, query, raw_path, raw_query_string)

    replace(app, "_handle_execute_api_request", handle)


def _needs_signature(app: Any, host: str, path: str, method: str) -> bool:
    parsed = app._parse_execute_api_url(host, path)
    if parsed is None:
        return False
    api_id, stage, rest = parsed
    stage, rest = app._resolve_stage_and_path(api_id, stage, rest)
    return bool(app._execute_api_authorization_type(api_id, stage, method, rest) == "AWS_IAM")


def signed_by_a_known_caller(
    method: str, raw_path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> bool:
    """True if the request's signature was made with the secret of the key that it names, and not long ago."""
    sigv4 = ministack("core.sigv4", "parse_header_signature", "header_signature_failure", "request_time_failure")
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple) or sigv4.request_time_failure(signature):
        return False
    secret = _secret(signature.access_key_id, headers.get("x-amz-security-token", ""))
    if secret is None:
        return False
    return sigv4.header_signature_failure(signature, secret, method, raw_path, query, headers, body) is None


def _secret(access_key: str, token: str) -> str | None:
    """The secret of a session, of a user, or of the root keys that the emulator itself accepts; None if unknown."""
    sessions = ministack("services.sts", "_sessions")._sessions
    session = sessions.get(access_key)
    if session is not None:
        return str(session["SecretAccessKey"]) if session["SessionToken"] == token else None
    user = ministack("services.iam", "_access_keys")._access_keys.get(access_key)
    if user is not None:
        return str(user["SecretAccessKey"])
    return os.environ["AWS_SECRET_ACCESS_KEY"] if access_key == os.environ["AWS_ACCESS_KEY_ID"] else None
