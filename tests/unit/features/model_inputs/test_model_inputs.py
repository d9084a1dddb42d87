"""Model inputs of invented datasets, counted and computed again by plain Python: parts, numbers, ids, files."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.cli.views.model_inputs import REASONS
from assembly_line.encoding import DAY_ZERO, Encoding
from assembly_line.encoding import Column as EncodedColumn
from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.forecasting import steps_of
from assembly_line.features.model_inputs.preparing import Part, PreparedFold, prepare_inputs
from assembly_line.features.model_inputs.preprocessing import Fitted, apply
from assembly_line.features.values.columns import Column, column_of
from assembly_line.features.values.plain_values import plain_values
from assembly_line.instants import format_instant, from_micros, to_micros
from tests.unit.features.model_inputs.invented import (
    DAY,
    FEATURES,
    START,
    facts_about,
    folds_of,
    permuted,
    random_dataset,
    spec,
    table,
    values_of,
    written,
)

SPLITS = st.fixed_dictionaries(
    {},
    optional={
        "holdout": st.floats(0.1, 0.6),
        "validation": st.floats(0.2, 0.5),
        "folds": st.integers(2, 4),
        "embargo_days": st.sampled_from([0.0, 0.5, 1.0]),
        "keep_together": st.just(["household"]),
        "shared_groups": st.sampled_from(["out_of_training", "out_of_test"]),
    },
)
MODELS = st.sampled_from(
    [
        {"type": "gradient_boosting"},
        {"type": "gradient_boosting", "balance": "downsample"},
        {"type": "linear", "balance": "weights"},
        {"type": "ranking", "group": ["campaign", "decision_time"]},
        {"type": "ranking", "group": ["household"]},
    ]
)


def part_of(fold: PreparedFold, name: str) -> Part:
    return next(part for part in fold.parts if part.name == name)


def ids_of(part: Part) -> list[str]:
    return list(part.ids["decision_id"].values.tolist())


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), model=MODELS, split=SPLITS, horizon=st.integers(0, 3))
def test_no_part_learns_from_what_was_unknown_when_it_is_judged(
    seed: int, model: dict[str, Any], split: dict[str, Any], horizon: int
) -> None:
    columns = random_dataset(seed, 150, instants=20, horizon=horizon)
    row_of = {name: row for row, name in enumerate(columns["decision_id"].values.tolist())}
    known, times, household = (columns[name].values for name in ("outcome_known_at", "decision_time", "household"))
    try:
        folds = folds_of(columns, spec(**model, split=split))
    except RequestRefused as refused:
        assert "model." in str(refused)
        return
    assert len(folds) == split.get("folds", 1)
    for fold in folds:
        rows = {part.name: [row_of[name] for name in ids_of(part)] for part in fold.parts}
        assert sum(map(len, rows.values())) == len({row for part in rows.values() for row in part})
        names = list(rows)
        for earlier, later in ((a, b) for n, a in enumerate(names) for b in names[n + 1 :]):
            first = min(times[row] for row in rows[later])
            embargo = split.get("embargo_days", 0.0) * DAY
            assert all(max(known[row], times[row] if embargo else 0) <= first - embargo for row in rows[earlier])
            if "keep_together" in split:
                assert {household[row] for row in rows[earlier]}.isdisjoint(household[row] for row in rows[later])
            if model.get("group") == ["household"]:
                assert {household[row] for row in rows[earlier]}.isdisjoint(household[row] for row in rows[later])


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), model=MODELS, split=SPLITS)
def test_the_order_of_the_rows_changes_nothing(seed: int, model: dict[str, Any], split: dict[str, Any]) -> None:
    columns = random_dataset(seed, 120)

    def everything(given: dict[str, Column]) -> object:
        try:
            folds = folds_of(given, spec(**model, split=split))
        except RequestRefused as refused:
            return str(refused)
        return [
            (fold.record, fold.fitted.digest, part.record, ids_of(part), [values_of(c) for c in part.columns.values()])
            for fold in folds
            for part in fold.parts
        ]

    assert repr(everything(permuted(columns, seed))) == repr(everything(columns))


EVERY_MODEL = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["gradient_boosting", "linear"])},
        optional={"balance": st.sampled_from(["weights", "downsample"]), "majority": st.sampled_from([1.0, 1.5])},
    ),
    st.fixed_dictionaries(
        {"type": st.just("ranking"), "group": st.sampled_from([["household"], ["campaign", "decision_time"]])}
    ),
    st.fixed_dictionaries(
        {"type": st.just("forecasting"), "horizon": st.integers(1, 2), "incomplete": st.sampled_from(["drop", "null"])}
    ),
    st.just({"type": "survival"}),
)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 10**6),
    model=EVERY_MODEL,
    split=SPLITS,
    sliding=st.booleans(),
    pause=st.sampled_from([0, 30]),
)
def test_every_row_stands_in_one_part_or_is_counted_with_its_reason(
    seed: int, model: dict[str, Any], split: dict[str, Any], sliding: bool, pause: int
) -> None:
    columns = random_dataset(seed, 120, instants=20, horizon=1)
    columns = {name: column.take(_distinct(columns)) for name, column in columns.items()}
    columns["bought"].valid[::9] = False
    times = columns["decision_time"].values
    times[times >= START + 14 * DAY] += pause * DAY
    columns["outcome_known_at"] = Column("timestamp", times + DAY, np.ones(len(times), np.bool_))
    columns["bought_days"] = Column("float64", np.full(len(times), 2.0), np.arange(len(times)) % 7 > 0)
    window = {"window": "sliding"} if sliding and "folds" in split else {}

    try:
        prepared = prepare_inputs(
            columns, facts_about(columns, kind="time_to_event"), spec(**model, split={**split, **window})
        )
        folds = list(prepared.folds)
    except RequestRefused as refused:
        assert str(refused).startswith("model.")
        return

    for fold in folds:
        inside = sum(part.record["rows"] for part in fold.parts)
        of_fold = [Counter(reasons) for reasons in fold.record["left_out"].values()]
        reasons = sum(of_fold, Counter(prepared.left_out))
        assert inside + reasons.total() == len(times)
        assert set(reasons) <= set(REASONS)


def _distinct(columns: dict[str, Column]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows of which no two are of one household at one instant."""
    pairs = np.stack([columns["household"].values, columns["decision_time"].values])
    return np.sort(np.unique(pairs, axis=1, return_index=True)[1])


