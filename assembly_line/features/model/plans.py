"""A plan: a dataset request resolved until nothing is left to look up. What the engines and the gate work from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sampling import Sampling, sampling_to_json
from assembly_line.declarations.sources import Source
from assembly_line.documents import document_of, read_document
from assembly_line.errors import RequestRefused
from assembly_line.features.model.snapshots import EarlierSnapshot, SchemaDrift, SnapshotObject
from assembly_line.features.values.semantics import SEMANTICS_VERSION
from assembly_line.instants import format_instant, from_micros, parse_instant, to_micros

SCHEMA = "assembly-line/dataset-plan"
VERSION = 1

Purpose = Literal["training", "scoring"]
ChosenEngine = Literal["duckdb", "spark"]


class Asked(Protocol):
    """Which decisions are asked for: what bounds the rows that are read, of a request or of a plan."""

    @property
    def purpose(self) -> Purpose: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What is read of one source.

    Args:
        snapshot: digest of the whole snapshot.
        newest: latest event time of the whole snapshot; None for a static or empty source.
        columns: column -> type, those that are read.
        objects: those that the dataset can depend on; the others are not fetched.
        drift: what the source's raw file had beside the declared columns.
        earlier: of a static source: what it stated before; the audit holds the facts against it.
    """

    snapshot: str
    newest: datetime | None
    columns: Mapping[str, str]
    objects: tuple[SnapshotObject, ...]
    drift: SchemaDrift = field(default_factory=SchemaDrift)
    earlier: EarlierSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What building costs: bytes of Parquet to fetch, events to read, rows of the spine, memory on one machine."""

    bytes: int
    events: int
    spine_rows: int
    memory_mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One dataset to build.

    Args:
        features: output features in declared order.
        since, until: period of decision times, since <= t < until; None where open.
        reason: why this engine.
        scripts: name -> digest, of the release's scripts that UDFs among the features stand in.
        sampling: which of the decisions are kept; None for all.
        semantics: the version of the rules by which it was planned.
    """

    dataset_id: str
    line: Line
    release: str
    purpose: Purpose
    as_of: datetime
    since: datetime | None
    until: datetime | None
    features: tuple[str, ...]
    inputs: Mapping[str, Input]
    estimate: Estimate
    engine: ChosenEngine
    reason: str
    scripts: Mapping[str, str] = field(default_factory=dict)
    sampling: Sampling | None = None
    semantics: int = SEMANTICS_VERSION

    @property
    def with_outcome(self) -> bool:
        return self.purpose == "training"

    @property
    def outcome_columns(self) -> dict[str, str]:
        """Column -> type of the outcome in this dataset, in order; none for scoring."""
        return self.line.outcome.columns if self.with_outcome else {}

    def newest(self, source: Source) -> datetime | None:
        """Latest event time of a source; None for a static or empty one. A view is as new as its oldest input."""
        times = [self.inputs[read.name].newest for read in source.loaded if not read.static]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "semantics": self.semantics,
            "dataset_id": self.dataset_id,
            "release": self.release,
            "purpose": self.purpose,
            "as_of": format_instant(self.as_of),
            "from": _text(self.since),
            "to": _text(self.until),
            "features": list(self.features),
            "inputs": {name: _input_to_json(part) for name, part in self.inputs.items()},
            "estimate": estimate_to_json(self.estimate),
            "engine": self.engine,
            "reason": self.reason,
            "scripts": dict(self.scripts),
            "sampling": sampling_to_json(self.sampling),
            "declarations": line_to_json(self.line),
        }


def estimate_to_json(estimate: Estimate) -> dict[str, int]:
    return document_of(estimate)


def plan_from_json(document: Mapping[str, Any], *, older: bool = False) -> Plan:
    """Read a plan back.

    Args:
        older: a plan that was made under an older version of the semantics is taken too.

    Raises:
        RequestRefused: it was written by another version of the library.
    """
    found = (document.get("schema"), document.get("version"), document.get("semantics"))
    versions = range(1 if older else SEMANTICS_VERSION, SEMANTICS_VERSION + 1)
    if found[:2] != (SCHEMA, VERSION) or found[2] not in versions:
        raise RequestRefused(
            f"plan: schema, version and semantics are {found}, expected {(SCHEMA, VERSION, SEMANTICS_VERSION)}; "
            "request the dataset again"
        )
    return Plan(
        dataset_id=document["dataset_id"],
        line=line_from_json(document["declarations"]),
        release=document["release"],
        purpose=document["purpose"],
        as_of=parse_instant(document["as_of"], field="as_of"),
        since=_instant(document["from"], "from"),
        until=_instant(document["to"], "to"),
        features=tuple(document["features"]),
        inputs={name: _input_from_json(part) for name, part in document["inputs"].items()},
        estimate=read_document(Estimate, document["estimate"]),
        engine=document["engine"],
        reason=document["reason"],
        scripts=document.get("scripts", {}),
        sampling=None if document.get("sampling") is None else Sampling(**document["sampling"]),
        semantics=document["semantics"],
    )


def _input_to_json(part: Input) -> dict[str, Any]:
    return {**document_of(part), "newest": None if part.newest is None else to_micros(part.newest)}


def _input_from_json(document: Mapping[str, Any]) -> Input:
    newest = document["newest"]
    return read_document(Input, {**document, "newest": None if newest is None else from_micros(newest)})


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _instant(text: str | None, field: str) -> datetime | None:
    return None if text is None else parse_instant(text, field=field)
