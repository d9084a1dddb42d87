"""What is looked into beside the measures: parts, calibration, a linear model, changed inputs, and declared limits."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assembly_line.declarations.lines import Line
from assembly_line.declarations.training.validation import Validation
from assembly_line.errors import DeclarationError
from assembly_line.loader import load_line
from assembly_line.outcome_kinds import Amount, Answer, Binary, Count, Multiclass, OutcomeKind, Quantiles, Ranking
from assembly_line.training.record import FittedModel
from assembly_line.training.states import PackagedModel
from assembly_line.training.validation import linear
from assembly_line.training.validation.calibration import calibration_of
from assembly_line.training.validation.curves import curves_of
from assembly_line.training.validation.limits import judged_limits, missed, not_better
from assembly_line.training.validation.linear import fitted, linear_answers
from assembly_line.training.validation.perturbation import nudged, stability
from assembly_line.training.validation.ranks import places_of
from assembly_line.training.validation.replication import not_replicated, replication
from assembly_line.training.validation.segments import by_segment, parts_of, parts_of_time

# Made once with the release that it names.
ORACLE = json.loads(Path(__file__).with_name("linear_models_of_scikit_learn.json").read_text(encoding="utf-8"))
LINE = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
CLASSES = Multiclass(classes=("a", "b", "c"), cut="b")
KINDS: dict[str, OutcomeKind] = {"binary": Binary(), "multiclass": CLASSES, "count": Count(), "amount": Amount()}


@pytest.mark.parametrize("name", KINDS)
def test_the_linear_model_answers_as_scikit_learns_does(name: str) -> None:
    case = ORACLE["cases"][name]
    learnt, asked, outcomes = (np.array(one) for one in (ORACLE["learnt"], ORACLE["asked"], case["outcomes"]))

    found = answers_of(KINDS[name], learnt, outcomes.astype(np.float64), asked)

    assert np.array(found) == pytest.approx(np.array(case["answers"]), rel=1e-5)


def test_the_linear_model_answers_quantiles_that_cover_their_share_of_what_it_learnt_from() -> None:
    learnt, outcomes = np.array(ORACLE["learnt"]), np.array(ORACLE["cases"]["amount"]["outcomes"])

    found = answers_of(Quantiles(quantiles=(0.1, 0.5, 0.9), cut=0.5), learnt, outcomes, learnt)

    assert (outcomes[:, None] <= np.array(found)).mean(axis=0) == pytest.approx([0.1, 0.5, 0.9], abs=1 / 80)


class Counted(list[Any]):
    """Values of a feature, of which it is counted how many were read one by one."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__(values)
        self.read = 0

    def __getitem__(self, place: Any) -> Any:
        self.read += not isinstance(place, slice)
        return super().__getitem__(place)


@pytest.mark.parametrize(("kind", "rows"), [(Amount(), 100), (Multiclass(classes=tuple("abcd"), cut="b"), 25)])
def test_a_linear_model_of_many_columns_reads_fewer_rows(
    monkeypatch: pytest.MonkeyPatch, kind: OutcomeKind, rows: int
) -> None:
    """One number takes a column, and another one where values are missing."""
    monkeypatch.setattr(linear, "MOST_CELLS", 200)
    feature = {"spend_30d": LINE.features["spend_30d"]}
    learnt = Counted([float(row) for row in range(1000)])
    asked = [float(row) for row in range(250)]
    labels = [row % 4 for row in range(1000)]

    found = linear_answers(kind, feature, {"spend_30d": learnt}, labels, {"spend_30d": asked})

    assert found is not None
    assert (learnt.read, len(found)) == (rows, 250)


def test_there_is_no_linear_model_of_more_columns_than_the_function_has_time_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear, "MOST_COLUMNS", 7)
    feature = {"campaign_type": LINE.features["campaign_type"]}
    for values, exists in ((5, True), (6, False)):
        learnt = {"campaign_type": [f"Type {row % values}" for row in range(60)]}
        found = linear_answers(Amount(), feature, learnt, list(range(60)), learnt)
        assert (found is not None) is exists


