"""A search for hyperparameters: what is declared, what its trials see, and which of them is best."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assembly_line import CategoricalRange, ContinuousRange, IntegerRange, Training, Tuning, Validation
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.errors import DeclarationError, TrainingRejected
from assembly_line.instants import parse_instant, to_micros
from assembly_line.loader import load_line
from assembly_line.names import TUNING_NAME_LIMIT, Phase, is_job_of, next_job_name, tuning_name
from assembly_line.training import (
    Trial,
    algorithm_of_trials,
    found_by,
    job_config,
    searched,
    training_inputs,
    trial_inputs,
)
from assembly_line.training.hyperparameters import resolve

SHIPPED = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
DAY = 86_400_000_000
TUNING = Tuning(
    metric="validation:logloss",
    direction="Minimize",
    ranges={
        "max_depth": IntegerRange(2, 8),
        "subsample": ContinuousRange(0.5, 1.0, scale="Logarithmic"),
    },
    trials=20,
    parallel=4,
    seed=7,
)
# A feature that tells each row from all others, in the channels of a trial too.
MARK = next(iter(SHIPPED.features))


def line(**changes: Any) -> Line:
    constant = Validation(may_be_constant=tuple(SHIPPED.features))
    training = replace(SHIPPED.training, **{"tuning": TUNING, "minimum_rows": 4, **changes})
    return replace(SHIPPED, training=training, validation=constant)


def table(times: Sequence[int], known: Sequence[int], outcomes: Sequence[int]) -> dict[str, list[Any]]:
    rows = range(len(times))
    columns: dict[str, list[Any]] = {name: [float(row) for row in rows] for name in SHIPPED.features}
    columns |= {name: [None] * len(times) for name in ("age", "income", "household_size", "kids_count")}
    return columns | {
        "campaign_type": ["Type A" if row % 2 else "Type B" for row in rows],
        "decision_id": [f"d{row}" for row in rows],
        "decision_time": [time * DAY for time in times],
        "outcome_known_at": [at * DAY for at in known],
        "household_id": list(rows),
        "redeemed": list(outcomes),
    }


def read(channel: bytes) -> list[tuple[int, int]]:
    """Label and number of each row of a channel."""
    place = 1 + list(SHIPPED.features).index(MARK)
    return [(int(row[0]), int(float(row[place]))) for row in csv.reader(channel.decode().splitlines())]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 1)), min_size=12, max_size=60),
    st.floats(0.1, 0.6),
)
def test_a_trial_sees_no_held_out_decision_and_no_outcome_that_was_not_known_then(
    rows: list[tuple[int, int, int]], share: float
) -> None:
    times, outcomes = [at for at, _, _ in rows], [outcome for _, _, outcome in rows]
    known = [at + delay for at, delay, _ in rows]
    declared, columns = line(holdout=share), table(times, known, outcomes)
    try:
        judged, trial = training_inputs(columns, declared, phase=Phase.JUDGED), trial_inputs(columns, declared)
    except TrainingRejected:
        assume(False)

    holdout, fold = judged.boundary, to_micros(parse_instant(trial.fold_from, field="fold_from"))
    train, validation = read(trial.train), read(trial.validation)
    # By definition, row by row, from times alone.
    before = [row for row, at in enumerate(times) if at * DAY < holdout and known[row] * DAY <= holdout]
    learnt = [row for row in before if times[row] * DAY < fold and known[row] * DAY <= fold]
    assert [row for _, row in train] == learnt
    assert [row for _, row in validation] == [row for row in before if times[row] * DAY >= fold]
    assert all(label == outcomes[row] for label, row in [*train, *validation])
    assert fold < holdout
    assert (trial.rows, trial.fold_rows) == (len(train), len(validation))


def test_nothing_of_the_holdout_changes_a_byte_of_what_a_trial_reads() -> None:
    times = [row // 4 for row in range(80)]
    outcomes = [row % 3 == 0 for row in range(80)]
    first = table(times, times, [int(one) for one in outcomes])
    boundary = training_inputs(first, line(), phase=Phase.JUDGED).boundary
    held_out = [row for row in range(80) if times[row] * DAY >= boundary]
    assert len(held_out) == 20
    other = {name: list(values) for name, values in first.items()}
    for row in held_out:
        other["redeemed"][row] = 1 - other["redeemed"][row]
        other["campaign_type"][row] = "Type C"
        for name in ("age", "income"):
            other[name][row] = "unseen"
        other[MARK][row] = -1e6
    other["redeemed"][held_out[0]] = 1 - other["redeemed"][held_out[1]]

    one, another = trial_inputs(first, line()), trial_inputs(other, line())

    assert training_inputs(first, line(), phase=Phase.FINAL).train != (
        training_inputs(other, line(), phase=Phase.FINAL).train
    )
    assert one == another


def test_a_part_without_both_outcomes_is_refused_with_what_to_do() -> None:
    times = [row // 4 for row in range(80)]
    outcomes = [int(row % 3 == 0 and row >= 45) for row in range(80)]

    with pytest.raises(TrainingRejected, match=r"tuning, which splits .* before the holdout once more: .*declare no"):
        trial_inputs(table(times, times, outcomes), line())


def test_trials_take_no_notice_of_further_fits_which_are_refused_before_a_search_is_paid_for() -> None:
    times = [row // 4 for row in range(80)]
    columns = table(times, times, [int(row % 3 == 0) for row in range(80)])

    def looking_into(declared: Line) -> Line:
        return replace(
            declared,
            validation=replace(declared.validation, folds=9, fold_thresholds={"auc": 0.5}, learning_curve=(0.2,)),
        )

    # What trials learn from has fewer instants than folds.
    of_little = line(holdout=0.4)
    assert trial_inputs(columns, looking_into(of_little)) == trial_inputs(columns, of_little)
    with pytest.raises(TrainingRejected, match=r"validation\.folds: fold 1.* at least 30"):
        trial_inputs(columns, looking_into(line(minimum_rows=30)))


def declared(**changes: Any) -> Callable[[], object]:
    return lambda: replace(TUNING, **changes)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (declared(printed="loss="), r"printed 'loss=' has no group"),
        (declared(printed="loss=("), r"is no regular expression"),
        (declared(printed="(" + "x" * 500 + ")"), r"has 502 characters"),
        (declared(metric=" "), r"metric ' ': expected a name"),
        (declared(ranges={}), r"ranges is empty"),
        (declared(trials=0), r"trials 0 is outside 1 to 500"),
        (declared(parallel=21), r"parallel 21 is outside 1 to 20"),
        (declared(seed=-1), r"seed -1 is outside"),
        (declared(direction="minimize"), r"direction is 'minimize'; expected one of 'Minimize', 'Maximize'"),
        (declared(strategy="Grid"), r"strategy is 'Grid'"),
        (lambda: IntegerRange(3, 3), r"lowest 3 is not below highest 3"),
        (lambda: IntegerRange(1, 3, scale="ReverseLogarithmic"), r"for fractions"),
        (lambda: ContinuousRange(0.0, 1.0, scale="Logarithmic"), r"needs lowest above 0"),
        (lambda: ContinuousRange(0.5, 1.0, scale="ReverseLogarithmic"), r"within 0 to 1"),
        (lambda: ContinuousRange(0.5, math.inf), r"finite"),
        (lambda: CategoricalRange(("a",)), r"1 are given; expected 2 to 30"),
        (lambda: CategoricalRange(("a", "a")), r"one stands twice"),
        (lambda: line(tuning=replace(TUNING, ranges={"depth": IntegerRange(1, 3)})), r"'depth' is not among"),
        (lambda: line(tuning=replace(TUNING, printed="logloss=(.*)")), r"'\[0\]#011validation-logloss:0.25'"),
        (lambda: line(tuning=replace(TUNING, metric="log_loss")), r"knows no metric 'log_loss'; expected validation:"),
        (lambda: line(tuning=replace(TUNING, direction="Maximize")), r"wants 'Minimize' for validation:logloss"),
        (
            lambda: line(tuning=replace(TUNING, ranges={"learning_rate": ContinuousRange(0.1, 0.3)})),
            r"no tuning job vary 'learning_rate'; it can vary .*eta",
        ),
        (
            lambda: line(tuning=replace(TUNING, ranges={"subsample": IntegerRange(0, 1)})),
            r"takes a ContinuousRange for subsample",
        ),
        (lambda: of_scikit_learn(TUNING), r"tuning.printed: expected an expression such as"),
        (lambda: line(tuning=replace(TUNING, ranges={"rounds": ContinuousRange(1, 3)})), r"expected a fraction"),
        (lambda: line(tuning=replace(TUNING, ranges={"rounds": CategoricalRange(("a", "b"))})), r"of their kind"),
        (
            lambda: line(timeout=timedelta(hours=20)),
            r"20 trials of up to 20:00:00, 4 at once, may take more than 4 days",
        ),
        (lambda: line(spot_wait=timedelta(hours=2)), r"spot_wait needs spot=True"),
        (lambda: line(spot=True, spot_wait=timedelta(minutes=5)), r"is below timeout 1:00:00"),
        (lambda: line(spot=True, spot_wait=timedelta(days=9)), r"is above 3 days"),
        (lambda: line(spot=True, timeout=timedelta.max), r"is not below 3 days"),
        (lambda: line(instance_count=0), r"instance_count 0 is outside 1 to 20"),
    ],
)
def test_what_cannot_be_searched_is_refused_when_it_is_declared(declare: Callable[[], object], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_a_search_is_kept_by_a_release_and_one_without_has_its_digest_of_before() -> None:
    whole = line(spot=True, instance_count=2, spot_wait=timedelta(hours=3))
    assert line_from_json(json.loads(json.dumps(line_to_json(whole)))) == whole
    written = json.dumps(line_to_json(SHIPPED))
    assert not [name for name in ("tuning", "spot", "spot_wait", "instance_count") if f'"{name}"' in written]


def test_the_job_searches_what_is_declared_in_the_words_of_sagemaker() -> None:
    tuning = replace(TUNING, ranges={**TUNING.ranges, "booster": CategoricalRange(("gbtree", "dart"))})

    assert job_config(tuning, ["max_depth", "subsample", "booster"]) == {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:logloss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 4},
        "ParameterRanges": {
            "IntegerParameterRanges": [
                {"Name": "max_depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Auto"},
            ],
            "ContinuousParameterRanges": [
                {"Name": "subsample", "MinValue": "0.5", "MaxValue": "1.0", "ScalingType": "Logarithmic"},
            ],
            # Script mode decodes each value as JSON.
            "CategoricalParameterRanges": [{"Name": "booster", "Values": ['"gbtree"', '"dart"']}],
        },
        "RandomSeed": 7,
    }


def test_an_algorithm_of_sagemaker_gets_no_expression_and_any_other_image_its_own() -> None:
    named = replace(TUNING, metric="log_loss", printed="validation log_loss=([0-9.]+)")
    given = {"TrainingImage": "i", "TrainingInputMode": "File"}
    assert algorithm_of_trials(TUNING, "i") == given
    assert algorithm_of_trials(named, "i") == {
        **given,
        "MetricDefinitions": [{"Name": "log_loss", "Regex": "validation log_loss=([0-9.]+)"}],
    }
    assert of_scikit_learn(named).tuning == named
    found = re.search(TUNING.pattern, "[0]#011train-logloss:0.1#011validation-logloss:0.25")
    assert found is not None
    assert found[1] == "0.25"


def of_scikit_learn(tuning: Tuning) -> Training:
    values = SHIPPED.training.hyperparameters
    return Training(
        framework="scikit-learn", framework_version="1.9-0", baseline="x", hyperparameters=values, tuning=tuning
    )


def test_what_a_request_fixes_is_not_searched() -> None:
    assert searched(line(), {}) == ["max_depth", "subsample"]
    assert searched(line(), {"max_depth": 4}) == ["subsample"]
    # As a repetition of a run gives all of them.
    assert searched(line(), {"max_depth": 4, "subsample": 0.7}) == []
    assert searched(SHIPPED, {}) == []


def trial(name: str, value: float | None, status: str = "Completed", **values: str) -> Trial:
    return Trial(name=name, status=status, value=value, hyperparameters=values or {"max_depth": "3"})


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True)), min_size=1, max_size=12), st.booleans())
def test_the_best_trial_has_no_better_one_beside_it(values: list[float | None], lower: bool) -> None:
    tuning = replace(TUNING, direction="Minimize" if lower else "Maximize")
    trials = [trial(f"t-{place:03d}", value) for place, value in enumerate(values)]
    usable = [value for value in values if value is not None and math.isfinite(value)]
    if not usable:
        with pytest.raises(TrainingRejected, match=r"none of \d+ trials reported validation:logloss"):
            found_by(trials, tuning, job="j", fold={})
        return

    found, _ = found_by(trials, tuning, job="j", fold={})

    assert found["best"]["value"] == (min(usable) if lower else max(usable))
    assert found["best"]["trial"] == next(one.name for one in trials if one.value == found["best"]["value"])


def test_the_best_values_are_written_as_a_request_writes_them() -> None:
    """So that a run that repeats this one asks for the very same texts."""
    trials = [trial("t-1", 0.2, max_depth="5", subsample="0.7000", booster='"gbtree"'), trial("t-2", 0.1, "Failed")]

    found, values = found_by(trials, TUNING, job="j", fold={"rows": 3})

    assert values == {"booster": '"gbtree"', "max_depth": "5", "subsample": "0.7"}
    assert (found["trials"], found["best"]["trial"], found["fold"]) == (2, "t-1", {"rows": 3})
    asked = {name: json.loads(text) for name, text in values.items() if name != "booster"}
    assert resolve(SHIPPED, asked).items() >= {"subsample": "0.7", "max_depth": "5"}.items()


def test_a_search_that_failed_says_why() -> None:
    failed = [replace(trial("t-1", None, "Failed"), reason="AlgorithmError: no column")]
    with pytest.raises(TrainingRejected, match=r"tuning job j: none of 1 trials .*t-1: AlgorithmError: no column"):
        found_by(failed, TUNING, job="j", fold={})
    with pytest.raises(TrainingRejected, match=r"none printed a line that matches .*#011validation-logloss:"):
        found_by([trial("t-1", None)], TUNING, job="j", fold={})


@pytest.mark.parametrize("name", ["a" * 24, "coupon_redemption", "a_", "a__b"])
def test_a_search_has_a_name_of_its_run_that_sagemaker_takes(name: str) -> None:
    first, other = tuning_name(name, "run-1", 1), tuning_name(name, "run-2", 1)
    for one in (first, next_job_name(first, 999)):
        assert len(one) <= TUNING_NAME_LIMIT
        assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", one)
        assert not is_job_of(one, name, "run-1")
    assert first != other
    assert next_job_name(first, 2) == tuning_name(name, "run-1", 2)


def test_a_spot_job_may_wait_beyond_its_time_limit() -> None:
    plain = Training(framework_version="3.2-0", baseline="x", timeout=timedelta(hours=2))
    assert plain.longest == timedelta(hours=2)
    assert replace(plain, spot=True).longest == timedelta(hours=3)
    assert replace(plain, spot=True, spot_wait=timedelta(hours=9)).longest == timedelta(hours=9)
