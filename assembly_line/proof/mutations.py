"""Whether the proof can fail: each used grant, each dependency and each legal bound is broken, one at a time.

A mutation that no judgement names has survived. Survivors are told, each with why.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assembly_line.proof.deployment import judgement as deployment
from assembly_line.proof.findings import Outcome
from assembly_line.proof.legality import operation_model, problems, readable
from assembly_line.proof.permissions.evaluating import Request, decide
from assembly_line.proof.permissions.judgement import Judged
from assembly_line.proof.permissions.policies import as_list
from assembly_line.proof.permissions.rules import Rule, Rules
from assembly_line.proof.recording import API, Call, Recording
from assembly_line.proof.templates import Templates
from assembly_line.proof.world import World

if TYPE_CHECKING:
    from botocore.model import Shape


def without_grant(templates: Templates, rule: Rule, action: str) -> Templates:
    """The templates without one action of one statement."""
    stack = rule.owner.stack
    template = dict(templates.by_stack[stack])
    template["Resources"] = dict(template["Resources"])
    document = template["Resources"][rule.owner.id] = copy.deepcopy(template["Resources"][rule.owner.id])
    if rule.path == ("Action",):
        del template["Resources"][rule.owner.id]
    else:
        place: Any = document["Properties"]
        for part in rule.path[:-1]:
            place = place[part]
        statement = as_list(place)[int(rule.path[-1])]
        left = [each for each in as_list(statement["Action"]) if each != action]
        statement["Action"] = left or "none:None"
    return replace(templates, by_stack={**templates.by_stack, stack: template})


def grants(world: World, judged: Judged, *, every: int = 1) -> Iterator[Outcome]:
    """Take each used action out of its statement; some request must then be denied.

    Args:
        every: mutate only each n-th of them.
    """
    relying: dict[tuple[Rule, str], list[Request]] = defaultdict(list)
    for request, decision in judged.decisions.items():
        for rule in decision.by:
            for action in rule.actions:
                if rule.allows and _is(action, request.action):
                    relying[rule, action].append(request)
    for (rule, action), requests in list(relying.items())[::every]:
        mutated = Rules(World(without_grant(world.templates, rule, action), world.place))
        denied = next((request for request in requests if not decide(request, mutated).allowed), None)
        others = {str(other) for request in requests for other in judged.decisions[request].by if other is not rule}
        yield Outcome(
            "grants",
            f"{rule} without {action}",
            "" if denied is None else f"denied: {denied}",
            f"{', '.join(sorted(others)) or 'an administrator'} allows the same",
        )


def _is(granted: str, used: str) -> bool:
    return (
        used.lower().startswith(granted.rstrip("*").lower())
        if granted.endswith("*")
        else granted.lower() == used.lower()
    )


def dependencies(world: World) -> Iterator[Outcome]:
    """Take out each dependency between two stacks; the judgement of the deployment must name it."""
    before = {finding.says for finding in deployment.judgement(world).findings}
    for stack, needed in world.templates.dependencies.items():
        for other in sorted(needed):
            left = {**world.templates.dependencies, stack: needed - {other}}
            mutated = World(replace(world.templates, dependencies=left), world.place)
            found = [each for each in deployment.judgement(mutated).findings if each.says not in before]
            named = found[0].says if found else ""
            yield Outcome(
                "dependencies", f"{stack} without {other}", named, "nothing of the other stack is imported or named"
            )


def bounds(recording: Recording, *, every: int = 1) -> Iterator[Outcome]:
    """Break each bound of each field of one call of every kind; the judgement of legality must name it."""
    samples: dict[str, Call] = {}
    for call in recording.judged:
        if call.service != API:
            samples.setdefault(f"{call.kind} {bool(call.state)}", call)
    mutations = [
        (call, path, what, broken)
        for call in samples.values()
        if (shape := operation_model(call.service, call.operation).input_shape)
        for path, what, broken in _broken(shape, call.parameters, ())
    ]
    for call, path, what, broken in mutations[::every]:
        named = next(iter(problems(call, _with(call.parameters, path, broken))), "")
        place = ".".join(map(str, path))
        yield Outcome("bounds", f"{call.kind} {place}: {what}", named, "the pattern takes any text")


Broken = Iterator[tuple[tuple[Any, ...], str, Any]]


def _broken(shape: Shape, value: Any, path: tuple[Any, ...]) -> Broken:
    match shape.type_name:
        case "structure":
            for name in shape.metadata.get("required", []):
                yield (*path, name), "missing", _MISSING
            for name, each in value.items():
                yield from _broken(shape.members[name], each, (*path, name))  # type: ignore[attr-defined]
        case "list" if value:
            yield from _too_many(shape, value, path)
            yield from _broken(shape.member, value[0], (*path, 0))  # type: ignore[attr-defined]
        case "map" if value:
            key = next(iter(value))
            yield from _broken(shape.value, value[key], (*path, key))  # type: ignore[attr-defined]
        case "string":
            yield from _broken_text(shape, path)
        case "integer" | "long":
            for name, step in (("max", 1), ("min", -1)):
                if name in shape.metadata:
                    yield path, f"beyond {name}", int(shape.metadata[name]) + step


def _too_many(shape: Shape, value: list[Any], path: tuple[Any, ...]) -> Broken:
    most = shape.metadata.get("max")
    if most is not None and most < 1000:
        yield path, f"more than {most} entries", [value[0]] * (int(most) + 1)


def _broken_text(shape: Shape, path: tuple[Any, ...]) -> Broken:
    most, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    if most is not None and most < 10**6:
        yield path, f"longer than {most}", "a" * (int(most) + 1)
    if shape.metadata.get("enum"):
        yield path, "another value", "no-such-value"
    compiled = readable(pattern) if pattern else None
    breaking = next((text for text in _HOSTILE if compiled and not compiled.fullmatch(text)), None)
    if breaking is not None:
        yield path, f"not of the pattern {pattern}", breaking


_MISSING = object()
_HOSTILE = ("two\nlines", "\x00", "ü ß", "", "*" * 4)


def _with(parameters: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at the end of the path."""
    if not path:
        return value
    copied: Any = list(parameters) if isinstance(parameters, (list, tuple)) else dict(parameters)
    first, *rest = path
    if not rest and value is _MISSING:
        copied.pop(first, None)
    else:
        copied[first] = _with(copied[first], tuple(rest), value)
    return copied