def test_rows_outside_a_fold_and_drawn_out_are_counted_by_reason() -> None:
    columns = random_dataset(3, 300, instants=20, horizon=0)

    split = {"folds": 3, "window": "sliding", "holdout": 0.6}
    first, second, third = (
        fold.record["left_out"]
        for fold in folds_of(columns, spec(type="gradient_boosting", balance="downsample", split=split))
    )

    assert "before_window" not in first["train"] and "test" not in third
    assert 0 < second["train"]["before_window"] < third["train"]["before_window"]
    assert first["test"]["after_test"] > second["test"]["after_test"] > 0
    assert all(fold["train"]["downsampled"] > 0 for fold in (first, second, third))


@pytest.mark.parametrize("embargo", [0.0, 1.0])
def test_a_row_whose_outcome_was_never_known_teaches_nothing(embargo: float) -> None:
    columns = random_dataset(3, 300, horizon=0)
    never = np.arange(300) % 3 == 0
    times = columns["outcome_known_at"].values
    columns["outcome_known_at"] = column_of(
        "timestamp", [None if unknown else time for unknown, time in zip(never, times.tolist(), strict=True)]
    )

    (fold,) = folds_of(columns, spec(type="linear", split={"validation": 0.3, "embargo_days": embargo}))

    names = set(columns["decision_id"].values[never].tolist())
    assert names.isdisjoint([*ids_of(part_of(fold, "train")), *ids_of(part_of(fold, "validation"))])


def test_a_fold_that_leaves_nothing_out_says_what_it_said_before() -> None:
    (fold,) = folds_of(random_dataset(3, 300, horizon=0), spec(type="gradient_boosting"))

    assert fold.record["left_out"] == {"train": {"purged": 0, "embargoed": 0}}


def test_a_sliding_window_without_rows_is_refused() -> None:
    columns = random_dataset(3, 300, instants=6, horizon=0)
    times = columns["decision_time"].values
    times[times >= START + 5 * DAY] += 100 * DAY

    with pytest.raises(RequestRefused, match=r"fold 2: .*train part.*before_window.*window expanding"):
        folds_of(
            columns,
            spec(
                type="gradient_boosting",
                split={"folds": 2, "window": "sliding", "boundary": format_instant(from_micros(START + 4 * DAY))},
            ),
        )


