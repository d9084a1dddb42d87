"""A champion's item is read as a value and written back as it stood: conditional writes compare its text."""

from __future__ import annotations

import json

import pytest

from assembly_line.training.champions import Champion, Restoration

# As the version before champions were values stored them: at an approval, and at a rollback.
APPROVED = (
    '{"author": "arn:anna", "baseline_feature": "visits", "dataset_id": "ds-1", "digest": "d", '
    '"encoding_key": "e.json", "features": ["visits", "age"], "line": "churn", '
    '"metrics": {"auc": 0.75, "auc_interval": [0.7, 0.8], "rows": 60}, '
    '"model_data_uri": "s3://store/m", "model_name": "m", "model_package_arn": "arn:m/1", "model_package_version": 1, '
    '"prior": 0.325, "promoted_at": "2026-11-01T00:00:00.000000Z", "release": "r", "replaces": null, "restored": null, '
    '"reviewer": "arn:ben", "run_id": "run-1"}'
)
RESTORED = APPROVED.replace(
    '"replaces": null, "restored": null',
    '"replaces": "run-0", "restored": {"by": "arn:ben", "reason": "worse", "replaced": "run-2"}',
)


@pytest.mark.parametrize("stored", [APPROVED, RESTORED])
def test_a_stored_champion_is_written_back_as_it_stood(stored: str) -> None:
    champion = Champion.from_json(json.loads(stored))

    assert json.dumps(champion.to_json(), sort_keys=True, allow_nan=False) == stored
    assert champion.features == ("visits", "age")


def test_who_let_it_decide_again_is_a_value_too() -> None:
    champion = Champion.from_json(json.loads(RESTORED))

    assert champion.restored == Restoration(by="arn:ben", reason="worse", replaced="run-2")