def test_outcomes_that_a_line_parts_wholly_have_a_linear_model_too() -> None:
    learnt = np.linspace(-1, 1, 50)[:, None]

    found = answers_of(Binary(), learnt, (learnt[:, 0] > 0) * 1.0, np.array([[-5.0], [5.0]]))

    assert found[0][0] < 0.01
    assert found[1][0] > 0.99


def test_calibration_has_the_bins_of_scikit_learn() -> None:
    case = ORACLE["calibration"]

    found = calibration_of(Binary(), [(score,) for score in case["scores"]], case["outcomes"], seed=0)

    assert found is not None
    (bins,) = found["curves"].values()
    assert [one[0] for one in bins] == pytest.approx(case["answered"])
    assert [one[1] for one in bins] == pytest.approx(case["happened"])


@given(st.integers(0, 50))
def test_right_probabilities_have_the_error_of_chance_and_wrong_ones_more(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(2000)
    outcomes = (random.random(2000) < scores).astype(int).tolist()

    right = calibration_of(Binary(), [(score,) for score in scores], outcomes, seed=0)
    wrong = calibration_of(Binary(), [(score / 2,) for score in scores], outcomes, seed=0)

    assert right is not None
    assert wrong is not None
    assert right["error"] < 3 * right["by_chance"]
    # Half of it is missing: a quarter on average.
    assert wrong["error"] == pytest.approx(0.25, abs=0.05)


def test_equal_answers_stand_together_and_apart_from_others() -> None:
    """Both answers are wrong, in opposite directions: one bin of all would hide it."""
    scores, rate = [0.01] * 950 + [0.9] * 50, 56
    outcomes = ([1] * rate + [0] * (1000 - rate))[::-1]
    random = np.random.default_rng(0)
    random.shuffle(outcomes)
    low, high = np.mean(outcomes[:950]), np.mean(outcomes[950:])

    found = calibration_of(Binary(), [(score,) for score in scores], outcomes, seed=0)

    assert found is not None
    assert found["curves"][""] == [pytest.approx([0.01, low, 950]), pytest.approx([0.9, high, 50])]
    assert found["error"] == pytest.approx(0.95 * abs(low - 0.01) + 0.05 * abs(high - 0.9))
    assert (found["error"] > 0.07, found["by_chance"] < 0.01) == (True, True)


def test_most_rows_of_one_value_do_not_swallow_the_others() -> None:
    assert parts_of([0] * 90 + [1] * 5 + [5] * 5, least_rows=2, by_value=False)[1] == [0] * 90 + [1] * 10


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 10))
def test_parts_keep_the_order_and_hold_about_equally_many_of_what_is_not_equal(values: list[int], parts: int) -> None:
    places = places_of(np.array(values), parts)

    assert all(0 <= place < parts for place in places)
    by_value = {value: {int(places[row]) for row, one in enumerate(values) if one == value} for value in values}
    assert all(len(of) == 1 for of in by_value.values())
    assert [min(by_value[value]) for value in sorted(by_value)] == sorted(min(of) for of in by_value.values())
    distinct = places_of(np.arange(len(values)), parts)
    held = [int(np.sum(distinct == part)) for part in range(parts)]
    assert max(held) - min(held) <= 1


def test_calibration_of_amounts_is_a_share_and_that_of_quantiles_is_of_coverage() -> None:
    outcomes = [float(one) for one in range(1, 101)]

    tenth_more = calibration_of(Amount(), [(1.1 * one,) for one in outcomes], outcomes, seed=0)
    levels = Quantiles(quantiles=(0.2, 0.9), cut=0.9)
    covering = calibration_of(levels, [(30.0, 90.0)] * 100, outcomes, seed=0)

    assert tenth_more is not None
    assert tenth_more["error"] == pytest.approx(0.1)
    assert covering is not None
    assert covering["curves"][""] == [[0.2, 0.3, 100], [0.9, 0.9, 100]]
    assert covering["error"] == pytest.approx(0.05)


def test_probabilities_of_classes_are_calibrated_class_by_class() -> None:
    answers = [(0.5, 0.3, 0.2)] * 10

    found = calibration_of(CLASSES, answers, [0] * 5 + [1] * 3 + [2] * 2, seed=0)

    assert found is not None
    (likely,), (rarer,), (rarest,) = found["curves"].values()
    assert [*likely, *rarer, *rarest] == pytest.approx([0.5, 0.5, 10, 0.3, 0.3, 10, 0.2, 0.2, 10])
    assert found["error"] == pytest.approx(0)