def test_numbers_are_those_of_the_encoding_that_training_and_scoring_use() -> None:
    columns = random_dataset(5, 400)
    (fold,) = folds_of(columns, spec(type="gradient_boosting"))
    train = part_of(fold, "train")
    row_of = {name: row for row, name in enumerate(columns["decision_id"].values.tolist())}
    rows = np.array([row_of[name] for name in ids_of(train)])
    taken = {name: _as_read(columns[name].take(rows)) for name in FEATURES}
    encoding = Encoding(tuple(EncodedColumn(c.name, c.kind, c.categories) for c in fold.fitted.columns))

    lines = encoding.csv(taken, first=["0"] * len(rows)).decode().splitlines()

    found = [values_of(train.columns[name]) for name in FEATURES]
    expected = [[float(field) if field else None for field in line.split(",")[1:]] for line in lines]
    assert list(map(list, zip(*found, strict=True))) == expected


def _as_read(column: Column) -> list[Any]:
    """As `read_columns` gives them: dates as dates."""
    values = plain_values(column)
    if column.kind == "date":
        return [None if value is None else date.fromordinal(DAY_ZERO + value) for value in values]
    return values


@pytest.mark.parametrize(("imputation", "scaling"), [("mean", "standard"), ("median", "robust"), ("zero", "none")])
def test_linear_models_get_what_the_training_part_alone_says(imputation: str, scaling: str) -> None:
    columns = random_dataset(7, 200)
    columns["x"] = columns["n"]
    (fold,) = folds_of(columns, spec(type="linear", imputation=imputation, scaling=scaling))
    train = set(ids_of(part_of(fold, "train")))
    values = plain_values(columns["n"])
    learnt = [
        value
        for value, name in zip(values, columns["decision_id"].values, strict=True)
        if name in train and value is not None
    ]
    size = len(train)
    filling = {"mean": statistics.fmean(learnt), "median": statistics.median(learnt), "zero": 0.0}[imputation]
    whole = [*learnt, *[filling] * (size - len(learnt))]
    if scaling == "standard":
        center, scale = statistics.fmean(whole), statistics.pstdev(whole)
    elif scaling == "robust":
        lower, center, upper = statistics.quantiles(whole, n=4, method="inclusive")
        scale = upper - lower
    else:
        center, scale = 0.0, 1.0
    for part in fold.parts:
        of = dict(zip(columns["decision_id"].values.tolist(), values, strict=True))
        wanted = [of[name] for name in ids_of(part)]
        found, missing = values_of(part.columns["n"]), values_of(part.columns["n.missing"])
        assert missing == [float(value is None) for value in wanted]
        for value, number in zip(wanted, found, strict=True):
            assert math.isclose(
                number, ((filling if value is None else value) - center) / scale, rel_tol=1e-9, abs_tol=1e-9
            )
        assert all(value is not None and math.isfinite(value) for c in part.columns.values() for value in values_of(c))


def test_a_category_that_training_did_not_hold_is_unknown_and_counted() -> None:
    columns = random_dataset(9, 200)
    last = columns["decision_time"].values == columns["decision_time"].values.max()
    columns["s"].values[last], columns["s"].valid[last] = "new", True

    (linear,) = folds_of(columns, spec(type="linear"))
    (trees,) = folds_of(columns, spec(type="gradient_boosting"))
    (wide,) = folds_of(columns, spec(type="gradient_boosting", encoding="one_hot"))

    test, names = part_of(linear, "test"), [f"s.{n}" for n in range(6)]
    unknown = [name for name, value in zip(ids_of(test), values_of(test.columns["s.unknown"]), strict=True) if value]
    assert len(unknown) == int(last.sum()) == test.record["unseen_categories"]["s"]
    for column in zip(*(values_of(test.columns[name]) for name in [*names, "s.unknown", "s.missing"]), strict=True):
        assert sorted(column) == [0.0] * 7 + [1.0]
    of = dict(zip(columns["decision_id"].values.tolist(), plain_values(columns["s"]), strict=True))
    categories = sorted(value for value in set(of.values()) if value not in (None, "new"))
    for fold in (trees, wide):
        for part in fold.parts:
            for row, name in enumerate(ids_of(part)):
                if fold is trees:
                    place = categories.index(of[name]) if of[name] in categories else None
                    assert values_of(part.columns["s"])[row] == place
                else:
                    found = [values_of(part.columns[name])[row] for name in names]
                    assert found == [None if of[name] is None else float(of[name] == one) for one in categories]


