"""A run for a tracker: figures that are finite are metrics, all else is text, and a change is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.training.tracked import TrackedRun, tracked
from tests.reviews import a_review
from tests.unit.training.test_comparison import RECORD, changed
from tests.unit.training.test_packet_page import COUPONS

FOUND = {"run_id": "run-1", "state": "waiting", "author": "arn:x/anna", "asked_at": "2026-11-01T00:00:00.000000Z"}
REVIEW = {
    "state": "decided",
    "reviewer": "arn:x/ben",
    "decision": "approve",
    "reason": "it is better",
    "packet": {"notes": ["Purged 3.", "No better."]},
}
FIGURES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=4),
    max_leaves=12,
)


def of(record: Mapping[str, Any] | None = RECORD, **other: Any) -> TrackedRun:
    given: dict[str, Any] = {"record": record, "review": None, "seconds": {}, "ended": None, "files": {}}
    return tracked("dev", "churn", {**FOUND, **other.pop("found", {})}, **{**given, **other})


def with_figures(figures: Mapping[str, Any]) -> TrackedRun:
    return of(changed(("evaluation", "metrics"), figures))


def numbers(value: Any) -> int:
    return sum(map(numbers, value.values())) if isinstance(value, Mapping) else 1


def test_figures_are_metrics_and_an_interval_is_its_two_ends() -> None:
    champion = {"rows": 9, "measures": {"auc": {"difference": 0.1, "interval": [0.05, 0.2], "says": "better"}}}
    found = with_figures({"auc": 0.8, "auc_interval": [0.7, 0.9], "rows": 30, "champion": champion})

    assert found.metrics["auc"] == 0.8
    assert (found.metrics["auc_interval_low"], found.metrics["auc_interval_high"]) == (0.7, 0.9)
    assert found.metrics["champion.measures.auc.difference"] == 0.1
    assert found.metrics["champion.measures.auc.interval_low"] == 0.05
    assert found.tags["figure.champion.measures.auc.says"] == "better"
    assert (found.metrics["rows"], found.metrics["rows.judged"], found.metrics["rows.holdout"]) == (30, 90, 30)


def test_what_a_run_looked_into_reaches_the_tracker_figure_by_figure() -> None:
    validation = a_review(COUPONS, recipe=True)["packet"]["validation"]

    found = of({**RECORD, "validation": validation})

    region = validation["importance"]["features"]["region"]
    assert found.metrics["validation.importance.features.region.figure"] == region["figure"]
    assert found.metrics["validation.importance.features.region.interval_low"] == region["interval"][0]
    assert found.metrics["validation.spread.auc.worst"] == validation["spread"]["auc"]["worst"]
    assert found.metrics["validation.folds.fold-2.measures.auc.figure"] > 0
    assert found.metrics["validation.noise.measures.auc.difference"] is not None
    assert found.metrics["validation.learning_curve.part-1.share"] == 0.25


@pytest.mark.parametrize(
    ("value", "said"), [(None, "not computable"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")]
)
def test_a_figure_that_is_none_or_not_finite_is_text(value: float | None, said: str) -> None:
    found = with_figures({"auc": value, "log_loss": 0.4})

    assert "auc" not in found.metrics
    assert found.tags["figure.auc"] == said
    assert found.metrics["log_loss"] == 0.4


@given(figures=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), FIGURES, max_size=4))
def test_whatever_the_figures_are_every_metric_is_finite_and_has_a_name_that_mlflow_takes(
    figures: dict[str, Any],
) -> None:
    found = with_figures(figures)

    assert all(map(math.isfinite, found.metrics.values()))
    for name in (*found.metrics, *found.tags):
        assert name
        assert not name.startswith(".")
        assert all(sign.isalnum() or sign in "_-. :" for sign in name)


def test_a_hyperparameter_keeps_its_name_and_cannot_be_taken_for_what_the_line_says() -> None:
    found = of(changed(("context", "hyperparameters"), {"rounds": "100", "release": "mine"}))

    assert found.params["rounds"] == "100"
    assert (found.params["release"], found.params["release.digest"]) == ("mine", "r" * 64)
    assert found.params["dataset.id"] == "ds-1"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("running", "RUNNING"),
        ("failed", "FAILED"),
        ("timed out", "FAILED"),
        ("aborted", "KILLED"),
        ("unknown", "FAILED"),
    ],
)
def test_a_run_without_a_record_says_how_it_ended(state: str, status: str) -> None:
    found = of(None, found={"state": state})

    assert (found.status, found.metrics, found.params) == (status, {}, {})
    assert found.tags["run.state"] == state


@pytest.mark.parametrize("state", ["waiting", "approved", "rejected", "champion", "succeeded", "unknown"])
def test_a_run_with_a_record_has_finished(state: str) -> None:
    assert of(found={"state": state}).status == "FINISHED"


def test_who_judged_it_and_why_is_told_with_the_notes() -> None:
    found = of(review=REVIEW)

    assert found.author == "anna"
    assert (found.tags["review.reviewer"], found.tags["review.reason"]) == ("arn:x/ben", "it is better")
    assert found.notes == ("Purged 3.", "No better.")


def test_the_digest_changes_with_all_that_is_told_and_with_nothing_else() -> None:
    digests = [
        of().digest,
        of(found={"state": "champion"}).digest,
        of(review=REVIEW).digest,
        of(files={"run.json": b"1"}).digest,
        of(files={"run.json": b"2"}).digest,
        of(ended="2026-11-02T00:00:00.000000Z").digest,
        of(changed(("evaluation", "metrics", "auc"), 0.81)).digest,
    ]

    assert len(set(digests)) == len(digests)
    assert of({name: RECORD[name] for name in reversed(list(RECORD))}).digest == digests[0]


def test_paid_seconds_are_told_apart_and_no_part_of_the_digest_as_not_every_recorder_may_see_them() -> None:
    found = of(seconds={"train-1": 60, "holdout-1": 30})

    assert found.paid == {"paid_seconds": 90, "paid_seconds.train-1": 60, "paid_seconds.holdout-1": 30}
    assert found.paid.items() <= found.metrics.items()
    assert (found.digest, of().paid) == (of().digest, {})


def test_only_a_run_whose_state_nobody_knows_is_forgotten() -> None:
    assert of(found={"state": "unknown"}).forgotten
    assert not of(found={"state": "aborted"}).forgotten