def test_a_part_is_a_common_value_or_a_quarter() -> None:
    assert parts_of(["a", None, "a", "rare", "a", None], least_rows=2, by_value=True) == (
        ["a", "missing", "others"],
        [0, 1, 0, 2, 0, 1],
    )
    assert parts_of([1, 2, 3, 4, None], least_rows=2, by_value=False) == (
        ["up to 1", "2", "3", "4 and above", "missing"],
        [0, 1, 2, 3, 4],
    )
    # Equal values stay together.
    assert parts_of([5, 5, 5, 9], least_rows=2, by_value=False) == (["5", "9 and above"], [0, 0, 0, 1])
    days = [int(datetime(2017, month, 1, tzinfo=UTC).timestamp() * 1e6) for month in (1, 2, 3, 4)]
    assert parts_of_time(days)[0] == ["2017-01-01", "2017-02-01", "2017-03-01", "2017-04-01"]


def test_the_name_of_a_quarter_does_not_tell_the_least_or_the_greatest_value() -> None:
    assert parts_of([18, *range(20, 42), 80], least_rows=2, by_value=False)[0] == [
        "up to 24",
        "25 to 30",
        "31 to 36",
        "37 and above",
    ]
    # A value that many have is nobody's own.
    assert parts_of([0] * 6 + [1] * 4, least_rows=4, by_value=False)[0] == ["0", "1"]
    assert parts_of([80, None, None], least_rows=2, by_value=False)[0] == ["known", "missing"]


def test_a_value_that_is_named_as_a_made_up_part_is_another_part() -> None:
    values = ["others", "others", "missing", "missing", None, None, "rare", "'others'", "'others'"]

    names, of = parts_of(values, least_rows=2, by_value=True)

    assert sorted(names) == sorted(["'others'", "'missing'", "missing", "others", "''others''"])
    assert [names[place] for place in of] == [
        *["'others'"] * 2,
        *["'missing'"] * 2,
        *["missing"] * 2,
        "others",
        *["''others''"] * 2,
    ]


@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=False)), min_size=1, max_size=40))
def test_every_row_is_in_a_part_and_quarters_do_not_overlap(values: list[float | None]) -> None:
    names, of = parts_of(values, least_rows=1, by_value=False)

    assert sorted(set(of)) == list(range(len(names)))
    known = [(place, value) for place, value in zip(of, values, strict=True) if value is not None and not isnan(value)]
    assert [place for place, _ in sorted(known, key=lambda one: one[1])] == sorted(place for place, _ in known)


def answers_of(kind: OutcomeKind, learnt: Any, outcomes: Any, asked: Any) -> list[Answer]:
    model = fitted(kind, learnt, outcomes)
    assert model is not None
    return model(asked)


def coin(seed: int, rows: int = 400) -> tuple[list[Answer], list[int | float], list[object]]:
    """Scores that are right, of decisions of their own clusters."""
    random = np.random.default_rng(seed)
    scores = random.random(rows)
    return [(float(one),) for one in scores], (random.random(rows) < scores).astype(int).tolist(), list(range(rows))


def test_a_part_in_which_scores_are_chance_is_found_to_be_worse() -> None:
    answers, outcomes, clusters = coin(1)
    answers[:100] = [(1 - one[0],) for one in answers[:100]]
    segments = {"shop": (["old", "new", "tiny"], [0] * 100 + [1] * 295 + [2] * 5)}

    found = by_segment(Binary(), answers, outcomes, clusters, segments, least_rows=50, seed=0)["shop"]

    assert [(one["part"], one["rows"]) for one in found] == [("old", 100), ("new", 295), ("tiny", 5)]
    old, new, tiny = (one["measures"] for one in found)
    assert (old["auc"]["says"], new["auc"]["says"]) == ("worse", "better")
    assert old["auc"]["figure"] < 0.5 < new["auc"]["interval"][0]
    assert tiny == {}


