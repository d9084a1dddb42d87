"""The manifest: what a dataset is, what it was built from, and how it fared. The only thing that makes it exist."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from assembly_line.canonical import digest
from assembly_line.declarations.codec import line_to_json
from assembly_line.errors import DatasetAltered
from assembly_line.features.model.findings import Finding, warnings_of
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import workload_of
from assembly_line.features.quality.gate import rules_of
from assembly_line.features.quality.leak_findings import audit_of
from assembly_line.features.sources.attempts import Built, activities_to_json
from assembly_line.features.values.columns import Column
from assembly_line.features.values.semantics import SEMANTICS_VERSION
from assembly_line.instants import format_instant

SCHEMA = "assembly-line/dataset"
VERSION = 1


def manifest_of(
    plan: Plan,
    built: Built,
    columns: Mapping[str, Column],
    findings: Sequence[Finding],
    *,
    data_uri: str,
    manifest_uri: str,
    seconds: float,
    created: datetime,
) -> dict[str, Any]:
    """Describe a dataset that passed the gate, as JSON values.

    Args:
        columns: the dataset as it was written and read back.
        seconds: how long the build took.
    """
    outcome = plan.line.outcome.name if plan.with_outcome else None
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "dataset_id": plan.dataset_id,
        "line": plan.line.name,
        "purpose": plan.purpose,
        "as_of": format_instant(plan.as_of),
        "from": None if plan.since is None else format_instant(plan.since),
        "to": None if plan.until is None else format_instant(plan.until),
        "release": plan.release,
        "semantics": SEMANTICS_VERSION,
        "snapshots": {
            name: {
                "snapshot": part.snapshot,
                "objects": [{"key": item.key, "version": item.version} for item in part.objects],
            }
            for name, part in plan.inputs.items()
        },
        "features": _features(plan),
        "keys": dict(plan.line.decision.keys),
        "outcome": outcome,
        "outcome_columns": list(plan.outcome_columns),
        "data_uri": data_uri,
        "manifest_uri": manifest_uri,
        "rows": built.rows,
        "spine_rows": built.spine_rows,
        "positives": _positives(plan, columns),
        "excluded": dict(built.excluded),
        "duplicates": built.duplicates,
        "sampling": None if built.sampling is None else dict(built.sampling),
        "logical_digest": logical_digest(columns),
        "rules": rules_of(plan.line),
        "quality": [finding.to_json() for finding in findings],
        "warnings": warnings_of(findings),
        "audit": audit_of(plan.line, findings) if plan.with_outcome else None,
        "limitations": _limitations(plan),
        "activity": activities_to_json(built.activity),
        "engine": {
            "name": built.engine,
            "reason": plan.reason,
            "versions": dict(built.versions),
            "joins": dict(built.joins),
        },
        "seconds": seconds,
        "created": format_instant(created),
    }


def result_of(manifest: Mapping[str, Any], *, exists: bool) -> dict[str, Any]:
    """What the dataset machine answers: the manifest's essentials, small however many features there are.

    Args:
        exists: the dataset was there before this request.
    """
    same = ("dataset_id", "line", "purpose", "data_uri", "manifest_uri", "rows", "spine_rows", "seconds", "positives")
    return {
        **{name: manifest[name] for name in same},
        "features": [feature["name"] for feature in manifest["features"]],
        "engine": manifest["engine"]["name"],
        "exists": exists,
        "warnings": manifest.get("warnings", []),
    }


def logical_digest(columns: Mapping[str, Column]) -> str:
    """A digest of names, types and values in order of rows, whatever file and engine they came from."""
    return digest([[name, column.kind, _column_digest(column)] for name, column in columns.items()])


def require_rows(manifest: Mapping[str, Any], columns: Mapping[str, Column]) -> None:
    """Hold stored rows against the manifest, before anything is made of them.

    Args:
        columns: every column as it is stored, in the order of the file.

    Raises:
        DatasetAltered: their digest is another one.
    """
    found = logical_digest(columns)
    if found != manifest["logical_digest"]:
        raise DatasetAltered(
            f"dataset {manifest['dataset_id']}: its stored rows have the digest {found}, its manifest says "
            f"{manifest['logical_digest']}: {manifest['data_uri']} was altered after it was built; "
            f"`line dataset verify {manifest['dataset_id']}` shows what differs; bring back the first version of the "
            "object, or ask for the dataset of another instant"
        )


def _column_digest(column: Column) -> str:
    hasher = hashlib.sha256(np.packbits(column.valid).tobytes())
    if column.kind == "string":
        for value in column.values[column.valid].tolist():
            encoded = value.encode()
            hasher.update(len(encoded).to_bytes(4, "big"))
            hasher.update(encoded)
    else:
        values = column.values[column.valid]
        hasher.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return hasher.hexdigest()


def _positives(plan: Plan, columns: Mapping[str, Column]) -> int | None:
    """Decisions whose outcome is the presence of an event; None where there is no such class."""
    outcome = plan.line.outcome
    if not plan.with_outcome or not outcome.has_classes:
        return None
    return int((columns[outcome.name].values == outcome.present).sum())


def _features(plan: Plan) -> list[dict[str, Any]]:
    definitions = dict(line_to_json(plan.line)["line"]["features"]["$pairs"])
    return [{"name": name, "definition": definitions[name]} for name in plan.features]


def _limitations(plan: Plan) -> list[str]:
    used = {name: plan.line.sources[name] for name in plan.inputs} | workload_of(plan.line, plan.features).sources
    return [
        f"source {source.name} is static: its facts carry no time and are taken as known at every decision"
        for source in used.values()
        if source.static
    ]