def test_what_is_held_out_has_no_say_in_what_is_fitted() -> None:
    columns = random_dataset(11, 200)
    (before,) = folds_of(columns, spec(type="linear"))
    held_out = set(ids_of(part_of(before, "test")))
    rows = [row for row, name in enumerate(columns["decision_id"].values) if name in held_out]
    for name in FEATURES:
        columns[name].values[rows] = columns[name].values[rows[::-1]] if name != "s" else "other"
        columns[name].valid[rows] = True

    (after,) = folds_of(columns, spec(type="linear"))
    columns["x"].values[0], columns["x"].valid[0] = 123.0, True
    (other,) = folds_of(columns, spec(type="linear"))

    assert after.fitted.digest == before.fitted.digest
    assert other.fitted.digest != before.fitted.digest


def test_what_was_fitted_gives_scoring_the_numbers_of_the_file(tmp_path: Path) -> None:
    columns = random_dataset(13, 200)
    (fold,) = written(columns, spec(type="linear"), tmp_path)
    document = (tmp_path / "fitted.json").read_bytes()
    fitted = Fitted.from_json(json.loads(document))
    row_of = {name: row for row, name in enumerate(columns["decision_id"].values.tolist())}

    assert hashlib.sha256(document).hexdigest() == fold.record["fitted_digest"] == fitted.digest
    for part in ("train", "test"):
        ids = [name for name, _ in table(tmp_path / f"{part}.ids.parquet")]
        scored = apply(fitted, {name: columns[name].take(np.array([row_of[i] for i in ids])) for name in FEATURES})
        rows = table(tmp_path / f"{part}.parquet")
        assert [row[1:] for row in rows] == list(zip(*(values.tolist() for values in scored.values()), strict=True))
        assert [row[0] for row in rows] == [columns["bought"].values[row_of[name]] for name in ids]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_files_are_those_of_the_manifest_and_xgboost_learns_from_them(tmp_path: Path, format_: str) -> None:
    columns = random_dataset(17, 300)
    (fold,) = written(columns, spec(type="gradient_boosting", format=format_, balance="weights"), tmp_path)

    listed = {file["name"]: file for part in fold.record["parts"] for file in part["files"]}
    listed["fitted.json"] = fold.record["fitted"]
    assert sorted(listed) == sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    for name, file in listed.items():
        content = (tmp_path / name).read_bytes()
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    rows = np.array(table(tmp_path / f"train.{format_}"), dtype=np.float64)
    weights = np.array(table(tmp_path / f"train.weights.{format_}"), dtype=np.float64)[:, 0]
    data = xgboost.DMatrix(
        rows[:, 1:], label=rows[:, 0], weight=weights, feature_names=[c["name"] for c in fold.record["columns"][1:]]
    )
    xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 3)
    positives = rows[:, 0] == 1
    assert weights[positives].sum() == pytest.approx(weights[~positives].sum())
    assert not (tmp_path / f"test.weights.{format_}").exists()
    assert len(table(tmp_path / f"train.ids.{format_}")) == len(rows) == fold.record["parts"][0]["rows"]


def test_fewer_rows_of_the_commoner_outcome_whatever_their_order() -> None:
    columns = random_dataset(19, 400)
    (whole,) = folds_of(columns, spec(type="gradient_boosting"))
    drawn = [
        folds_of(columns, spec(type="gradient_boosting", balance="downsample", seed=seed))[0] for seed in (1, 1, 2)
    ]

    trains = [part_of(fold, "train") for fold in drawn]
    positives = part_of(whole, "train").record["positives"]
    for part in trains:
        assert (part.record["positives"], part.record["rows"]) == (positives, 2 * positives)
        assert set(ids_of(part)) < set(ids_of(part_of(whole, "train")))
    assert ids_of(trains[0]) == ids_of(trains[1]) != ids_of(trains[2])
    assert drawn[0].fitted.digest == whole.fitted.digest
    assert ids_of(part_of(drawn[0], "test")) == ids_of(part_of(whole, "test"))
    negatives = part_of(whole, "train").record["rows"] - positives
    assert drawn[0].record["balance"]["factor"] == positives / negatives