@pytest.mark.parametrize(("clusters", "said"), [(9, "alike"), (10, "worse")])
def test_a_part_of_few_clusters_is_neither_worse_nor_better(clusters: int, said: str) -> None:
    answers, outcomes, _ = coin(1)
    answers[:100] = [(1 - one[0],) for one in answers[:100]]
    households = [row % clusters if row < 100 else row for row in range(400)]
    segments = {"shop": (["old", "new"], [0] * 100 + [1] * 300)}

    found = by_segment(Binary(), answers, outcomes, households, segments, least_rows=50, seed=0)["shop"][0]

    assert found["measures"]["auc"]["says"] == said
    assert (found["measures"]["auc"]["interval"] is None) is (clusters < 10)
    assert found["measures"]["auc"]["figure"] < 0.5


def test_a_ranking_has_figures_of_segments_that_leave_its_groups_whole_alone() -> None:
    answers, relevances, _ = coin(1)
    groups = [row // 4 for row in range(400)]
    segments = {
        "shop": (["old", "new"], [group % 2 for group in groups]),
        "age": (["young", "old"], [row % 2 for row in range(400)]),
    }
    ranked = Ranking(within=("campaign_id",), capacity=0.5)

    found = by_segment(
        ranked, answers, list(zip(relevances, groups, strict=True)), groups, segments, least_rows=50, seed=0
    )

    assert [set(part["measures"]) for part in found["shop"]] == [{"ndcg", "ndcg_at_capacity"}] * 2
    assert [(part["rows"], part["measures"]) for part in found["age"]] == [(200, {}), (200, {})]


def test_a_part_with_one_outcome_has_no_auc_and_breaks_no_limit() -> None:
    answers, _, clusters = coin(1, 100)
    segments = {"shop": (["all"], [0] * 100)}
    found = by_segment(Binary(), answers, [0] * 100, clusters, segments, least_rows=50, seed=0)
    declared = Validation(segments=("shop",), segment_thresholds={"auc": 0.9})

    assert found["shop"][0]["measures"]["auc"]["figure"] is None
    assert judged_limits(declared, {}, found, calibration=None, stability=None) == []


def test_limits_are_kept_from_the_better_side_and_said_with_figure_limit_and_what_to_do() -> None:
    declared = Validation(
        segments=("shop",),
        thresholds={"auc": 0.7, "log_loss": 0.3},
        segment_thresholds={"auc": 0.6},
        calibration=0.05,
        stability=0.1,
    )
    parts = [{"part": "old", "measures": {"auc": {"figure": 0.55}}}, {"part": "new", "measures": {}}]

    found = judged_limits(
        declared,
        {"auc": 0.7, "log_loss": 0.31},
        {"shop": parts},
        calibration={"error": 0.05},
        stability={"change": None},
    )

    assert [(one["on"], one["kept"]) for one in found] == [
        ("AUC", True),
        ("log loss", False),
        ("AUC of shop = old", False),
        ("calibration error", True),
        ("change of scores", False),
    ]
    first, second, third = missed(found)
    assert first.startswith("The log loss is 0.31; expected at most 0.3. Train on more decisions, or change")
    assert first.endswith("or declare another validation.thresholds['log_loss'].")
    assert second.startswith("The AUC of shop = old is 0.55; expected at least 0.6.")
    assert third.startswith("The change of scores is not computable; expected at most 0.1.")


def test_changed_numbers_stay_in_the_range_that_was_learnt_from_and_nothing_else_changes() -> None:
    learnt: dict[str, list[Any]] = {name: [0.0, 10.0, None] for name in LINE.features}
    holdout: dict[str, list[Any]] = {name: [0, 10, 5, None] for name in LINE.features}
    holdout |= {"campaign_type": ["A", "B", None, "A"], "decision_id": ["d1", "d2", "d3", "d4"]}

    found = nudged(LINE.features, learnt, holdout)

    assert found.rows == [0, 1, 2, 3]
    lowest, highest, middle, missing = found.table["spend_30d"]
    # A twentieth of the deviation, which is 5.
    assert (lowest, highest, abs(middle - 5), missing) == (0.25, 9.75, 0.25, None)
    assert found.table["campaign_type"] == holdout["campaign_type"]
    assert found.table["decision_id"] == holdout["decision_id"]
    ends = {name: [0, 10] * 20 for name in LINE.features}
    assert set(nudged(LINE.features, learnt, ends).table["spend_30d"]) == {0.25, 9.75}
    assert found.features == len([name for name in LINE.features if name not in TEXTS])


TEXTS = ("campaign_type", "age", "income", "household_size", "kids_count")


def test_stability_is_how_far_scores_move_beside_how_far_they_lie_apart() -> None:
    answers: list[Answer] = [(0.0,), (1.0,), (0.0,), (1.0,)]

    found = stability(Binary(), answers, [(0.1,), (0.8,)], [0, 1])

    assert found is not None
    assert (found["rows"], found["change"], found["largest"]) == (2, pytest.approx(0.3), pytest.approx(0.4))
    assert stability(Binary(), answers, [], []) is None
    unusable = stability(Binary(), answers, "it is not finite", [0, 1])
    assert unusable is not None
    assert (unusable["change"], unusable["largest"], unusable["unusable"]) == (None, None, "it is not finite")
    constant = stability(Binary(), [(0.5,)] * 2, [(0.5,)], [0])
    assert constant is not None
    assert constant["change"] is None


def test_the_tables_of_plots_count_every_decision_and_never_part_equal_scores() -> None:
    answers: list[Answer] = [(0.9,), (0.5,), (0.5,), (0.1,)]

    found = curves_of(Binary(), answers, [1, 0, 1, 0])

    assert found["ranked"] == [[0, 0], [1, 1], [3, 2], [4, 2]]
    assert sum(no + yes for _, _, no, yes in found["scores"]) == 4
    confusion = curves_of(CLASSES, [(0.5, 0.3, 0.2), (0.1, 0.2, 0.7)], [1, 2])["confusion"]
    assert confusion == [[0, 0, 0], [1, 0, 0], [0, 0, 1]]
    residuals = curves_of(Amount(), [(float(one),) for one in range(20)], [one + 2.0 for one in range(20)])
    assert all(one[1:] == [2.0] * 5 for one in residuals["residuals"])


@given(st.integers(2, 5000))
def test_tables_of_plots_stay_small(rows: int) -> None:
    answers, outcomes, _ = coin(rows, rows)

    found = curves_of(Binary(), answers, outcomes)

    assert len(found["ranked"]) <= 101
    assert found["ranked"][-1] == [rows, sum(outcomes)]


def declared(**validation: Any) -> Line:

    return replace(LINE, validation=Validation(**validation))


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        (
            {"segments": ("shop",)},
            r"Line coupon_redemption: validation.segments: 'shop' is neither .* there are spend_30d",
        ),
        ({"may_be_constant": ("shop",)}, "validation.may_be_constant: 'shop' is not a feature"),
        (
            {"thresholds": {"rmse": 1.0}},
            r"validation.thresholds: 'rmse' is no measure of a binary outcome; there are auc",
        ),
        ({"segments": ("age",), "segment_thresholds": {"mae": 1.0}}, "validation.segment_thresholds: 'mae' is no"),
        ({"segment_thresholds": {"auc": 0.6}}, "segment_thresholds are declared, but no segments"),
        ({"thresholds": {"auc": float("nan")}}, r"thresholds\['auc'\] is nan; expected a finite number"),
        ({"calibration": 0.0}, "calibration 0.0 is not positive"),
        ({"segments": ("age", "age")}, "names one twice: age, age"),
        ({"segments": tuple(LINE.features)}, "at most 10"),
        ({"segment_rows": 1}, "segment_rows 1 is below 2"),
    ],
)
def test_a_declaration_of_what_the_line_does_not_have_is_refused(validation: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        declared(**validation)


def test_a_key_and_a_feature_can_be_segments() -> None:
    assert declared(segments=("campaign_id", "age")).validation.segments == ("campaign_id", "age")


def a_fit(*, files: str = "same", archive: str = "same", instance: str = "ml.m5.large") -> FittedModel:
    packaged = PackagedModel(
        model_name="model",
        model_data_uri="s3://store/model.tar.gz",
        digest=archive,
        image="image",
        role_arn="role",
        environment={},
        transform_job_name="job",
    )
    return FittedModel({"files": {"train": files, "holdout": "same"}, "job": {"instance_type": instance}}, packaged)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), st.data())
