"""Judges legality: every recorded call against the models of botocore, with patterns, lengths, ranges and enums.

botocore itself checks types, required fields and some minima before it sends; the services check the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from assembly_line.proof.findings import Finding, Judgement, fault
from assembly_line.proof.recording import API, Call, Recording

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

CHECK = "legality"
KIB = 1024
ADVICE = "cut or clean the value where it is made; the emulator takes what the service refuses"
# What Java's expressions have and Python's lack, with what stands for it here.
_JAVA = {
    r"\p{L}": r"\w",
    r"\p{IsAlphabetic}": r"\w",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{IsDigit}": r"\d",
    r"\p{M}": "",
    r"\p{P}": r"!-/:-@\[-`{-~",
    r"\p{S}": r"$+<->^`|~",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Alpha}": "a-zA-Z",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Print}": r"\x20-\x7e",
    r"\p{Graph}": r"\x21-\x7e",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
}
_REPEATED_END = re.compile(r"\$\{\d+,\d+\}$")
# What the services' documentation says and no model does: kind of call -> what breaks it, if anything.
Rule = Callable[[Mapping[str, Any]], str | None]
_EXECUTION_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def _size(value: Any) -> int:
    return len(value) if isinstance(value, bytes) else len(str(value).encode())


def _execution(given: Mapping[str, Any]) -> str | None:
    name = given.get("name")
    if name is not None and not _EXECUTION_NAME.fullmatch(name):
        return f"name {name!r}: expected 1 to 80 characters without blanks, brackets or special ones"
    return None


def _over(name: str, value: Any, most: int) -> str | None:
    return f"{name} of {_size(value)} bytes: expected at most {most}" if _size(value) > most else None


def _batch(entries: str, body: str, most: int) -> Rule:
    def broken(given: Mapping[str, Any]) -> str | None:
        found = given.get(entries, [])
        ids = [each["Id"] for each in found]
        if not 1 <= len(found) <= 10 or len(set(ids)) != len(ids) or not all(map(_BATCH_ID.fullmatch, ids)):
            return f"{entries} {ids}: expected 1 to 10 with ids of their own, of letters, digits, _ and -"
        return _over(f"all of {entries}", "".join(each.get(body, "") for each in found), most)

    return broken


def _event_entries(given: Mapping[str, Any]) -> str | None:
    return _over("all entries", "".join(str(each.get("Detail", "")) for each in given["Entries"]), 1024 * KIB)


def _object_key(given: Mapping[str, Any]) -> str | None:
    return _over("Key", given.get("Key", ""), 1024)


EXTRA: Mapping[str, Rule] = {
    "stepfunctions:StartExecution": _execution,
    "sqs:SendMessageBatch": _batch("Entries", "MessageBody", 1024 * KIB),
    "sns:PublishBatch": _batch("PublishBatchRequestEntries", "Message", 256 * KIB),
    "events:PutEvents": _event_entries,
    "s3:PutObject": _object_key,
    "dynamodb:PutItem": lambda given: _over("Item", given["Item"], 400 * KIB),
    "lambda:Invoke": lambda given: _over("Payload", given.get("Payload", b""), 6 * 1024 * KIB),
}


def judgement(recording: Recording) -> Judgement:
    """Judge every call of the run, told in the names of the environment."""
    findings: dict[Finding, None] = {}
    unreadable: dict[str, None] = {}
    judged = 0
    for call in recording.judged:
        if call.service == API:
            continue
        judged += 1
        for problem in problems(call, call.parameters, unreadable):
            findings[fault(CHECK, f"{call.kind}{f' in state {call.state}' if call.state else ''}", problem, ADVICE)] = (
                None
            )
    return Judgement(
        check=CHECK,
        counts={"calls": judged, "illegal": len(findings), "patterns not judged": len(unreadable)},
        findings=tuple(sorted(findings)),
        not_judged=tuple(f"A pattern that Python cannot read: {pattern}" for pattern in unreadable),
    )


def problems(call: Call, parameters: Mapping[str, Any], unreadable: dict[str, None] | None = None) -> Iterator[str]:
    """What the service would refuse, each with the field, its value and what was expected."""
    shape = operation_model(call.service, call.operation).input_shape
    if shape is not None:
        yield from _broken(shape, parameters, "", {} if unreadable is None else unreadable)
    if (rule := EXTRA.get(call.kind)) and (problem := rule(parameters)):
        yield problem


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    found: OperationModel = _service(service, Loader, ServiceModel).operation_model(operation)
    return found


@cache
def _service(service: str, loader: Any, model: Any) -> Any:
    return model(loader().load_service_model(service, "service-2"), service)


def _broken(shape: Shape, value: Any, path: str, unreadable: dict[str, None]) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from _broken_structure(shape, value, path, unreadable)
        case "list":
            yield from _outside(shape, len(value), path, "entries")
            for number, each in enumerate(value):
                yield from _broken(shape.member, each, f"{path}[{number}]", unreadable)  # type: ignore[attr-defined]
        case "map":
            yield from _outside(shape, len(value), path, "entries")
            for key, each in value.items():
                yield from _broken(shape.key, key, f"{path} key", unreadable)  # type: ignore[attr-defined]
                yield from _broken(shape.value, each, f"{path}.{key}", unreadable)  # type: ignore[attr-defined]
        case "string":
            yield from _broken_text(shape, str(value), path, unreadable)
        case "integer" | "long" | "float" | "double":
            yield from _outside(shape, float(value), path, "")


def _broken_structure(shape: Shape, value: Any, path: str, unreadable: dict[str, None]) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path.lstrip('.')} {value!r:.80}: expected a structure"
        return
    members: Mapping[str, Shape] = shape.members  # type: ignore[attr-defined]
    for name in shape.metadata.get("required", []):
        # A body that is content was not recorded.
        if name not in value:
            yield f"{path}.{name}".lstrip(".") + ": expected a value, it is required"
    for name, each in value.items():
        if name not in members:
            yield f"{path}.{name}".lstrip(".") + ": expected a field that the service knows"
        elif each is not None:
            yield from _broken(members[name], each, f"{path}.{name}", unreadable)


def _broken_text(shape: Shape, value: str, path: str, unreadable: dict[str, None]) -> Iterator[str]:
    place = path.lstrip(".")
    yield from _outside(shape, len(value), path, "characters")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{place} {value!r:.80}: expected one of {', '.join(allowed)[:200]}"
    pattern = shape.metadata.get("pattern")
    if pattern:
        compiled = readable(pattern)
        if compiled is None:
            unreadable[pattern] = None
        elif not compiled.fullmatch(value):
            yield f"{place} {value[:80]!r}: expected the pattern {pattern}"


def _outside(shape: Shape, size: float, path: str, unit: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < float(least)) or (most is not None and size > float(most)):
        yield f"{path.lstrip('.')}: {size:g} {unit}".rstrip() + f": expected {least or 0} to {most or 'any number'}"


@cache
def readable(pattern: str) -> re.Pattern[str] | None:
    """The pattern as Python reads it; None if it cannot. A service matches the whole value."""
    text = _REPEATED_END.sub("$", pattern)
    for java, python in _JAVA.items():
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None
