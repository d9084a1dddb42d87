"""Every call is kept with who made it: requests, the calls of state machines, and the names that resources got."""

from __future__ import annotations

import json
from typing import Any

from assembly_line.embedded.call_log import CallLog, request_entry
from assembly_line.embedded.extensions.executions.current_task import current_task
from assembly_line.embedded.extensions.pinned import ministack, replace

INTEGRATIONS = ("_invoke_resource", "_invoke_with_callback")
# What the emulator itself is asked, and what no client of AWS sends.
OWN_PATHS = ("/_ministack", "/_line", "/_localstack", "/health")


def install() -> None:
    log = CallLog.of_process("emulator")
    if log is not None:
        _keep_names(log)
        _keep_sessions(log)
        _keep_integrations(log)


def recording(application: Any) -> Any:
    """`application`, whose requests are kept."""
    log = CallLog.of_process("emulator")

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if log is None or scope["type"] != "http" or scope["path"].startswith(OWN_PATHS):
            await application(scope, receive, send)
            return
        content, status = bytearray(), 0

        async def received() -> Any:
            message = await receive()
            content.extend(message.get("body", b""))
            return message

        async def answered(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await application(scope, received, answered)
        finally:
            entry = request_entry(
                method=scope["method"],
                path=(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1"),
                query=scope["query_string"].decode("latin-1"),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
                body=bytes(content),
                status=status,
            )
            log.add({"kind": "request", **entry})

    return serve


def _keep_names(log: CallLog) -> None:
    """Physical names, by which a recorded call is found again in the templates of another environment."""
    stacks = ministack("services.cloudformation.stacks", "_provision_resource", "_update_resource")
    provision, update = stacks._provision_resource, stacks._update_resource

    def note(type_: str, stack: str, logical: str | None, made: Any) -> None:
        where = {"stack": stack, "id": logical, "type": type_}
        log.add({"kind": "resource", **where, "name": made[0], "attributes": made[1]})

    def provision_and_note(type_: str, logical: str, properties: Any, stack: str) -> Any:
        made = provision(type_, logical, properties, stack)
        note(type_, stack, logical, made)
        return made

    def update_and_note(type_: str, name: str, old: Any, new: Any, stack: str, *others: Any) -> Any:
        made = update(type_, name, old, new, stack, *others)
        note(type_, stack, others[0] if others else None, made)
        return made

    replace(stacks, "_provision_resource", provision_and_note)
    replace(stacks, "_update_resource", update_and_note)


def _keep_sessions(log: CallLog) -> None:
    """Whose keys are whose: other processes see the keys alone."""
    sts = ministack("services.sts", "register_session")
    stock, known = sts.register_session, set[str]()

    def register(key: str, session: Any, *others: Any, **named: Any) -> Any:
        if key not in known:
            known.add(key)
            log.add({"kind": "session", "key": key, "who": session.get("Arn")})
        return stock(key, session, *others, **named)

    replace(sts, "register_session", register)


def _keep_integrations(log: CallLog) -> None:
    states = ministack("services.stepfunctions", "_state_machines", *INTEGRATIONS)
    for name in INTEGRATIONS:
        replace(states, name, _noting(log, states, getattr(states, name)))


def _noting(log: CallLog, states: Any, stock: Any) -> Any:
    def invoke(resource: str, parameters: Any, *others: Any) -> Any:
        task, answer = current_task(), None
        try:
            answer = stock(resource, parameters, *others)
            return answer
        finally:
            if task is not None:
                machine = states._state_machines.get(task.execution["stateMachineArn"], {})
                log.add(
                    {
                        "kind": "integration",
                        "who": machine.get("roleArn"),
                        "machine": task.execution["stateMachineArn"],
                        "execution": task.execution["name"],
                        "state": task.context.get("State", {}).get("Name"),
                        "resource": resource,
                        "parameters": parameters,
                        "sent": _size(parameters),
                        "got": _size(answer),
                    }
                )

    return invoke


def _size(document: Any) -> int:
    return len(json.dumps(document, default=str).encode())
