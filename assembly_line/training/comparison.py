"""Where two runs differ, in the order in which a run comes about: what differs first explains what differs later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.lines import Line

_FIT = ("rows", "prior", "encoding", "files.train.digest", "files.holdout.digest", "files.again.digest")
# Said by records since a later version: one that lacks it is no difference.
_LATER = (
    "judged.files.again.digest",
    "delivered.files.again.digest",
    "instance.count",
    "instance.spot",
    "split.holdout_to",
)
# Step -> what the record of a run says of it. Names that each run has of its own are no difference.
STEPS: Mapping[str, tuple[str, ...]] = {
    "request": ("context.as_of", "context.hyperparameters"),
    "release": ("release", "scripts"),
    "declaration": (),  # the record has the release's digest alone, see `declared_differences`
    "environment": ("image", "instance", "seeds", "measured_with", "bootstrap_draws"),
    "dataset": ("dataset.dataset_id", "dataset.spine_rows", "dataset.rows", "dataset.positives", "features"),
    "split": ("split",),
    "search": (
        *(f"context.tuned.{name}" for name in ("metric", "direction", "strategy", "seed", "trials", "fold")),
        "context.tuned.best.value",
    ),
    "judged fit": (*(f"judged.{name}" for name in _FIT), "judged.archive.digest"),
    "delivered fit": (*(f"delivered.{name}" for name in _FIT), "delivered.archive.digest"),
    "figures": ("evaluation.metrics",),
}


# Parts of a decision and an outcome that change which rows there are or how they are called, not what is asked.
_NOT_ASKED = ("decision.name", "decision.sampling", "decision.history_since", "outcome.name")


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two records do not share; None where one has no such value."""

    step: str
    name: str
    first: Any
    second: Any


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Where two records of runs differ, in order of the steps of a run.

    Args:
        first: as `run_record` made it.
        second: of the other run.
    """
    return list(_differences(first, second))


def declared_differences(first: Line, second: Line) -> list[Difference]:
    """Where two declarations of a line differ in decision, outcome, policy, sources or validation."""
    return _of_declarations(*(_declared(line) for line in (first, second)))


def question_of(found: Iterable[Difference]) -> list[str]:
    """The names of those differences that change which question is answered: then figures do not compare."""
    names = [one.name for one in found if one.step == "declaration" and one.name.startswith(("decision.", "outcome."))]
    return [name for name in names if not name.startswith(_NOT_ASKED)]


def in_order(found: Iterable[Difference]) -> list[Difference]:
    """In order of the steps of a run."""
    return sorted(found, key=lambda difference: list(STEPS).index(difference.step))


def all_differences(first: Line, second: Line) -> list[Difference]:
    """Where two declarations of a line differ, in any part."""
    return _of_declarations(*(_whole(line) for line in (first, second)))


def _of_declarations(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    one, other = (dict(_leaves("", part)) for part in (first, second))
    return [
        Difference("declaration", name.removeprefix("."), one.get(name), other.get(name))
        for name in {**one, **other}
        if one.get(name) != other.get(name)
    ]


def _whole(line: Line) -> dict[str, Any]:
    document = line_to_json(line)
    return {**_plain(document["line"]), "sources": _plain(document["sources"])}


def _declared(line: Line) -> dict[str, Any]:
    document = line_to_json(line)
    parts = {name: _plain(document["line"][name]) for name in ("decision", "outcome", "policy")}
    return {
        **parts,
        "decision": {**parts["decision"], "keys": line.decision.keys},
        "sources": _plain(document["sources"]),
        # Left out where nothing of it is declared.
        "validation": _plain(document["line"].get("validation", {})),
    }


def _plain(value: Any) -> Any:
    """A part of a declaration's JSON without the marks that say of which class it is."""
    match value:
        case {"$microseconds": int(length)}:
            return str(timedelta(microseconds=length))
        case {"$pairs": pairs}:
            return {str(name): _plain(inner) for name, inner in pairs}
        case {"$kind": _}:
            return {name: _plain(inner) for name, inner in value.items() if name != "$kind"}
        case {**members} if len(members) == 1 and str(next(iter(members))).startswith("$"):
            return _plain(next(iter(members.values())))
        case {**members}:
            return {name: _plain(inner) for name, inner in members.items()}
        case list():
            return [_plain(inner) for inner in value]
        case _:
            return value


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    for step, paths in STEPS.items():
        for path in paths:
            one, other = (dict(_leaves(path, _at(record, path))) for record in (first, second))
            for name in {**one, **other}:
                lacking = name in _LATER and None in (one.get(name), other.get(name))
                if one.get(name) != other.get(name) and not lacking:
                    yield Difference(step, name, one.get(name), other.get(name))


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{path}.{name}", inner)