def test_ranking_groups_are_whole_and_xgboost_ranks_them(tmp_path: Path) -> None:
    columns = random_dataset(23, 400, horizon=0)
    model = spec(type="ranking", group=["campaign", "decision_time"], qid=True)
    (fold,) = written(columns, model, tmp_path)

    row_of = {name: row for row, name in enumerate(columns["decision_id"].values.tolist())}
    group_of = [(columns["campaign"].values[row], columns["decision_time"].values[row]) for row in range(400)]
    for part in ("train", "test"):
        groups = [group_of[row_of[name]] for name, _ in table(tmp_path / f"{part}.ids.csv")]
        sizes = [int(size) for (size,) in table(tmp_path / f"{part}.groups.csv")]
        edges = np.cumsum([0, *sizes])
        assert edges[-1] == len(groups)
        contiguous = [set(groups[a:b]) for a, b in pairwise(edges)]
        assert all(len(one) == 1 for one in contiguous)
        assert len({next(iter(one)) for one in contiguous}) == len(contiguous)
        assert all(group_of.count(next(iter(one))) == size for one, size in zip(contiguous, sizes, strict=True))
        rows = np.array(table(tmp_path / f"{part}.csv"), dtype=np.float64)
        data = xgboost.DMatrix(rows[:, 2:], label=rows[:, 0], qid=rows[:, 1].astype(np.int64))
        xgboost.train({"objective": "rank:ndcg", "nthread": 1}, data, 2)
        assert np.diff(data.get_uint_info("group_ptr")).tolist() == sizes
    assert fold.record["parts"][0]["groups"] == len(table(tmp_path / "train.groups.csv"))


@pytest.mark.parametrize("target", ["duration", "aft", "cox"])
def test_survival_models_learn_from_durations(tmp_path: Path, target: str) -> None:
    columns = random_dataset(29, 300)
    days = np.arange(1, 301) / 7
    columns["bought_days"] = Column("float64", days, np.ones(300, np.bool_))
    columns["bought_days"].valid[5] = False
    written(columns, spec(type="survival", target=target), tmp_path, kind="time_to_event")

    rows = np.array([[np.nan if f is None else float(f) for f in row] for row in table(tmp_path / "train.csv")])
    ids = [name for name, _ in table(tmp_path / "train.ids.csv")]
    places = [columns["decision_id"].values.tolist().index(name) for name in ids]
    bought = columns["bought"].values[places] == 1
    first = 1 if target == "cox" else 2
    data = xgboost.DMatrix(rows[:, first:])
    if target == "aft":
        assert rows[:, 0].tolist() == days[places].tolist()
        assert np.where(np.isinf(rows[:, 1]), -1, rows[:, 1]).tolist() == np.where(bought, days[places], -1).tolist()
        data.set_float_info("label_lower_bound", rows[:, 0])
        data.set_float_info("label_upper_bound", rows[:, 1])
        xgboost.train({"objective": "survival:aft", "nthread": 1}, data, 2)
    elif target == "cox":
        assert rows[:, 0].tolist() == np.where(bought, days[places], -days[places]).tolist()
        data.set_label(rows[:, 0])
        xgboost.train({"objective": "survival:cox", "nthread": 1}, data, 2)
    else:
        assert rows[:, :2].tolist() == [[day, float(event)] for day, event in zip(days[places], bought, strict=True)]
    assert "d1-29-000005" not in ids


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    horizon=st.integers(1, 3),
    gap=st.integers(0, 2),
    incomplete=st.sampled_from(["drop", "null"]),
    spacing=st.sampled_from([1, 7]),
)
def test_forecasts_are_the_outcomes_of_later_decisions_of_the_series(
    seed: int, horizon: int, gap: int, incomplete: str, spacing: int
) -> None:
    columns = random_dataset(seed, 150, instants=14, spacing=spacing, horizon=spacing)
    seen: dict[tuple[Any, Any], int] = {}
    for row in range(150):
        seen.setdefault((columns["household"].values[row], columns["decision_time"].values[row]), row)
    columns = {name: column.take(np.array(sorted(seen.values()))) for name, column in columns.items()}
    columns["bought"] = Column("float64", np.arange(len(seen)) + 0.5, np.ones(len(seen), np.bool_))
    value_of = {
        (household, time): value
        for household, time, value in zip(
            *(columns[n].values.tolist() for n in ("household", "decision_time", "bought")), strict=True
        )
    }
    expected = {}
    for household, time in value_of:
        later = [value_of.get((household, time + (gap + k - 1) * spacing * DAY)) for k in range(1, horizon + 1)]
        if all(v is not None for v in later) if incomplete == "drop" else any(v is not None for v in later):
            expected[household, time] = later
    model = spec(type="forecasting", series=["household"], horizon=horizon, gap=gap, incomplete=incomplete)

    try:
        (fold,) = folds_of(columns, model, kind="numeric")
    except RequestRefused:
        return

    known = {}
    for part in fold.parts:
        named = [f"bought.{gap + k}" for k in range(1, horizon + 1)]
        rows = zip(*(values_of(part.columns[n]) for n in ("household", "decision_time", *named)), strict=True)
        for household, time, *later in rows:
            assert later == expected.pop((household, time))
            last = max(k for k, value in enumerate(later) if value is not None)
            known[household, time] = time + (gap + last + 1) * spacing * DAY, part.name
    first = min(time for (_, time), (_, part) in known.items() if part == "test")
    assert all(at <= first for at, part in known.values() if part == "train")
    assert len(expected) == sum(fold.record["left_out"]["train"].values())


