"""The holdout's answers are read strictly and judged beside the prior and the one-feature rule."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assembly_line.errors import TrainingRejected
from assembly_line.outcome_kinds import Binary
from assembly_line.training.evaluation import compared, evaluate, read_again, read_answers
from assembly_line.training.inputs import Truth
from assembly_line.training.packet import notes

TRUTH = Truth(
    decision_id=["a", "b", "c", "d"], outcome=[1, 0, 1, 0], baseline=[5.0, None, 1.0, 2.0], cluster=[1, 2, 3, 4]
)

ANSWERS = [(0.9,), (0.1,), (0.4,), (0.5,)]


def test_reads_one_score_for_each_row_in_order() -> None:
    assert read_answers(b"a,0.5\nb,1.25e-1\nc,0\nd,1\n", TRUTH.decision_id, kind=Binary()) == [
        (0.5,),
        (0.125,),
        (0.0,),
        (1.0,),
    ]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (b"a,0.5\nb,0.1\nc,0.2\n", "answered 3 of 4 rows"),
        (b"", "answered 0 of 4 rows"),
        (b"a,0.5\nb,0.1\nc,0.2\nd,0.3\nd,0.3\n", "answered 5 of 4 rows"),
        (b"a,0.5\nc,0.1\nb,0.2\nd,0.3\n", "output line 2 is of 'c'; expected b"),
        (
            b"a,0.5\nb,nan\nc,0.2\nd,0.3\n",
            "output line 2: score 'nan' is not finite.* the probability that it",
        ),
        (b"a,0.5\nb,0.1\nc,inf\nd,0.3\n", "output line 3: score 'inf'"),
        (b"a,0.5\nb,0.1\nc,0.2\nd,-2.5\n", "output line 4: score '-2.5'"),
        (b"a,0.5\nb,0.1\nc,0.2\nd\n", "output line 4: score ''"),
        (b"a,[0.5]\nb,0.1\nc,0.2\nd,0.1\n", "output line 1: score '\\[0.5\\]'"),
        (b"a,0.5\nb,0.1,9\nc,0.2\nd,0.1\n", "output line 2: score '0.1,9'"),
    ],
)
def test_answers_that_cannot_be_trusted_reject_the_run(output: bytes, message: str) -> None:
    with pytest.raises(TrainingRejected, match=message):
        read_answers(output, TRUTH.decision_id, kind=Binary())


def test_answers_to_changed_rows_are_no_reason_to_reject_a_run() -> None:
    output = b"a,0.5\nb,0.25\na~,nan\nb~,0.3\n"
    assert read_answers(output, ["a", "b"], kind=Binary(), again=["a~", "b~"]) == [(0.5,), (0.25,)]
    assert read_again(output, slice(3, 4), kind=Binary()) == [(0.3,)]
    assert read_again(output, slice(4, 4), kind=Binary()) == []
    why = read_again(output, slice(2, 4), kind=Binary())
    assert "score 'nan' is not finite" in str(why)
    with pytest.raises(TrainingRejected, match="output line 3 is of 'a~'; expected b~"):
        read_answers(output, ["a", "b"], kind=Binary(), again=["b~", "a~"])
    with pytest.raises(TrainingRejected, match="answered 4 of 3 rows"):
        read_answers(output, ["a", "b"], kind=Binary(), again=["a~"])


def test_measures_stand_beside_the_prior_and_the_rule() -> None:
    metrics = evaluate(ANSWERS, TRUTH, kind=Binary(), prior=0.25, baseline_feature="visits")

    assert (metrics["rows"], metrics["positives"], metrics["auc"]) == (4, 2, 0.75)
    assert metrics["log_loss"] == pytest.approx(-sum(map(math.log, (0.9, 0.9, 0.4, 0.5))) / 4)
    assert metrics["prior_log_loss"] == pytest.approx(-(2 * math.log(0.25) + 2 * math.log(0.75)) / 4)
    # Unknown is lowest: 5 > (2, none), 1 > none.
    assert (metrics["baseline_feature"], metrics["baseline_auc"]) == ("visits", 0.75)
    assert set(metrics) >= {"auc_interval", "log_loss_interval", "brier", "brier_interval"}


def test_a_rule_without_any_known_value_has_no_measure() -> None:
    unknown = Truth(TRUTH.decision_id, TRUTH.outcome, [None] * 4, TRUTH.cluster)

    assert evaluate(ANSWERS, unknown, kind=Binary(), prior=0.5, baseline_feature="age")["baseline_auc"] is None


def measured(**changes: Any) -> dict[str, Any]:
    return {
        "auc": 0.8,
        "auc_interval": [0.75, 0.85],
        "log_loss": 0.3,
        "prior_log_loss": 0.4,
        "baseline_auc": 0.7,
        "baseline_feature": "visits",
        **changes,
    }


def test_a_good_run_needs_no_note() -> None:
    assert notes(measured(), author_verified=True, risk="standard") == []


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"baseline_auc": 0.8}, "The AUC is no better than that of the rule by visits alone."),
        ({"baseline_auc": 0.76}, "The AUC's interval includes the AUC of the rule by visits alone."),
        ({"log_loss": 0.4}, "The log loss is no better than"),
        (
            {"log_loss_interval": [0.2, 0.41]},
            "The log loss's interval includes that of answering the training part's rate",
        ),
    ],
)
def test_the_reviewer_is_told_what_speaks_against_the_run(changes: dict[str, Any], note: str) -> None:
    (found,) = notes(measured(**changes), author_verified=True, risk="standard")
    assert found.startswith(note)


@pytest.mark.parametrize(
    ("ndcg", "interval", "note"),
    [
        (0.8, [0.75, 0.85], None),
        (0.5, [0.45, 0.55], "The NDCG is no better than that of answering the training part's mean"),
        (0.6, [0.45, 0.75], "The NDCG's interval includes that of answering the training part's mean"),
    ],
)
def test_of_a_measure_that_rises_the_higher_one_is_better(ndcg: float, interval: list[float], note: str | None) -> None:
    ranked = {"kind": "ranking", "ndcg": ndcg, "ndcg_interval": interval, "prior_ndcg": 0.5, "baseline_ndcg": 0.3}
    places = {"ndcg_at_capacity": None, "ndcg_at_capacity_interval": None, "baseline_ndcg_at_capacity": None}
    found = notes({**ranked, **places, "baseline_feature": "visits"}, author_verified=True, risk="standard")
    assert [one.partition(" for every")[0] for one in found] == ([] if note is None else [note])


def test_the_reviewer_is_told_that_the_author_is_not_verified() -> None:
    (strict,) = notes(measured(), author_verified=False, risk="standard")
    (low,) = notes(measured(), author_verified=False, risk="low")

    assert strict.endswith("It can be rejected, not approved.")
    assert "not verified" in low
    assert "rejected" not in low


def row(place: int, score: float, **changes: Any) -> dict[str, Any]:
    """What the ledger says of a decision that the champion scored."""
    usual = {"decision_id": "abcd"[place], "revision": 1, "score": score, "model": {"run_id": "champion"}}
    return {**usual, **changes}


def beside(*rows: dict[str, Any]) -> dict[str, Any] | None:
    return compared(ANSWERS, TRUTH, rows, kind=Binary(), run_id="champion")


def test_a_run_is_compared_with_the_champion_on_the_decisions_that_both_scored() -> None:
    found = beside(row(0, 0.2), row(1, 0.6), row(3, 0.1))

    assert found is not None
    assert (found["run_id"], found["rows"]) == ("champion", 3)
    # Of a, b and d: 0.9 is above both others, 0.2 above one of them.
    assert {name: found["measures"]["auc"][name] for name in ("challenger", "champion", "difference")} == {
        "challenger": 1.0,
        "champion": 0.5,
        "difference": 0.5,
    }
    assert set(found["measures"]) == {"auc", "log_loss", "brier"}


def test_what_the_champion_did_not_say_of_these_decisions_in_time_is_not_compared() -> None:
    of_others = (
        row(0, 0.9, model={"run_id": "earlier"}),
        row(1, 0.9, backfill=["model_knows_more"]),
        row(2, 0.9, decision_id="z"),
    )
    assert beside(*of_others) is None
    both = beside(*of_others, row(0, 0.2), row(0, 0.4, revision=2), row(1, 0.3))
    assert both is not None
    assert (both["rows"], both["measures"]["auc"]["champion"]) == (2, 1.0)


@pytest.mark.parametrize(
    ("says", "note"),
    [
        ("noise", "as the difference is noise: AUC, log loss."),
        ("worse", "Worse than the champion on the 3 held-out"),
        ("better", None),
    ],
)
def test_the_reviewer_is_told_what_the_comparison_says(says: str, note: str | None) -> None:
    champion = {"run_id": "champion", "rows": 3, "measures": {"auc": {"says": says}, "log_loss": {"says": says}}}
    found = notes(measured(champion=champion), author_verified=True, risk="standard")
    assert len(found) == (note is not None)
    assert note is None or note in found[0]