def of_templates(world: World) -> Iterator[Outcome]:
    """Break one thing of the templates after the other; the judgement of the deployment must name each."""
    before = {(finding.place, finding.says) for finding in deployment.judgement(world).findings}
    for what, type_, change in TEMPLATE_MUTATIONS:
        for resource in world.of_type(type_):
            templates = _changed(world.templates, resource.stack, resource.id, change)
            if templates is None:
                continue
            found = deployment.judgement(World(templates, world.place)).findings
            named = next((each.says for each in found if (each.place, each.says) not in before), "")
            yield Outcome("templates", f"{resource}: {what}", named, "another rule of the resource does the same")


Change = Callable[[dict[str, Any]], bool]


def _changed(templates: Templates, stack: str, id_: str, change: Change) -> Templates | None:
    """The templates with one resource changed; None if the change does not apply to it."""
    template = copy.deepcopy(templates.by_stack[stack])
    if not change(template["Resources"][id_]):
        return None
    return replace(templates, by_stack={**templates.by_stack, stack: template})


def _kept(document: dict[str, Any]) -> bool:
    fixed = "Name" in document["Properties"] or "TopicName" in document["Properties"]
    already = document.get("DeletionPolicy") == "Retain"
    document["DeletionPolicy"] = "Retain"
    return fixed and not already


def _removed(*path: str) -> Change:
    def change(document: dict[str, Any]) -> bool:
        place: Any = document["Properties"]
        for part in path[:-1]:
            place = place.get(part, {})
        return place.pop(path[-1], None) is not None

    return change


def _memory(document: dict[str, Any]) -> bool:
    document["Properties"]["MemorySize"] = 10_240
    return True


TEMPLATE_MUTATIONS: tuple[tuple[str, str, Change], ...] = (
    ("kept under its fixed name", "AWS::SNS::Topic", _kept),
    ("kept under its fixed name", "AWS::Glue::Job", _kept),
    ("kept under its fixed name", "AWS::SSM::Parameter", _kept),
    ("hears of no bad end", "AWS::Events::Rule", _removed("EventPattern", "detail", "status")),
    ("without a lifecycle", "AWS::S3::Bucket", _removed("LifecycleConfiguration")),
    ("without a retention", "AWS::Logs::LogGroup", _removed("RetentionInDays")),
    ("without a bound", "AWS::Lambda::EventSourceMapping", _removed("ScalingConfig")),
    ("with more memory than a fresh account gives", "AWS::Lambda::Function", _memory),
)


def of_conditions(world: World, judged: Judged) -> Iterator[Outcome]:
    """Turn each condition of a used rule into one that no request meets; some request must then be denied."""
    for rule, actions in judged.used.items():
        if not rule.conditions or rule.path == ("Action",):
            continue
        requests = [each for each, decision in judged.decisions.items() if rule in decision.by]
        mutated = Rules(World(_unmet(world.templates, rule), world.place))
        denied = next((request for request in requests if not decide(request, mutated).allowed), None)
        named = "" if denied is None else f"denied: {denied}"
        yield Outcome(
            "conditions", f"{rule} ({', '.join(sorted(actions))})", named, "another statement allows the same"
        )


def _unmet(templates: Templates, rule: Rule) -> Templates:
    def change(document: dict[str, Any]) -> bool:
        place: Any = document["Properties"]
        for part in rule.path[:-1]:
            place = place[part]
        statement: Mapping[str, Any] = as_list(place)[int(rule.path[-1])]
        statement["Condition"].setdefault("StringEquals", {})["aws:RequestedRegion"] = "nowhere"
        return True

    found = _changed(templates, rule.owner.stack, rule.owner.id, change)
    return templates if found is None else found
