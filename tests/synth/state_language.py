"""State machines as the templates hold them: read, checked by the language's rules, and their expressions evaluated."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonata

from tests.synth.cloud_assembly import Assembly
from tests.synth.policies import as_text

State = dict[str, Any]
EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)
BY_STATE = re.compile(r"\{% \$attempt\w*\.state = '(\w+)' %\}")
VARIABLE = re.compile(r"\$([A-Za-z]\w*)(?!\w|\()")
LOCAL = re.compile(r"\$([A-Za-z]\w*)\s*:=")
# Fields of JSONPath states, which a JSONata state refuses.
JSONPATH = ("Parameters", "InputPath", "OutputPath", "ResultPath", "ResultSelector", "Variable", "TimeoutSecondsPath")
KINDS = ("Task", "Choice", "Fail", "Pass", "Wait", "Succeed", "Parallel", "Map")


@dataclass(frozen=True)
class Definition:
    """One machine's definition; `name` is its construct's."""

    name: str
    document: dict[str, Any]

    @property
    def states(self) -> dict[str, State]:
        """Every state by its name, those of branches too."""
        return {name: state for scope in scopes(self.document) for name, state in scope["States"].items()}

    def tasks(self, *integrations: str) -> dict[str, State]:
        """Task states by name; with `integrations`, those of them alone, such as `lambda:invoke`."""
        return {
            name: state
            for name, state in self.states.items()
            if state["Type"] == "Task" and (not integrations or state["Resource"].split(":::")[1] in integrations)
        }


def definitions(assembly: Assembly) -> dict[str, Definition]:
    """Every machine of the templates by the name of its station's work: Dataset, Training, Scoring and so on."""
    found = {}
    for machine in assembly.of_type("AWS::StepFunctions::StateMachine"):
        name = re.sub(r"Machine.*", "", machine.id)
        found[name] = Definition(name, json.loads(as_text(machine.properties["DefinitionString"])))
    return found


