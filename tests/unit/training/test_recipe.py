"""What further fits, exchanged values and repeated rows say: folds, importance, planted noise, a learning curve."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.training.validation import PLANTED, Validation
from assembly_line.errors import DeclarationError, TrainingRejected
from assembly_line.features.model_inputs.splitting import split_rows
from assembly_line.features.model_inputs.timeline import timeline_of
from assembly_line.model_types import Split
from assembly_line.names import Phase
from assembly_line.outcome_kinds import Amount, Answer, Binary, Ranking
from assembly_line.training.inputs import Truth, training_inputs
from assembly_line.training.phases import fit_named, fit_of, further_fits
from assembly_line.training.splitting import drawn, earlier_folds, split_by_time
from assembly_line.training.validation.importance import importance_of
from assembly_line.training.validation.limits import missed, recipe_limits
from assembly_line.training.validation.questions import questions, require_equal
from assembly_line.training.validation.recipe import FurtherFit, recipe_of
from tests.unit.training.test_inputs import DAY, LINE, line, table

NEVER = 10**9


@given(
    st.lists(st.tuples(st.integers(0, 14), st.none() | st.integers(0, 6)), min_size=6, max_size=60),
    st.integers(2, 4),
)
def test_a_fold_learns_from_what_was_decided_before_it_and_known_by_then(
    rows: list[tuple[int, int | None]], folds: int
) -> None:
    times, known = [at for at, _ in rows], [after if after is None else at + after for at, after in rows]
    assume(len(set(times)) > folds + 1)
    boundary = split_by_time(times, known, share=0.2).boundary
    earlier = [row for row, at in enumerate(times) if at < boundary]
    assume(len({times[row] for row in earlier}) > folds)

    found = earlier_folds(times, known, before=boundary, folds=folds)

    # By definition, row by row.
    assert len(found) == folds
    for one, following in zip(found, [*(next_.boundary for next_ in found[1:]), boundary], strict=True):
        first = min(times[row] for row in one.holdout)
        assert one.boundary == first
        assert one.holdout.tolist() == [row for row in earlier if first <= times[row] < following]
        learnt = [row for row in earlier if times[row] < first and (by := known[row]) is not None and by <= first]
        assert one.train.tolist() == learnt
        assert one.purged == sum(times[row] < first for row in earlier) - len(learnt)
    # And as model inputs cut the same rows.
    timeline = timeline_of(
        np.array([times[row] for row in earlier]),
        np.array([NEVER if (by := known[row]) is None else by for row in earlier]),
    )
    if all(one.train.size for one in found) and found[0].boundary != sorted({times[row] for row in earlier})[-folds]:
        cut = split_rows(timeline, Split(folds=folds).resolved())
        assert [[earlier[row] for row in one.parts["test"]] for one in cut] == [one.holdout.tolist() for one in found]
        assert [[earlier[row] for row in one.parts["train"]] for one in cut] == [one.train.tolist() for one in found]


def test_too_few_instants_for_the_folds_are_refused_with_place_value_and_expectation() -> None:
    with pytest.raises(
        TrainingRejected, match=r"validation\.folds: 3 folds .* 2 instants: expected at least 4"
    ) as told:
        earlier_folds([1, 2, 3], [1, 2, 3], before=3, folds=3)
    assert (told.value.where, told.value.expected) == ("validation.folds", "at least 4 instants")


@given(st.integers(2, 60), st.integers(1, 5), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_smaller_share_is_part_of_a_larger_one_and_groups_stay_whole(
    rows: int, size: int, one: float, other: float
) -> None:
    times, units = [row % 7 for row in range(rows)], [row // size for row in range(rows)]
    assume(len(set(times)) > 1)
    split = split_by_time(times, times, share=0.3)
    small, large = (drawn(split, share, units, seed=0) for share in sorted((one, other)))

    assert set(small.train.tolist()) <= set(large.train.tolist()) <= set(split.train.tolist())
    assert (small.holdout.tolist(), small.boundary) == (split.holdout.tolist(), split.boundary)
    groups = {units[row] for row in split.train.tolist()}
    kept = {units[row] for row in large.train.tolist()}
    assert [row for row in split.train.tolist() if units[row] in kept] == large.train.tolist()
    assert len(kept) == max(1, round(max(one, other) * len(groups)))


def content(rows: int = 120) -> dict[str, list[Any]]:
    return table(
        times=[1 + row * 12 // rows for row in range(rows)], outcomes=[int(row % 3 == 0) for row in range(rows)]
    )


def declaring(**validation: Any) -> Any:
    careful = line(holdout=0.25, minimum_rows=10)
    return replace(careful, validation=replace(careful.validation, **validation))


def test_a_fit_of_a_fold_reads_its_own_rows_and_is_asked_about_the_fold_alone() -> None:
    declared = declaring(folds=2)
    first, second = (training_inputs(content(), declared, phase=Phase.FOLD, number=fold) for fold in (1, 2))
    judged = training_inputs(content(), declared, phase=Phase.JUDGED)

    assert (first.rows, second.rows, judged.rows) == (30, 60, 90)
    assert first.truth.decision_id == [f"d{row}" for row in range(30, 60)]
    assert second.truth.decision_id == [f"d{row}" for row in range(60, 90)]
    assert first.asked.count(b"\n") == 30
    assert (first.boundary, first.until) == (4 * DAY, 6 * DAY)


def test_each_fit_refuses_what_any_of_them_refuses() -> None:
    declared = declaring(folds=2, learning_curve=(0.05,))
    for phase, number in ((Phase.JUDGED, 0), (Phase.FINAL, 0), (Phase.FOLD, 1), (Phase.PART, 1)):
        with pytest.raises(
            TrainingRejected,
            match=r"validation.learning_curve: share 1: the training part .*: 4 mature decisions: expected at least 10"
            r".*"
            "declare a larger share",
        ):
            training_inputs(content(), declared, phase=phase, number=number)
    one_sided = content()
    one_sided["redeemed"] = [int(row % 3 == 0 and not 30 <= row < 60) for row in range(120)]
    with pytest.raises(
        TrainingRejected, match=r"validation.folds: fold 1: holdout \(from .*: 0 of 30 .*: expected both"
    ):
        training_inputs(one_sided, declaring(folds=2), phase=Phase.JUDGED)


def test_planted_noise_is_one_more_column_and_changes_no_other() -> None:
    declared = declaring(planted_noise=True)
    judged, planted, again = (
        training_inputs(content(), declared, phase=phase) for phase in (Phase.JUDGED, Phase.NOISE, Phase.NOISE)
    )

    names = [one["name"] for one in judged.schema["features"]]
    assert [one["name"] for one in planted.schema["features"]] == [*names, PLANTED]
    assert planted.schema["features"][-1]["kind"] == "number"
    rows, with_noise = (one.train.decode().splitlines() for one in (judged, planted))
    assert [row.rpartition(",")[0] for row in with_noise] == rows
    noise = np.array([float(row.rpartition(",")[2]) for row in with_noise])
    assert (abs(noise.mean()) < 0.4, 0.7 < noise.std() < 1.3) == (True, True)
    assert planted.asked == again.asked
    assert planted.truth.features == [PLANTED]


def test_only_the_values_of_one_feature_are_exchanged_and_they_stay_the_same_values() -> None:
    inputs = training_inputs(content(), declaring(), phase=Phase.JUDGED)

    rows = [row.split(",") for row in inputs.asked.decode().splitlines()]
    truth, held = inputs.truth, {row[0]: row[1:] for row in rows[: len(inputs.truth.decision_id)]}
    assert (truth.exchanged, truth.features) == (list(range(30)), list(LINE.features))
    exchanged = rows[truth.rows_exchanged]
    for number in range(len(truth.features)):
        part = exchanged[number * 30 : (number + 1) * 30]
        before = [held[row[0].partition("~")[0]] for row in part]
        after = [row[1:] for row in part]
        assert [one[:number] + one[number + 1 :] for one in after] == [
            one[:number] + one[number + 1 :] for one in before
        ]
        assert Counter(one[number] for one in after) == Counter(one[number] for one in before)
    moved = [row[1] for row in exchanged[:30]]
    assert moved != [held[row[0].partition("~")[0]][0] for row in exchanged[:30]]


def test_rows_are_asked_again_as_they_were_in_another_order() -> None:
    for phase in (Phase.JUDGED, Phase.FINAL):
        inputs = training_inputs(content(), declaring(), phase=phase)
        rows = inputs.asked.decode().splitlines()
        again = rows[inputs.truth.rows_repeated]
        assert [row.partition(",")[2] for row in again] == [row.partition(",")[2] for row in rows[29::-1]]
        assert again != rows[29::-1]


@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 200_000), st.integers(20, 200))
def test_what_is_asked_more_never_takes_a_batch_from_its_function(
    held: int, features: int, function: int, length: int
) -> None:
    asked = (b"x" * length + b"\n") * held
    names = [f"f{number}" for number in range(features)]

    found = questions(Binary(), [0] * held, names, asked=asked, function_bytes=function, repeat=True)

    # As the plan of scoring counts: a line's end takes two bytes, an answer 26.
    more = len(found.repeated) + len(found.exchanged) * len(found.features)
    before, after = (
        max((length + 2) * rows + 6 * extra, 26 * rows) for rows, extra in ((held, 0), (held + more, more))
    )
    assert after <= max(function, before) if before <= function else after - before <= 9 * 2**20
    assert len(set(found.exchanged)) == len(found.exchanged) <= 2_000
    assert not found.exchanged or len(found.exchanged) >= min(30, held)


def test_both_questions_share_a_small_function() -> None:
    asked = (b"x" * 50 + b"\n") * 100

    found = questions(Binary(), [0] * 100, ["a"], asked=asked, function_bytes=10_000, repeat=True)

    assert (len(found.repeated), len(found.exchanged)) == (41, 41)  # 82 rows of 58 bytes have room


def test_a_ranking_is_asked_about_whole_groups() -> None:
    truths = [(float(row % 2), row // 7) for row in range(700)]
    kind = Ranking(within=("mail",), capacity=0.3)

    found = questions(kind, truths, ["a", "b"], asked=(b"x" * 40 + b"\n") * 700, function_bytes=70_000, repeat=False)

    groups = Counter(truths[place][1] for place in found.exchanged)
    assert 30 <= len(found.exchanged) < 700
    assert set(groups.values()) == {7}


def truth_of(outcomes: Any, features: Sequence[str]) -> Truth:
    rows = len(outcomes)
    return Truth(
        decision_id=[f"d{row}" for row in range(rows)],
        outcome=list(outcomes),
        baseline=[0.0] * rows,
        cluster=list(range(rows)),
        exchanged=list(range(rows)),
        features=list(features),
    )


def scores(values: np.ndarray[Any, Any]) -> list[Answer]:
    return [(float(one),) for one in values]


def test_importance_is_the_loss_of_the_measure_by_its_definition() -> None:
    random = np.random.default_rng(1)
    outcomes = (random.random(200) < 0.4).astype(int)
    first, other = outcomes * 0.3 + random.random(200) * 0.7, random.random(200)

    found = importance_of(
        Binary(), scores(first), scores(other) + scores(first), truth_of(outcomes, ["used", "unused"]), seed=0
    )

    def by_pairs(given: Any) -> float:
        """How often a positive stands above a negative."""
        return float(np.mean([float(yes > no) for yes in given[outcomes == 1] for no in given[outcomes == 0]]))

    assert found is not None
    used, unused = (found["features"][name] for name in ("used", "unused"))
    assert used["figure"] == pytest.approx(by_pairs(first) - by_pairs(other))
    assert used["change"] == pytest.approx(np.abs(first - other).mean() / first.std())
    assert (used["says"], used["interval"][0] > 0) == ("matters", True)
    assert (unused["figure"], unused["interval"], unused["change"], unused["says"]) == (0, [0, 0], 0, "noise")


def test_a_lower_measure_that_rises_is_a_loss_too() -> None:
    outcomes = np.arange(50.0)
    found = importance_of(
        Amount(), scores(outcomes + 1), scores(outcomes[::-1].copy()), truth_of(outcomes, ["a"]), seed=0
    )
    assert found is not None
    assert found["measure"] == "rmse"
    assert found["features"]["a"]["figure"] > 10


def test_what_does_not_matter_is_called_noise_about_nineteen_times_in_twenty() -> None:
    """Scores that move by chance alone, as those of a model that learnt from noise."""
    random, matters = np.random.default_rng(0), 0
    for _ in range(120):
        strength = random.random(150)
        outcomes = (random.random(150) < strength).astype(int)
        first, other = (strength + random.normal(0, 0.3, 150) for _ in range(2))
        truth = truth_of(outcomes, [PLANTED])
        found = importance_of(Binary(), scores(first), scores(other), truth, seed=0)
        assert found is not None
        matters += found["features"][PLANTED]["says"] == "matters"
    assert matters <= 13  # of 120, 95 % of binomial counts lie within 2 and 11


def test_answers_to_exchanged_values_that_cannot_be_used_leave_the_figure_out() -> None:
    found = importance_of(Binary(), scores(np.array([0.2, 0.7])), "score 'nan'", truth_of([0, 1], ["a"]), seed=0)
    assert found == {"measure": "auc", "rows": 2, "unusable": "score 'nan'", "features": {}}


def further(name: str, outcomes: Any, given: Any, **more: Any) -> FurtherFit:
    split = {"holdout_from": "2026-01-01", "holdout_to": "2026-02-01", "holdout_rows": len(outcomes), "purged_rows": 3}
    return FurtherFit(
        fit=fit_named(name, refit=True),
        prepared={"prior": 0.4, "rows": 90, "split": split},
        truth=truth_of(outcomes, [PLANTED]),
        answers=scores(given),
        **more,
    )


def a_recipe(*, spoilt: float = 0.0, moved: float = 0.0) -> tuple[dict[str, Any], dict[str, Any]]:
    """What fits find whose answers know the outcome, and the judged figures."""
    random = np.random.default_rng(5)
    strength = random.random(300)
    outcomes = (random.random(300) < strength).astype(int)
    noisy = np.clip(strength + spoilt * random.normal(0, 1, 300), 0, 1)
    exchanged = np.clip(noisy + moved * random.normal(0, 1, 300), 0, 1)
    fits = [
        further("fold-1", outcomes, random.random(300)),
        further("fold-2", outcomes, strength),
        further("noise", outcomes, noisy, exchanged=scores(exchanged)),
        further("part-1", outcomes, noisy),
    ]
    found = recipe_of(Binary(), fits, answers=scores(strength), baseline="a", shares=(0.5,))
    judged = found["folds"]["fold-2"]["measures"]["auc"]
    return found, {"auc": judged["figure"], "auc_interval": judged["interval"]}


def test_folds_are_told_with_their_spread_and_the_worst_of_them() -> None:
    found, metrics = a_recipe()

    figures = [one["measures"]["auc"]["figure"] for one in found["folds"].values()]
    assert found["spread"]["auc"] == {
        "mean": pytest.approx(sum(figures) / 2),
        "deviation": pytest.approx(abs(figures[0] - figures[1]) / 2**0.5),
        "worst": min(figures),
        "fold": "fold-1",
    }
    assert found["spread"]["log_loss"]["fold"] == "fold-1"  # lower is better there
    assert found["folds"]["fold-1"]["purged"] == 3
    assert (found["learning_curve"]["part-1"]["share"], found["learning_curve"]["part-1"]["learnt"]) == (0.5, 90)
    declared = Validation(folds=2, fold_thresholds={"auc": 0.6, "log_loss": 5.0})
    (said,) = missed(recipe_limits(Binary(), declared, metrics, {**found, "noise": None}))
    assert said.startswith(
        f"The AUC of the worst fold, fold-1 is {min(figures):.4g}; expected at least 0.6. Train on more"
    )
    assert said.endswith("or declare another validation.fold_thresholds['auc'].")


def test_planted_noise_that_changes_nothing_is_called_noise() -> None:
    found, metrics = a_recipe()
    limits = recipe_limits(Binary(), Validation(planted_noise=True), metrics, found)
    assert ([one["kept"] for one in limits], missed(limits)) == ([True] * 3, [])
    assert found["noise"]["measures"]["auc"] == {
        "figure": metrics["auc"],
        "difference": 0,
        "interval": [0, 0],
        "says": "noise",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"moved": 0.3},
            r"The change of scores by planted noise is 0\.\d+; expected at most 0\.2\. Let the model fit less",
        ),
        ({"spoilt": 0.6}, r"The AUC with planted noise is 0\.\d+; expected at least 0\.\d+\. Let the model fit less"),
    ],
)
def test_planted_noise_that_matters_is_said_with_figure_limit_and_what_to_do(change: Any, said: str) -> None:
    found, metrics = a_recipe(**change)
    declared = Validation(planted_noise=True)
    told = missed(recipe_limits(Binary(), declared, metrics, found))
    assert [one for one in told if re.match(said, one)]


def test_a_model_that_answers_a_row_otherwise_among_other_rows_is_refused() -> None:
    answers, ids = scores(np.array([0.1, 0.5, 0.9])), ["d1", "d2", "d3"]
    same, other = scores(np.array([0.9, 0.5, 0.1])), scores(np.array([0.9, 0.5, 0.2]))
    require_equal("final", answers, same, [2, 1, 0], ids, tolerance=0.0)
    with pytest.raises(
        TrainingRejected, match=r"final fit: .*decision d1: the answer is 0.2, and 1 of 3 differ: exp.* 0.1,"
    ):
        require_equal("final", answers, other, [2, 1, 0], ids, tolerance=1e-6)
    require_equal("final", answers, other, [2, 1, 0], ids, tolerance=0.5)
    with pytest.raises(TrainingRejected, match=r"not finite.*each row by itself"):
        require_equal("final", answers, "score 'nan' is not finite", [0], ids, tolerance=0.0)


def test_fits_are_named_as_the_machine_hands_them_on() -> None:
    declared = Validation(folds=2, planted_noise=True, learning_curve=(0.2, 0.5))
    names = [fit.name for fit in further_fits(declared)]
    assert names == ["fold-1", "fold-2", "noise", "part-1", "part-2"]
    assert [fit_named(name, refit=True) for name in names] == further_fits(declared)
    assert further_fits(Validation()) == []
    for phase in (Phase.JUDGED, Phase.FINAL, Phase.REPLICA):
        assert fit_named(phase.value, refit=True) == fit_of(phase, refit=True)
    folders = [fit.folder for fit in [*further_fits(declared), *(fit_of(phase, refit=True) for phase in Phase)]]
    assert len({*folders}) == len(folders) - 1  # planted noise stands in both lists


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"folds": 1}, "folds 1: expected 2 to 9, or 0"),
        ({"folds": 10}, "folds 10: expected 2 to 9"),
        ({"fold_thresholds": {"auc": 0.6}}, "no folds; declare folds=3"),
        ({"noise_limit": 0.1}, "noise_limit needs planted_noise=True"),
        ({"planted_noise": True, "noise_limit": 0.0}, "noise_limit 0.0 is not positive"),
        ({"learning_curve": (0.5, 0.25)}, "is not ascending"),
        ({"learning_curve": (0.5, 1.0)}, r"share 1.0 is outside \(0, 1\)"),
        ({"learning_curve": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)}, "6 shares are declared; expected at most 5"),
    ],
)
def test_contradictions_are_refused_when_they_are_declared(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Validation(**declared)


def test_a_line_refuses_a_fold_limit_that_its_outcome_has_not_and_a_feature_named_as_the_planted_one() -> None:
    with pytest.raises(DeclarationError, match=r"fold_thresholds: 'rmse' is no measure of a binary outcome"):
        replace(LINE, validation=Validation(folds=2, fold_thresholds={"rmse": 1.0}))
    features = {**LINE.features, PLANTED: LINE.features["spend_30d"]}
    with pytest.raises(DeclarationError, match=r"validation.planted_noise: a feature is named 'planted_noise'"):
        replace(LINE, features=features, validation=Validation(planted_noise=True))


def test_what_is_not_declared_is_not_in_a_release_and_what_is_comes_back() -> None:
    """So that releases of earlier versions keep their digests."""
    before = json.dumps(line_to_json(replace(LINE, validation=Validation(segment_rows=60))))
    for name in ("folds", "fold_thresholds", "importance", "planted_noise", "noise_limit", "learning_curve"):
        assert f'"{name}"' not in before
    declared = replace(
        LINE,
        validation=Validation(
            folds=3, fold_thresholds={"auc": 0.6}, importance=False, planted_noise=True, noise_limit=0.1,
            learning_curve=(0.5,),
        ),
    )  # fmt: skip
    assert line_from_json(json.loads(json.dumps(line_to_json(declared)))) == declared
