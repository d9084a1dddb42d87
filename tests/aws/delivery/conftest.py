"""A released line with an approved model and a subscriber, as the scoring steps find them."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest

from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.encoding import Encoding
from assembly_line.instants import format_instant
from assembly_line.names import ControlKey
from assembly_line.release import Release
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.account import account_of
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import (
    ACCOUNT,
    DAY,
    ENVIRONMENT,
    FEATURES,
    LEARNT_FROM,
    LINE,
    MODEL,
    REGION,
    Fault,
    Faults,
    Scoring,
    learnt_from,
    subscribe,
)


@pytest.fixture
def champion(store: ObjectStore, control: ControlTable, shipped: Release) -> dict[str, Any]:
    """An approved model of the current release."""
    digest = ReleaseStore(store).publish(shipped)
    control.set_current_release(LINE, digest)
    features = {name: shipped.line.features[name] for name in FEATURES}
    encoding = Encoding.fit(
        features, {"spend_30d": [1.0], "redemptions_365d": [0], "campaign_type": ["Type A", "Type B"]}
    )
    store.write_json("runs/encoding.json", encoding.to_json())
    store.write("runs/model.tar.gz", MODEL)
    learnt_from(store, as_of=DAY - timedelta(days=38))
    item = {
        "run_id": "coupon-redemption-20170701-train",
        "line": LINE,
        "release": digest,
        "dataset_id": LEARNT_FROM,
        "model_name": "coupon-redemption-model",
        "model_data_uri": store.uri("runs/model.tar.gz"),
        "digest": hashlib.sha256(MODEL).hexdigest(),
        "model_package_arn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/x/1",
        "model_package_version": 1,
        "encoding_key": "runs/encoding.json",
        "features": list(FEATURES),
        "prior": 0.13,
        "baseline_feature": "redemptions_365d",
        "metrics": {},
        "author": "a",
        "reviewer": "b",
        "promoted_at": format_instant(DAY - timedelta(days=30)),
    }
    control.write(LINE, ControlKey.CHAMPION, item)
    return item


@pytest.fixture
def environment(store: ObjectStore, ledger_objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that the stack sets."""
    variables = {
        "ASSEMBLY_ENVIRONMENT": ENVIRONMENT,
        "ACCOUNT_ID": ACCOUNT,
        "STORE_BUCKET": store.bucket,
        "LEDGER_BUCKET": ledger_objects.bucket,
        "CONTROL_TABLE": "control",
        "CHAMPION_TABLE": "champions",
        "FUNCTION_SCORING_MIB": "4",
        "OUTBOX_SHARD_MESSAGES": "10000",
        "TOPIC_MESSAGES_PER_SECOND": "30000",
        "PUBLISHERS": "2",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    account_of.cache_clear()


@pytest.fixture
def scoring(
    store: ObjectStore, ledger_objects: ObjectStore, champion: dict[str, Any], environment: None, tmp_path: Path
) -> Scoring:
    sns, sqs = boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)
    queue_url = subscribe(sns, sqs, Subscriber(name="campaign-desk"))
    return Scoring(store, Ledger(ledger_objects), handler.account().control, sns, sqs, queue_url, tmp_path)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Stand before PublishBatch: a fault gets the number of the call and its entries; None lets the call through."""
    real = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def install(fault: Fault) -> None:
        calls = Counter[str]()

        def call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if operation == "PublishBatch":
                calls[operation] += 1
                answer = fault(calls[operation], parameters["PublishBatchRequestEntries"])
                if answer is not None:
                    return answer
            return real(self, operation, parameters)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)

    return install
