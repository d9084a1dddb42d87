"""A dataset becomes a training part and a later holdout, or is refused with its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assembly_line.declarations.lines import Line
from assembly_line.declarations.training.validation import Validation
from assembly_line.errors import DeclarationError, RequestRefused, TrainingRejected
from assembly_line.features.model_inputs.splitting import split_rows
from assembly_line.features.model_inputs.timeline import timeline_of
from assembly_line.loader import load_line
from assembly_line.model_types import Split
from assembly_line.names import Phase
from assembly_line.training.hyperparameters import resolve, script_mode
from assembly_line.training.inputs import columns_needed, training_inputs
from assembly_line.training.splitting import HeldOut, split_by_time

LINE = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
DAY = 86_400_000_000


def line(**training: Any) -> Line:
    constant = Validation(may_be_constant=("campaign_type", "age", "income", "household_size", "kids_count"))
    return replace(LINE, training=replace(LINE.training, **{"minimum_rows": 4, **training}), validation=constant)


def table(*, times: list[int], outcomes: list[int]) -> dict[str, list[Any]]:
    rows = len(times)
    columns: dict[str, list[Any]] = {name: [float(row) for row in range(rows)] for name in LINE.features}
    columns |= {"campaign_type": ["Type A" if row % 2 else "Type B" for row in range(rows)]}
    columns |= {name: [None] * rows for name in ("age", "income", "household_size", "kids_count")}
    return columns | {
        "decision_id": [f"d{row}" for row in range(rows)],
        "decision_time": [time * DAY for time in times],
        "outcome_known_at": [time * DAY for time in times],
        "household_id": [row // 2 for row in range(rows)],
        "redeemed": outcomes,
    }


def split(times: list[int], share: float, known: Sequence[int | None] | None = None) -> HeldOut:
    return split_by_time(times, times if known is None else known, share=share)


def test_the_latest_instants_are_held_out_whole() -> None:
    found = split([30, 10, 20, 30, 20, 10, 10, 10], 0.25)

    assert (found.boundary, found.train.tolist(), found.holdout.tolist()) == (30, [1, 2, 4, 5, 6, 7], [0, 3])


def test_the_boundary_is_the_one_nearest_to_the_wanted_share() -> None:
    times = [1] * 50 + [2] * 30 + [3] * 20

    assert split(times, 0.25).boundary == 3
    assert split(times, 0.36).boundary == 2
    assert split(times, 0.35).boundary == 2  # equally near: the larger holdout
    assert split(times, 0.99).boundary == 2  # never all of it


def test_one_instant_cannot_be_split() -> None:
    with pytest.raises(TrainingRejected, match=r"5 decisions at 1 instant.*later as_of"):
        split([7] * 5, 0.25)


def test_what_was_not_known_when_the_first_held_out_decision_was_taken_is_not_learnt_from() -> None:
    # At 30 exactly is known; a microsecond later, or never, is not.
    found = split([10, 10, 20, 20, 20, 30, 30], 0.3, known=[30, 31, 25, 10**15, None, 40, 10**15])

    assert (found.boundary, found.train.tolist(), found.purged) == (30, [0, 2], 3)
    assert found.holdout.tolist() == [5, 6]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 12)), min_size=2, max_size=40),
    st.floats(0.01, 0.99),
)
def test_training_and_model_inputs_split_alike(rows: list[tuple[int, int | None]], share: float) -> None:
    times, known = [at for at, _ in rows], [after if after is None else at + after for at, after in rows]
    assume(len(set(times)) > 1)

    found = split(times, share, known)

    # By definition, row by row: the oracle knows neither implementation.
    first = min(times[row] for row in found.holdout)
    learnt = [
        row for row, at in enumerate(times) if at < first and (after := known[row]) is not None and after <= first
    ]
    assert found.boundary == first
    assert found.train.tolist() == learnt
    assert found.holdout.tolist() == [row for row, at in enumerate(times) if at >= first]
    assert len(learnt) + len(found.holdout) + found.purged == len(rows)
    never = 10**9
    timeline = timeline_of(np.array(times), np.array([never if at is None else at for at in known]))
    if learnt:
        (fold,) = split_rows(timeline, Split(holdout=share))
        assert {name: part.tolist() for name, part in fold.parts.items()} == {
            "train": learnt,
            "test": found.holdout.tolist(),
        }


def test_of_outcomes_that_come_late_the_judged_fit_learns_only_those_known_and_the_final_one_all() -> None:
    """200 decisions before the boundary, of which every second becomes known only after it."""
    content = table(times=[1 + row // 50 for row in range(300)], outcomes=[int(row % 3 == 0) for row in range(300)])
    content["outcome_known_at"] = [
        at + (5 * DAY if row % 2 and row < 200 else 0) for row, at in enumerate(content["decision_time"])
    ]

    judged, final = (
        training_inputs(content, line(holdout=1 / 3), phase=phase) for phase in (Phase.JUDGED, Phase.FINAL)
    )

    place = 1 + list(LINE.features).index("spend_30d")
    learnt = [float(row.split(",")[place]) for row in judged.train.decode().splitlines()]
    assert learnt == list(range(0, 200, 2))
    assert (judged.rows, judged.purged, len(judged.truth.outcome)) == (100, 100, 100)
    assert judged.prior == sum(row % 3 == 0 for row in range(0, 200, 2)) / 100
    assert (final.rows, final.purged, final.boundary) == (300, 100, judged.boundary)
    with pytest.raises(
        TrainingRejected, match=r"the training part \(before 1970-01-06.*; 100 more are left out.* 100 mat"
    ):
        training_inputs(content, line(holdout=1 / 3, minimum_rows=101), phase=Phase.JUDGED)


def test_both_parts_are_written_and_the_holdout_carries_no_outcome() -> None:
    inputs = training_inputs(
        table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1]), line(holdout=0.34), phase=Phase.JUDGED
    )

    train, batch = inputs.train.decode().splitlines(), inputs.batch.decode().splitlines()
    features = len(LINE.features)
    assert [row.split(",")[0] for row in train] == ["1", "0", "0", "0"]
    assert [row.split(",")[0] for row in batch] == ["d4", "d5"]
    assert {len(row.split(",")) for row in train + batch} == {features + 1}
    assert inputs.truth.outcome == [0, 1]
    assert inputs.truth.cluster == [2, 2]
    assert inputs.truth.baseline == [4.0, 5.0]
    assert (inputs.rows, inputs.prior) == (4, 0.25)
    assert [feature["name"] for feature in inputs.schema["features"]] == list(LINE.features)


def test_the_encoding_knows_nothing_of_the_holdout() -> None:
    content = table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1])
    content["campaign_type"] = ["A", "A", "A", "A", "B", "A"]

    inputs = training_inputs(content, line(holdout=0.34), phase=Phase.JUDGED)

    place = 1 + list(LINE.features).index("campaign_type")
    assert [row.split(",")[place] for row in inputs.batch.decode().splitlines()] == ["", "0"]


def test_the_final_fit_learns_from_every_row_and_asks_about_the_same_holdout_in_its_own_encoding() -> None:
    content = table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1])
    content["campaign_type"] = ["B", "B", "B", "B", "A", "B"]
    judged, final = (training_inputs(content, line(holdout=0.34), phase=phase) for phase in (Phase.JUDGED, Phase.FINAL))

    assert [row.split(",")[0] for row in final.train.decode().splitlines()] == ["1", "0", "0", "0", "0", "1"]
    assert (final.rows, final.prior) == (6, 2 / 6)
    assert final.boundary == judged.boundary
    assert (final.truth.decision_id, final.truth.outcome) == (judged.truth.decision_id, judged.truth.outcome)
    place = 1 + list(LINE.features).index("campaign_type")
    answers = [[row.split(",")[place] for row in fit.batch.decode().splitlines()] for fit in (judged, final)]
    assert answers == [["", "0"], ["0", "1"]]


def test_too_few_rows_are_refused_with_their_number() -> None:
    content = table(times=[1, 1, 2], outcomes=[1, 0, 1])

    with pytest.raises(
        TrainingRejected, match=r"3 mature decisions: expected at least 4, as training.minimum_rows asks for"
    ):
        training_inputs(content, line(), phase=Phase.JUDGED)
    with pytest.raises(
        TrainingRejected, match=r"the training part \(before 1970-01-03T00:00:00.000000Z\): 3 mature decisions"
    ):
        training_inputs(table(times=[1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 1]), line(holdout=0.4), phase=Phase.JUDGED)


@pytest.mark.parametrize(
    ("outcomes", "where"),
    [
        ([0, 0, 0, 0, 0, 1], r"training part \(before 1970-01-03.*0 of 4"),
        ([1, 0, 0, 0, 1, 1], r"holdout \(from 1970-01-03.*2 of 2"),
    ],
)
def test_a_part_with_one_outcome_only_is_refused(outcomes: list[int], where: str) -> None:
    with pytest.raises(TrainingRejected, match=where):
        training_inputs(table(times=[1, 1, 1, 1, 2, 2], outcomes=outcomes), line(holdout=0.34), phase=Phase.JUDGED)


@pytest.mark.parametrize("phase", Phase)
def test_a_feature_that_is_constant_in_the_training_part_is_refused_by_each_fit_unless_it_may_be(phase: Phase) -> None:
    content = table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1])
    content["visits_30d"] = [3.0, 3.0, 3.0, 3.0, 1.0, 2.0]
    content["spend_30d"] = [float("nan"), float("nan"), None, None, 1.0, 2.0]
    careful = line(holdout=0.34)

    for name, value in (("spend_30d", "None"), ("visits_30d", "3.0")):
        with pytest.raises(
            TrainingRejected,
            match=rf"feature {name}: all 4 decisions of the training part have {value}: expected values",
        ):
            training_inputs(content, careful, phase=phase)
        allowed = (*careful.validation.may_be_constant, name)
        careful = replace(careful, validation=Validation(may_be_constant=allowed))
    assert training_inputs(content, careful, phase=phase).truth.outcome == [0, 1]


def test_the_model_is_asked_again_about_changed_decisions_in_the_judged_fit_alone() -> None:
    content = table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1])

    judged, final = (training_inputs(content, line(holdout=0.34), phase=phase) for phase in (Phase.JUDGED, Phase.FINAL))

    assert judged.truth.asked[:4] == ["d4", "d5", "d4~", "d5~"]
    rows = [row.split(",") for row in judged.asked.decode().splitlines()]
    assert [row[0] for row in rows] == judged.truth.asked
    place = 1 + list(LINE.features).index("campaign_type")
    assert [row[place] for row in rows[:2]] == [row[place] for row in rows[2:4]]
    assert rows[0][1:] != rows[2][1:]
    assert (final.again, final.truth.nudged, final.truth.exchanged) == (b"", [], [])
    assert final.truth.linear is None
    assert judged.truth.linear is not None


def test_numbers_that_no_linear_model_can_square_break_no_run() -> None:
    content = table(times=[1, 1, 1, 1, 2, 2], outcomes=[1, 0, 0, 0, 0, 1])
    content["spend_30d"] = [float("inf"), 1e300, -1e300, float("nan"), 2.0, None]
    content["visits_30d"] = [2**60 + 1, 2**60 + 3, 5, 7, -(2**60), 9]

    linear = training_inputs(content, line(holdout=0.34), phase=Phase.JUDGED).truth.linear

    assert linear is not None
    assert all(0 <= answer <= 1 for (answer,) in linear)


def test_the_holdout_is_parted_by_time_and_by_what_is_declared() -> None:
    content = table(times=[1, 1, 1, 1, 2, 3], outcomes=[1, 0, 0, 0, 0, 1]) | {"campaign_id": [7, 7, 7, 7, 8, 8]}
    segments = Validation(
        segments=("campaign_type", "campaign_id", "spend_30d"),
        segment_rows=2,
        may_be_constant=line().validation.may_be_constant,
    )

    inputs = training_inputs(content, replace(line(holdout=0.34), validation=segments), phase=Phase.JUDGED)

    assert dict(inputs.truth.segments) == {
        "decision_time": (["1970-01-03", "1970-01-04"], [0, 1]),
        "campaign_type": (["others"], [0, 0]),
        "campaign_id": (["8"], [0, 0]),
        "spend_30d": (["up to 4", "5 and above"], [0, 1]),
    }
    assert "campaign_id" in columns_needed(replace(LINE, validation=segments))


def test_names_every_column_that_it_reads() -> None:
    needed = columns_needed(LINE)

    assert needed[:3] == ["decision_id", "decision_time", "household_id"]
    assert needed[-2:] == ["redeemed", "outcome_known_at"]


def test_a_request_replaces_declared_hyperparameters_and_no_others() -> None:
    found = resolve(LINE, {"max_depth": 5})

    assert found == {name: str(value) for name, value in ({**LINE.training.hyperparameters, "max_depth": 5}).items()}
    with pytest.raises(RequestRefused, match=r"hyperparameters.depth: .* declares colsample_bytree, learning_rate"):
        resolve(LINE, {"depth": 5})


@pytest.mark.parametrize(("name", "value"), [("max_depth", 2.5), ("max_depth", "2"), ("learning_rate", "fast")])
def test_a_value_of_another_kind_is_refused_before_a_job_starts(name: str, value: str | float) -> None:
    with pytest.raises(RequestRefused, match=rf"hyperparameters.{name}: .* expected a .*number"):
        resolve(LINE, {name: value})


@pytest.mark.parametrize("name", script_mode({}, "train.py"))
def test_what_the_line_sets_itself_can_neither_be_declared_nor_requested(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"hyperparameter {name} is set by the line itself") as declared:
        replace(LINE.training, hyperparameters={name: "other.py"})
    with pytest.raises(RequestRefused, match=rf"hyperparameters.{name}") as requested:
        resolve(LINE, {name: "other.py"})

    assert (declared.value.where, declared.value.value) == ("Training: hyperparameters", name)
    assert requested.value.where == f"hyperparameters.{name}"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_no_job_can_be_told_is_refused_when_it_is_declared(value: float) -> None:
    with pytest.raises(DeclarationError, match=r"hyperparameters\['eta'\] is .*; expected a finite number") as refused:
        replace(LINE.training, hyperparameters={"eta": value})
    with pytest.raises(DeclarationError, match=r"score_range is .*; expected a finite number"):
        replace(LINE.training, score_range=(0.0, value))

    assert (refused.value.where, refused.value.value) == ("Training: hyperparameters['eta']", repr(value))


def test_script_mode_names_the_script_inside_the_isolated_container() -> None:
    found = script_mode({"rounds": "10"}, "train.py")

    assert found == {
        "rounds": "10",
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": '"/opt/ml/input/data/code"',
    }