def scopes(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The machine, and each branch within it."""
    yield document
    for state in document["States"].values():
        for branch in branches_of(state):
            yield from scopes(branch)


def branches_of(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The branches of a Parallel state, and what a Map does with each item."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def problems(document: Mapping[str, Any]) -> list[str]:
    """What breaks the language's rules, each with its place. An empty list is a valid machine."""
    found = []
    if document.get("QueryLanguage") != "JSONata":
        found.append("machine: is not in JSONata")
    if not isinstance(document.get("TimeoutSeconds"), int):
        found.append("machine: has no time limit")
    used = Counter(name for scope in scopes(document) for name in scope["States"])
    found += [f"{name}: is the name of {times} states" for name, times in used.items() if times > 1]
    for scope in scopes(document):
        states = scope["States"]
        found += [f"{name}: is not reachable" for name in states if name not in _reachable(scope)]
        for name, state in states.items():
            found += [f"{name}: {problem}" for problem in _problems_of(name, state, states)]
    return found + _unassigned(document, frozenset(), frozenset())


def _problems_of(name: str, state: State, states: Mapping[str, State]) -> Iterator[str]:
    if len(name) > 80:
        yield "name is longer than 80 characters"
    if state["Type"] not in KINDS:
        yield f"type {state['Type']} is unknown"
    yield from (f"{field} is of JSONPath" for field in JSONPATH if field in state)
    yield from (f"{target} does not exist" for target in _successors(state) if target not in states)
    ends = ("Next" in state) + bool(state.get("End"))
    if state["Type"] in ("Task", "Pass", "Wait", "Parallel", "Map") and ends != 1:
        yield "needs either Next or End"
    if state["Type"] == "Choice" and ("Default" not in state or not state.get("Choices")):
        yield "a choice needs choices and a default"
    for text in texts(_own(state)):
        if text.startswith("{%") != text.endswith("%}"):
            yield f"{text!r} is half an expression"
        elif match := EXPRESSION.fullmatch(text):
            try:
                jsonata.Jsonata.jsonata(match[1].strip())
            except jsonata.jexception.JException as error:
                yield f"{text!r} is not JSONata: {error}"


def _own(state: State) -> State:
    """The state without its branches."""
    return {field: value for field, value in state.items() if field not in ("Branches", "ItemProcessor")}


def texts(value: object) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def expressions(value: object) -> Iterator[str]:
    for text in texts(value):
        if match := EXPRESSION.fullmatch(text):
            yield match[1].strip()


def _successors(state: State) -> list[str]:
    found = [state[field] for field in ("Next", "Default") if field in state]
    return found + [each["Next"] for field in ("Choices", "Catch") for each in state.get(field, [])]


def _reachable(document: Mapping[str, Any]) -> set[str]:
    found, waiting = set(), [document["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in found or name not in document["States"]:
            continue
        found.add(name)
        waiting += _successors(document["States"][name])
    return found


def _unassigned(document: Mapping[str, Any], given: frozenset[str], around: frozenset[str]) -> list[str]:
    """Variables that a state reads although some way to it assigns none, or that a branch takes from its machine.

    Args:
        given: what is known where the branch begins.
        around: what the scopes around it assign anywhere.
    """
    states = document["States"]
    everything = {variable for state in states.values() for variable in _assigned_anywhere(state)}
    taken = sorted(everything & around)
    at_most = everything | given
    known = {name: set(at_most) for name in states} | {document["StartAt"]: set(given)}
    for _ in states:
        for name, state in states.items():
            for origin, target, assigned in _flows(name, state, states):
                if target in states:
                    known[target] &= known[origin] | assigned
    found = [f"{document['StartAt']}: its branch assigns ${variable} of the machine around it" for variable in taken]
    for name, state in states.items():
        missing = sorted(_missing(name, state, states, known))
        found += [f"{name}: reads ${variable}, which is not assigned on every way to it" for variable in missing]
        for branch in branches_of(state):
            found += _unassigned(branch, frozenset(known[name]), around | everything)
    return found


def _missing(name: str, state: State, states: Mapping[str, State], known: Mapping[str, set[str]]) -> set[str]:
    if not _by_state(state):
        return _read(state) - known[name]
    flows = zip(_flows(name, state, states), [*state["Choices"], {"Assign": state.get("Assign")}], strict=True)
    return {variable for (job, _, _), choice in flows for variable in _read(choice) - known[job] - known[name]}


def _flows(name: str, state: State, states: Mapping[str, State]) -> Iterator[tuple[str, str, set[str]]]:
    """(state whose variables are known, next state, variables assigned on the way).

    A choice by the attempt's state goes on with what was known there: the attempt was assigned with it.
    """
    found = _by_state(state)
    if not found:
        yield from ((name, target, assigned) for target, assigned in _edges(state))
        return
    caught = {job: [each["Next"] for each in content.get("Catch", [])] for job, content in states.items()}
    jobs = {job for job, after in caught.items() if any(each.startswith("Attend") for each in after)}
    (other,) = jobs - set(found) or jobs
    for job, choice in zip([*found, other], [*state["Choices"], {**state, "Next": state["Default"]}], strict=True):
        yield job, choice["Next"], set(choice.get("Assign", {}))


def _by_state(state: State) -> list[str]:
    """The states of the attempts by which a choice goes on; empty for any other state."""
    named = [BY_STATE.fullmatch(choice["Condition"]) for choice in state.get("Choices", [])]
    return [match[1] for match in named if match] if all(named) else []


def _edges(state: State) -> Iterator[tuple[str, set[str]]]:
    own = set(state.get("Assign", {}))
    for field in ("Next", "Default"):
        if field in state:
            yield state[field], own
    for choice in state.get("Choices", []):
        yield choice["Next"], set(choice.get("Assign", {}))
    for caught in state.get("Catch", []):
        yield caught["Next"], set(caught.get("Assign", {}))


def _assigned_anywhere(state: State) -> set[str]:
    return {variable for _, assigned in _edges(state) for variable in assigned}


def _read(state: State) -> set[str]:
    found = set()
    for expression in expressions(_own(state)):
        found |= set(VARIABLE.findall(expression)) - set(LOCAL.findall(expression)) - {"states"}
    return found


def evaluate(value: object, *, variables: Mapping[str, Any] | None = None, **states: Any) -> Any:
    """A field's value as Step Functions computes it; `states` become `$states.input`, `.context` and so on."""
    if isinstance(value, dict):
        return {key: evaluate(each, variables=variables, **states) for key, each in value.items()}
    if isinstance(value, list):
        return [evaluate(each, variables=variables, **states) for each in value]
    match = EXPRESSION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    compiled = jsonata.Jsonata.jsonata(match[1].strip())
    compiled.register_lambda("parse", json.loads)
    compiled.register_lambda("hash", lambda text, _: hashlib.sha256(text.encode()).hexdigest())
    return compiled.evaluate(None, {**(variables or {}), "states": states})