def test_a_repeated_fit_replicates_while_no_answer_lies_outside_of_the_tolerance(
    scores: list[float], data: st.DataObject
) -> None:
    spread, row = float(np.std(scores)), data.draw(st.integers(0, len(scores) - 1))
    assume(spread > 1e-3)
    share = data.draw(st.sampled_from([0.0, 0.009, 0.011, 5.0]))
    answers, again = [(score,) for score in scores], [(score,) for score in scores]
    again[row] = (scores[row] + share * spread,)

    found = replication(a_fit(), a_fit(archive="other"), answers, again, tolerance=0.01)

    assert (found["replicated"], found["outside"]) == (share <= 0.01, int(share > 0.01))
    assert found["largest"] == pytest.approx(share, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("replica", "again", "differs", "replicated"),
    [
        (a_fit(), 0.5, None, True),
        (a_fit(archive="other"), 0.5, "model", True),
        (a_fit(), 0.6, "answers", False),
        (a_fit(files="other", archive="other"), 0.5, "inputs", False),
        (a_fit(instance="ml.c5.xlarge"), 0.5, None, True),
    ],
)
def test_a_repeated_fit_says_where_it_began_to_differ(
    replica: FittedModel, again: float, differs: str | None, replicated: bool
) -> None:
    found = replication(a_fit(), replica, [(0.5,), (0.1,)], [(again,), (0.1,)], tolerance=1e-6)
    assert (found["differs"], found["replicated"]) == (differs, replicated)
    if not replicated:
        assert (differs or "") in not_replicated(found)