def test_a_cadence_of_months_and_of_days_across_a_clock_change_is_regular() -> None:
    for zone in ("Europe/Berlin", "America/New_York", "UTC"):
        months = [to_micros(datetime(2017, month, 1, tzinfo=ZoneInfo(zone))) for month in range(1, 13)]
        days = [to_micros(datetime(2017, 3, day, tzinfo=ZoneInfo(zone))) for day in range(1, 32) if day != 9]
        ends = [
            to_micros(datetime(2017, month, 28 if month == 2 else 30, tzinfo=ZoneInfo(zone))) for month in range(1, 13)
        ]
        assert steps_of(np.array(months)).tolist() == steps_of(np.array(ends)).tolist() == list(range(12))
        assert steps_of(np.array(days)).tolist() == [day for day in range(31) if day != 8]
    with pytest.raises(RequestRefused, match="regular cadence, but after 1970-01-01T00:00:00"):
        steps_of(np.array([0, 5, 7, 9]) * DAY)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            {"split": {"boundary": "2016-07-01"}},
            "model.split.boundary: 2016-07-01T00:00:00.000000Z leaves a part empty",
        ),
        ({"split": {"folds": 20, "holdout": 0.2}}, "model.split.folds: 20 test parts need as many instants"),
        ({"split": {"embargo_days": 100.0}}, "the train part has no rows left"),
        ({"split": {"folds": 2, "embargo_days": 100.0}}, "fold 1: the train part"),
    ],
)
def test_a_split_that_the_rows_do_not_allow_is_refused(model: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        folds_of(random_dataset(31, 100), spec(type="gradient_boosting", **model))
    assert said in str(refused.value)


def test_categories_that_become_too_many_columns_are_refused_where_memory_is_bounded() -> None:
    columns = random_dataset(37, 1500, instants=30)
    columns["s"] = Column("string", np.array([f"c{n % 700}" for n in range(1500)], np.object_), np.ones(1500, np.bool_))
    narrow, wide = spec(type="gradient_boosting"), spec(type="gradient_boosting", encoding="one_hot")

    assert len(list(prepare_inputs(columns, facts_about(columns), narrow, memory_mib=20).folds)) == 1
    assert len(list(prepare_inputs(columns, facts_about(columns), wide, memory_mib=100).folds)) == 1
    with pytest.raises(
        RequestRefused, match=r"1500 rows x 13 columns, to be written as 7\d\d, need about \d+ MiB, more"
    ):
        list(prepare_inputs(columns, facts_about(columns), wide, memory_mib=20).folds)


def test_empty_and_single_instant_datasets_are_refused() -> None:
    with pytest.raises(RequestRefused, match="has no rows"):
        folds_of({n: c.take(np.array([], np.int64)) for n, c in random_dataset(1, 5).items()}, spec(type="linear"))
    with pytest.raises(RequestRefused, match="at 1 instant"):
        folds_of(random_dataset(1, 20, instants=1), spec(type="linear"))
