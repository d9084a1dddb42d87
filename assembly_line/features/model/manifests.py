"""A dataset's manifest as a value: what the dataset is, what it was built from, and how it fared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from assembly_line.documents import STORED, document_of, read_document
from assembly_line.features.model.findings import Finding

SCHEMA = "assembly-line/dataset"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadObject:
    """An object of the lake in the version that was read."""

    key: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSnapshot:
    """What was read of one source. `snapshot`: the digest of the whole snapshot."""

    snapshot: str
    objects: tuple[ReadObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedFeature:
    """A feature of the dataset with its declaration as it is stored."""

    name: str
    definition: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedEngine:
    """What computed the rows. `joins`: source of events -> how they met the decisions."""

    name: str
    reason: str
    versions: Mapping[str, str]
    joins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What makes a dataset exist. Fields with a default are missing where an earlier version wrote it.

    Args:
        as_of, since, until, created: instants in UTC, as text.
        outcome: None for scoring.
        positives: decisions whose outcome is the presence of an event; None where there is no such class.
        excluded: reason -> decisions that were left out.
        rules: digest of the line's quality rules.
        activity: source of events -> what freshness is judged by, as it is stored.
        seconds: how long the build took.
    """

    __pydantic_config__: ClassVar[Any] = STORED

    schema: str = SCHEMA
    version: int = VERSION
    dataset_id: str
    line: str
    purpose: Literal["training", "scoring"]
    as_of: str
    since: str | None
    until: str | None
    release: str
    semantics: int | None = None
    snapshots: Mapping[str, ReadSnapshot]
    features: tuple[DefinedFeature, ...]
    keys: Mapping[str, str]
    outcome: str | None
    outcome_columns: tuple[str, ...] = ()
    data_uri: str
    manifest_uri: str
    rows: int
    spine_rows: int
    positives: int | None
    excluded: Mapping[str, int] = field(default_factory=dict)
    duplicates: int
    sampling: Mapping[str, Any] | None = None
    logical_digest: str
    rules: str | None = None
    quality: tuple[Finding, ...]
    warnings: tuple[str, ...] = ()
    audit: Mapping[str, Any] | None = None
    limitations: tuple[str, ...] = ()
    activity: Mapping[str, Any] = field(default_factory=dict)
    engine: UsedEngine
    seconds: float
    created: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        return read_document(cls, document)

    def to_json(self) -> dict[str, Any]:
        # A finding is stored with its result in one word.
        return {**document_of(self), "quality": [finding.to_json() for finding in self.quality]}