def test_fits_that_answer_one_number_for_all_replicate_only_with_that_number() -> None:
    """There is no spread to take a share of."""
    answers = [(0.5,), (0.5,)]
    assert replication(a_fit(), a_fit(), answers, answers, tolerance=0)["replicated"]
    assert not replication(a_fit(), a_fit(), answers, [(0.5,), (0.500002,)], tolerance=1e-6)["replicated"]
    rounded = [(0.1,)] * 7  # whose standard deviation is computed as above 0
    for near in (1e-300, 1e-9):
        found = replication(a_fit(), a_fit(), [(0.0,)] * 2, [(0.0,), (near,)], tolerance=0.5)
        assert (found["outside"], found["largest"], found["replicated"]) == (1, near, False)
    found = replication(a_fit(), a_fit(), rounded, [*rounded[1:], (0.1000001,)], tolerance=0.5)
    assert (found["outside"], found["largest"]) == (1, pytest.approx(1e-7))


def test_what_one_version_alone_asked_is_no_difference_of_inputs() -> None:
    def with_files(**files: str) -> FittedModel:
        return replace(a_fit(), prepared={"files": files, "job": {"instance_type": "ml.m5.large"}})

    before, now = with_files(train="t", holdout="h"), with_files(train="t", holdout="h", again="a")
    for first, second, differs in (
        (before, now, None),
        (now, before, None),
        (now, with_files(train="t", holdout="h", again="b"), "inputs"),
        (before, with_files(train="t", holdout="i", again="a"), "inputs"),
    ):
        assert replication(first, second, [(0.5,)], [(0.5,)], tolerance=0)["differs"] == differs


@pytest.mark.parametrize(
    ("kind", "difference", "margin", "kept"),
    [
        (Binary(), 0.02, 0.01, True),
        (Binary(), 0.01, 0.01, False),
        (Binary(), -0.02, 0.01, False),
        (Binary(), -0.02, -0.05, True),
        (Binary(), -0.02, None, True),
        (Amount(), -0.02, 0.01, True),
        (Amount(), 0.02, 0.01, False),
    ],
)
def test_a_margin_asks_for_more_than_the_champion_where_better_may_be_less(
    kind: OutcomeKind, difference: float, margin: float | None, kept: bool
) -> None:
    metrics = {"champion": {"measures": {kind.measures[0].name: {"difference": difference}}}}
    assert (not_better(kind, metrics, margin) == []) is kept


def test_a_margin_waits_for_a_champion_to_compare_with() -> None:
    assert not_better(Binary(), {"champion": None}, 0.1) == []
