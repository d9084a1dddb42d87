"""Two runs compared: what differs is named, at the step at which it arises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from assembly_line.training.comparison import Difference, differences

FIT: Mapping[str, Any] = {
    "rows": 90,
    "prior": 0.25,
    "encoding": "e" * 64,
    "files": {
        "train": {"uri": "s3://store/1/train.csv", "digest": "t" * 64},
        "holdout": {"digest": "h" * 64},
        "again": {"digest": "a" * 64},
    },
    "jobs": {"training": "run-1-train-1"},
    "archive": {"uri": "s3://store/1/model.tar.gz", "digest": "m" * 64},
}
RECORD: Mapping[str, Any] = {
    "context": {"run_id": "run-1", "as_of": "2026-01-01", "author": "anna", "hyperparameters": {"rounds": "100"}},
    "release": "r" * 64,
    "scripts": {"train.py": "s" * 64},
    "image": {"framework": "xgboost", "version": "3.2-0"},
    "instance": {"type": "ml.m5.large"},
    "seeds": {"bootstrap": 0},
    "measured_with": {"numpy": "2.4.6"},
    "bootstrap_draws": 1000,
    "dataset": {"dataset_id": "ds-1", "spine_rows": 130, "rows": 120, "positives": 30, "seconds": 0.5},
    "features": ["visits", "orders"],
    "split": {"holdout_from": "2025-11-01", "holdout_rows": 30},
    "judged": FIT,
    "delivered": FIT,
    "evaluation": {"metrics": {"auc": 0.8, "auc_interval": [0.7, 0.9]}, "model_package_arn": "arn:1"},
}
OF_EACH_RUN = {"run_id", "author", "uri", "training", "seconds", "model_package_arn"}


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    else:
        yield path


def changed(place: tuple[str, ...], value: object) -> dict[str, Any]:
    record: Any = json.loads(json.dumps(RECORD))
    inner = record
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return dict(record)


@pytest.mark.parametrize("place", list(places(RECORD)), ids=".".join)
def test_a_value_that_differs_is_named_once_unless_each_run_has_its_own(place: tuple[str, ...]) -> None:
    found = differences(RECORD, changed(place, "other"))

    if place[-1] in OF_EACH_RUN:
        assert found == []
    else:
        assert [(one.name, one.second) for one in found] == [(".".join(place), "other")]


def test_a_record_of_an_earlier_version_lacks_what_is_asked_twice_and_differs_in_nothing() -> None:
    files = {name: one for name, one in FIT["files"].items() if name != "again"}
    before = {**RECORD, "judged": {**FIT, "files": files}, "delivered": {**FIT, "files": files}}
    assert differences(before, RECORD) == differences(RECORD, before) == []


def test_what_came_about_first_comes_first() -> None:
    second = changed(("context", "hyperparameters", "rounds"), "200")
    second["evaluation"] = {"metrics": {"auc": 0.81, "auc_interval": [0.7, 0.9]}}
    second["judged"] = {**FIT, "archive": {"digest": "n" * 64}}

    found = differences(RECORD, second)

    assert [one.step for one in found] == ["request", "judged fit", "figures"]
    assert found[0] == Difference("request", "context.hyperparameters.rounds", "100", "200")


def test_what_one_run_alone_has_is_a_difference_in_both_directions() -> None:
    second = changed(("context", "hyperparameters"), {"rounds": "100", "depth": "3"})

    assert differences(RECORD, second) == [Difference("request", "context.hyperparameters.depth", None, "3")]
    assert differences(second, RECORD) == [Difference("request", "context.hyperparameters.depth", "3", None)]


def test_a_run_that_repeats_another_differs_in_nothing() -> None:
    assert differences(RECORD, json.loads(json.dumps(RECORD))) == []
