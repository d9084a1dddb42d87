"""A scoring run as its steps know it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assembly_line.delivery.context import DecidingModel, ScoringContext

AT = datetime(2017, 8, 8, 4, tzinfo=UTC)
CONTEXT = ScoringContext(
    run_id="run-1",
    line="coupon_redemption",
    release="a" * 64,
    champion=DecidingModel(
        run_id="trained",
        release="b" * 64,
        digest="c" * 64,
        model_name="model",
        model_data_uri="s3://store/model",
        encoding_key="encoding.json",
        features=("spend", "visits"),
        prior=0.13,
        baseline_feature="baseline",
    ),
    as_of=AT,
    since=AT,
    until=AT + timedelta(days=7),
    started_at=datetime(2026, 11, 22, tzinfo=UTC),
    principal="unverified",
    engine="auto",
    instant=AT,
    replayed=True,
    backfill={"earlier_instant": "run x scored the line at noon already"},
)
