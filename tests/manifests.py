"""A manifest for tests that need few of its fields."""

from __future__ import annotations

from typing import Any

from assembly_line.features.model.manifests import Manifest, UsedEngine


def a_manifest(**changes: Any) -> Manifest:
    """A small training dataset's, with these fields changed."""
    given: dict[str, Any] = {
        "dataset_id": "ds-" + "0" * 32,
        "line": "churn",
        "purpose": "training",
        "as_of": "2026-01-01T00:00:00.000000Z",
        "since": None,
        "until": None,
        "release": "f" * 64,
        "snapshots": {},
        "features": (),
        "keys": {},
        "outcome": None,
        "data_uri": "s3://store/data.parquet",
        "manifest_uri": "s3://store/manifest.json",
        "rows": 0,
        "spine_rows": 0,
        "positives": None,
        "duplicates": 0,
        "logical_digest": "0" * 64,
        "quality": (),
        "engine": UsedEngine(name="duckdb", reason="small", versions={}),
        "seconds": 1.0,
        "created": "2026-01-01T00:00:00.000000Z",
    }
    return Manifest(**{**given, **changes})
