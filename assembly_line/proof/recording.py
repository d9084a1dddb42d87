"""A recorded run: every call of AWS with who made it, read from what the embedded AWS kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assembly_line.errors import ProofError

Parameters = Mapping[str, Any]
FILES = ("emulator.jsonl", "sagemaker.jsonl")
# The name that a request is signed for -> the name of the service's model, where they differ.
MODELS = {"states": "stepfunctions", "monitoring": "cloudwatch", "execute-api": "apigateway"}
API = "execute-api"
# Calls of the CDK's own command and of emulated services are nobody's whose permissions the templates give.
CDK_AGENT = "aws-sdk-js"
SERVICE_KEY, CONSUMER_KEY = "service", "consumer"
_INTEGRATION = re.compile(r"arn:[\w-]+:states:::(aws-sdk:)?(\w+):(\w+?)(\.sync(:2)?|\.waitForTaskToken)?")


@dataclass(frozen=True)
class Call:
    """One call.

    Args:
        who: ARN of a session or role; `operator`, `consumer`, `service` or `deployment` where there is none.
        service: as boto3 calls it; `execute-api` for a call of the line's own API.
        status: of the answer; 0 if none was seen.
        state: the state of the machine that made the call; empty for requests.
    """

    who: str
    service: str
    operation: str
    parameters: Parameters = field(hash=False)
    status: int = 200
    state: str = ""

    @property
    def kind(self) -> str:
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True)
class Transition:
    """What one task of a machine sent and got, in bytes of JSON."""

    machine: str
    state: str
    sent: int
    got: int


@dataclass(frozen=True)
class Recording:
    """What a run called, and the names that the templates' resources had in it.

    Args:
        names: (stack, logical id) -> the values that stood for the resource: its name, its ARN.
        unread: requests that could not be read as calls, in words.
    """

    calls: tuple[Call, ...]
    names: Mapping[tuple[str, str], tuple[str, ...]]
    transitions: tuple[Transition, ...]
    unread: tuple[str, ...] = ()

    @cached_property
    def judged(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.who not in ("service", "deployment"))


def read_recording(folder: Path) -> Recording:
    """Read what the embedded AWS kept in `<state>/account/calls`.

    Raises:
        ProofError: nothing was recorded there.
    """
    entries = [entry for name in FILES for entry in _entries(folder / name)]
    if not entries:
        raise ProofError(f"{folder}: no calls were recorded there; run `line demo` (or `line proof --record`) first")
    owners = {entry["key"]: entry["who"] for entry in entries if entry["kind"] == "session"}
    calls: list[Call] = []
    unread: list[str] = []
    for entry in entries:
        if entry["kind"] == "request":
            try:
                calls.append(_request(entry, owners))
            except (LookupError, ValueError, NotImplementedError, AttributeError, TypeError) as error:
                unread.append(f"{entry['method']} {entry['path'][:80]}: {type(error).__name__}: {error}"[:200])
        elif entry["kind"] == "integration":
            calls.append(_integration(entry))
    return Recording(tuple(calls), _names(entries), tuple(_transitions(entries)), tuple(sorted(set(unread))))


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            # The last line of a process that was killed may be half.
            yield from (json.loads(line) for line in lines if line.endswith("}\n"))


def _request(entry: Mapping[str, Any], owners: Mapping[str, str]) -> Call:
    key, signed = entry["scope"] or ("", "")
    who = _who(key, entry["headers"].get("user-agent", ""), owners)
    if signed == API:
        path = entry["path"].partition(f"/{API}/")[2].split("/", 2)
        return Call(
            who,
            API,
            "Invoke",
            {"api": path[0], "stage": path[1], "method": entry["method"], "path": "/" + (path[2] if path[2:] else "")},
            entry["status"],
        )
    if not signed:
        raise LookupError("not signed")
    service = MODELS.get(signed, signed)
    operation, parameters = _parsed(service, entry)
    return Call(who, service, operation, parameters, entry["status"])


def _who(key: str, agent: str, owners: Mapping[str, str]) -> str:
    if agent.startswith(CDK_AGENT):
        return "deployment"
    if key in (SERVICE_KEY, CONSUMER_KEY):
        return key
    return owners.get(key, "operator")


def _parsed(service: str, entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Operation and parameters, by the service's model: what the client had before it wrote the request."""
    from moto.core.parse import PROTOCOL_PARSERS
    from moto.core.request import Request, determine_request_protocol
    from moto.core.routing import get_service_router
    from moto.core.utils import get_service_model

    headers, body = dict(entry["headers"]), (entry["body"] or "").encode()
    query = f"?{entry['query']}" if entry["query"] else ""
    # Any host but one that would name a bucket.
    request = Request.from_primitives(entry["method"], f"http://127.0.0.1{entry['path']}{query}", headers, body)
    operation, in_path = get_service_router(service).match(request)
    parser = PROTOCOL_PARSERS[determine_request_protocol(get_service_model(service), request.content_type)]
    found = parser(operation).parse(
        {
            "headers": request.headers,
            "body": body,
            "url_path": entry["path"],
            "url_params": in_path,
            "method": entry["method"],
            "values": request.values,
        }
    )
    return str(operation.name), found


def _integration(entry: Mapping[str, Any]) -> Call:
    """A task's call, as its definition's expressions gave it."""
    match = _INTEGRATION.fullmatch(entry["resource"])
    if match is None:
        raise ProofError(
            f"{entry['state']}: {entry['resource']!r}: expected an integration that proof/recording.py knows"
        )
    service = MODELS.get(match[2], match[2])
    operation = match[3][0].upper() + match[3][1:]
    if service == "stepfunctions":
        parameters = {key[0].lower() + key[1:]: value for key, value in entry["parameters"].items()}
        parameters |= {"input": json.dumps(parameters["input"])} if "input" in parameters else {}
        return Call(entry["who"], service, operation, parameters, 200, entry["state"])
    if service == "lambda":
        parameters = {**entry["parameters"], "Payload": json.dumps(entry["parameters"].get("Payload")).encode()}
        return Call(entry["who"], service, operation, parameters, 200, entry["state"])
    if service == "events":
        entries = [
            {**each, "Detail": each["Detail"] if isinstance(each["Detail"], str) else json.dumps(each["Detail"])}
            for each in entry["parameters"]["Entries"]
        ]
        return Call(entry["who"], service, operation, {"Entries": entries}, 200, entry["state"])
    return Call(entry["who"], service, operation, entry["parameters"], 200, entry["state"])


def _names(entries: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The last names count: a resource may have been replaced."""
    found = {}
    for entry in entries:
        if entry["kind"] == "resource" and entry["id"]:
            attributes = [value for value in (entry["attributes"] or {}).values() if isinstance(value, str)]
            stack = entry["stack"].split("-", 2)[-1]
            found[stack, entry["id"]] = tuple(dict.fromkeys((str(entry["name"]), *attributes)))
    return found


def _transitions(entries: list[dict[str, Any]]) -> Iterator[Transition]:
    for entry in entries:
        if entry["kind"] == "integration":
            yield Transition(entry["machine"].rpartition(":")[2], entry["state"], entry["sent"], entry["got"])
