"""Id and manifest of model inputs: their origin, every choice with its consequence, every file with its digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from assembly_line.canonical import digest
from assembly_line.features.model_inputs.facts import Facts
from assembly_line.features.model_inputs.preparing import PreparedDataset
from assembly_line.features.model_inputs.writing import WrittenFold
from assembly_line.instants import format_instant
from assembly_line.model_types import ModelSpec

SCHEMA = "assembly-line/shape"
VERSION = 1
# Rises whenever the same rows and model specs would give other files.
INPUTS_VERSION = 1
LENGTH = 32


def inputs_id_of(facts: Facts, spec: ModelSpec) -> str:
    """`sh-<32 hexadecimal digits>` of what determines model inputs: the rows, the model spec, the way of preparing.

    Args:
        spec: with its defaults resolved.
    """
    determined = {
        "shaping": INPUTS_VERSION,
        "dataset_id": facts.dataset_id,
        "logical_digest": facts.logical_digest,
        "model": spec.to_json(),
    }
    return f"sh-{digest(determined)[:LENGTH]}"


def inputs_manifest(
    facts: Facts,
    spec: ModelSpec,
    prepared: PreparedDataset,
    folds: Sequence[WrittenFold],
    *,
    files_uri: str,
    created: datetime,
) -> dict[str, Any]:
    """Describe model inputs whose files are written, as JSON values.

    Args:
        files_uri: the folder that the files' names are below.
    """
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "shape_id": inputs_id_of(facts, spec),
        "dataset_id": facts.dataset_id,
        "line": facts.line,
        "as_of": facts.as_of,
        "logical_digest": facts.logical_digest,
        "shaping": INPUTS_VERSION,
        "model": spec.to_json(),
        "outcome": {"name": facts.outcome, "kind": facts.kind, "present": facts.present},
        "rows": facts.rows,
        "left_out": dict(prepared.left_out),
        "limitations": list(prepared.limitations),
        "files_uri": files_uri,
        "folds": [fold.record for fold in folds],
        "versions": {"duckdb": duckdb.__version__, "numpy": np.__version__},
        "created": format_instant(created),
    }


def inputs_result(manifest: Mapping[str, Any], manifest_uri: str, *, exists: bool) -> dict[str, Any]:
    """What the dataset machine answers of model inputs: small, however many columns there are.

    Args:
        exists: they were there before this request.
    """
    return {
        "shape_id": manifest["shape_id"],
        "type": manifest["model"]["type"],
        "manifest_uri": manifest_uri,
        "fitted": [
            {"fold": fold["fold"], "digest": fold["fitted_digest"], "uri": _uri(manifest, fold["fitted"])}
            for fold in manifest["folds"]
        ],
        "parts": [
            {
                "fold": fold["fold"],
                "name": part["name"],
                "rows": part["rows"],
                "positives": part["positives"],
                **{f"{file['role']}_uri": _uri(manifest, file) for file in part["files"]},
            }
            for fold in manifest["folds"]
            for part in fold["parts"]
        ],
        "exists": exists,
    }


def _uri(manifest: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    return f"{manifest['files_uri']}{file['name']}"
