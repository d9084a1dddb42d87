"""A champion for tests that need few of its fields."""

from __future__ import annotations

from typing import Any

from assembly_line.training.champions import Champion


def a_champion(run_id: str, **changes: Any) -> Champion:
    """An approved run, with these fields changed."""
    given: dict[str, Any] = {
        "line": "churn",
        "release": "f" * 64,
        "dataset_id": "ds-" + "0" * 32,
        "model_name": "model",
        "model_data_uri": "s3://store/model.tar.gz",
        "digest": "0" * 64,
        "model_package_arn": "arn:package",
        "model_package_version": 1,
        "encoding_key": "encoding.json",
        "features": ("age",),
        "prior": 0.1,
        "baseline_feature": "age",
        "metrics": {},
        "author": "anna",
        "reviewer": "ben",
        "promoted_at": "2026-11-01T00:00:00.000000Z",
    }
    return Champion(run_id=run_id, **{**given, **changes})
