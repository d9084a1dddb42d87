"""Performance counts mature outcomes of delivered predictions only, and says what it cannot compute, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from assembly_line.cli.views.performance import why_not
from assembly_line.errors import RequestRefused
from assembly_line.feedback.performance import (
    Performance,
    figures_by_month,
    latest_figure,
    measure,
    without_keys,
)
from assembly_line.outcome_kinds import (
    Amount,
    Answer,
    Binary,
    Forecast,
    Multiclass,
    OutcomeKind,
    Quantiles,
    Ranking,
    Survival,
)
from tests.ledgers import JoinedLedger


def history(
    rows: Sequence[tuple[int, int, float, int | None, float | None]],
    *,
    undelivered: tuple[int, ...] = (),
    keys: Sequence[dict[str, int]] = (),
) -> JoinedLedger:
    """From (household, campaign, score, outcome, baseline), and other keys of the first ones."""
    predictions, deliveries, outcomes = [], [], []
    for number, (household, campaign, score, value, baseline) in enumerate(rows):
        identifier = f"d1-20170808-{number:032x}"
        predictions.append(
            {
                "decision_id": identifier,
                "revision": 1,
                "decision_time": f"2017-08-{8 + campaign % 20:02}T00:00:00.000000Z",
                "keys": keys[number] if number < len(keys) else {"household_id": household, "campaign_id": campaign},
                "score": score,
                "action": "leave",
                "prior": 0.25,
                "baseline": baseline,
            }
        )
        status = "dead_lettered" if number in undelivered else "delivered"
        deliveries.append({"decision_id": identifier, "revision": 1, "status": status})
        if value is not None:
            outcomes.append({"decision_id": identifier, "value": value, "as_of": "2017-12-01", "run_id": "r"})
    return JoinedLedger(predictions, deliveries, [], outcomes)


def pooled(found: JoinedLedger, **options: Any) -> Performance:
    return measure(found, kind=Binary(present=1), cluster="household_id", draws=200, **options)[-1]


def test_the_figures_of_a_small_history_are_those_worked_out_by_hand() -> None:
    found = pooled(history([(1, 0, 0.8, 1, 3), (2, 0, 0.4, 0, 0), (3, 0, 0.6, 0, None), (4, 0, 0.5, 1, 2)]))

    assert (found.decisions, found.rows, found.counts["positives"]) == (4, 4, 2)
    assert found.figures["auc"] == 0.75
    expected = -(math.log(0.8) + math.log(0.6) + math.log(0.4) + math.log(0.5)) / 4
    assert found.figures["log_loss"] == pytest.approx(expected)
    assert found.prior == 0.25
    assert found.figures["prior_log_loss"] == pytest.approx(-(2 * math.log(0.25) + 2 * math.log(0.75)) / 4)
    assert found.figures["baseline_auc"] == 1.0  # unknown counts as lowest
    assert set(found.why_not) == {"auc_interval"}  # four households are too few to resample


def test_immature_and_undelivered_decisions_are_not_judged() -> None:
    rows = [(1, 0, 0.9, 1, 1.0), (2, 0, 0.1, 0, 0.0), (3, 0, 0.7, None, 1.0), (4, 0, 0.2, 1, 0.0)]
    found = pooled(history(rows, undelivered=(3,)))
    assert (found.decisions, found.rows, found.counts["positives"], found.figures["auc"]) == (3, 2, 1, 1.0)


def test_groups_come_in_order_of_time_and_the_pooled_result_last() -> None:
    rows = [(1, 5, 0.9, 1, 1.0), (2, 5, 0.1, 0, 0.0), (1, 3, 0.2, 1, 1.0), (2, 3, 0.8, 0, 0.0)]
    found = measure(history(rows), kind=Binary(present=1), cluster="household_id", by="campaign_id", draws=50)
    assert [(one.group, one.rows, one.figures["auc"]) for one in found] == [(3, 2, 0.0), (5, 2, 1.0), (None, 4, 0.75)]


def test_decisions_are_judged_by_month_too() -> None:
    rows = [(1, 5, 0.9, 1, 1.0), (2, 5, 0.1, 0, 0.0), (1, 3, 0.2, 1, 1.0), (2, 3, 0.8, 0, 0.0), (3, 3, 0.5, None, 0.0)]
    ledger = history(rows)
    ledger.execute("CREATE VIEW as_it_was AS SELECT * FROM decisions")
    moved = "CASE WHEN keys LIKE '%\"campaign_id\":5,%' THEN '2017-09-01T00:00:00.000000Z' ELSE decision_time END"
    ledger.execute("CREATE TABLE later AS SELECT * REPLACE (" + moved + " AS decision_time) FROM as_it_was")
    ledger.execute("DROP VIEW decisions")
    ledger.execute("CREATE VIEW decisions AS SELECT * FROM later")

    kind = Binary(present=1)
    found = measure(ledger, kind=kind, cluster="household_id", by="decision_month", draws=50)
    told = [(one.group, one.rows, one.figures["auc"]) for one in found[:-1]]
    assert told == [("2017-08", 2, 0.0), ("2017-09", 2, 1.0)]
    quick = figures_by_month(ledger, kind=kind, cluster="household_id")
    assert [(one.group, one.rows, one.figure) for one in quick] == told
    # The latest two alone, and with them all that were decided at the same time.
    assert latest_figure(ledger, kind=kind, cluster="household_id", latest=1) == 1.0
    assert latest_figure(ledger, kind=kind, cluster="household_id") == 0.75


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((None, None), "no mature outcome yet"),
        ((1, 1), "all 2 mature outcomes are positive"),
        ((0, 0), "all 2 mature outcomes are negative"),
    ],
)
def test_what_cannot_be_computed_is_none_with_a_reason(values: tuple[int | None, ...], reason: str) -> None:
    found = pooled(history([(1, 0, 0.9, values[0], 1.0), (2, 0, 0.1, values[1], 0.0)]))
    assert (found.figures["auc"], found.figures["auc_interval"], found.figures["baseline_auc"]) == (None, None, None)
    assert {found.why_not[figure] for figure in ("auc", "auc_interval", "baseline_auc")} == {reason}
    assert (found.figures["log_loss"] is None) == (values[0] is None)


def test_a_rule_without_any_number_is_not_computable() -> None:
    found = pooled(history([(1, 0, 0.9, 1, None), (2, 0, 0.1, 0, None)]))
    assert found.figures["baseline_auc"] is None
    assert "no numeric value" in found.why_not["baseline_auc"]


def test_the_declared_present_value_decides_what_is_positive() -> None:
    (found,) = measure(
        history([(1, 0, 0.9, 7, 1.0), (2, 0, 0.1, 3, 0.0)]), kind=Binary(present=7), cluster="household_id", draws=50
    )
    assert (found.counts["positives"], found.figures["auc"]) == (1, 1.0)


def test_the_interval_holds_the_estimate_and_is_wider_for_whole_households() -> None:
    random = np.random.default_rng(3)
    rows: list[tuple[int, int, float, int | None, float | None]] = []
    for household in range(120):
        value = int(random.random() < 0.3)
        score = float(np.clip(0.3 + 0.25 * value + random.normal(0, 0.2), 0, 1))
        rows += [(household, campaign, score, value, 0.0) for campaign in range(5)]
    by_household = pooled(history(rows))
    alone = [(number, row[1], row[2], row[3], row[4]) for number, row in enumerate(rows)]
    by_row = pooled(history(alone))

    assert by_household.figures["auc"] == by_row.figures["auc"]
    assert by_household.figures["auc"] is not None
    assert by_household.figures["auc_interval"] is not None
    assert by_row.figures["auc_interval"] is not None
    low, high = by_household.figures["auc_interval"]
    assert low < by_household.figures["auc"] < high
    assert high - low > 1.5 * (by_row.figures["auc_interval"][1] - by_row.figures["auc_interval"][0])
    assert pooled(history(rows)).figures["auc_interval"] == by_household.figures["auc_interval"]


def test_an_unknown_key_is_named() -> None:
    found = history([(1, 0, 0.9, 1, 1.0)])
    with pytest.raises(RequestRefused, match="key 'store': decisions have campaign_id, household_id"):
        measure(found, kind=Binary(present=1), cluster="household_id", by="store")


@pytest.mark.parametrize("older", [(0,), (2,), (0, 1)], ids=["the first", "the last", "several"])
def test_decisions_made_before_a_key_was_declared_are_in_no_group(older: tuple[int, ...]) -> None:
    keys = [
        {"household_id": place, "campaign_id": place, **({} if place in older else {"store": 7})} for place in range(3)
    ]
    found = history([(1, 0, 0.9, 1, 1.0), (2, 1, 0.1, 0, 0.0), (3, 2, 0.6, 1, 1.0)], keys=keys)

    by_store = measure(found, kind=Binary(present=1), cluster="household_id", by="store", draws=50)

    assert [(one.group, one.decisions) for one in by_store] == [(7, 3 - len(older)), (None, 3)]
    assert without_keys(found, ["store", "household_id"]) == {"store": len(older)}


def test_decisions_without_the_key_that_holds_rows_together_are_not_judged() -> None:
    found = history([(1, 0, 0.9, 1, 1.0), (2, 1, 0.1, 0, 0.0)], keys=[{"campaign_id": 0}])
    assert pooled(found).decisions == 1


def test_no_decisions_give_an_empty_result_not_an_error() -> None:
    found = pooled(JoinedLedger())
    assert (found.decisions, found.rows, found.figures["auc"]) == (0, 0, None)


def of_amounts(*rows: tuple[int, float, float | None]) -> JoinedLedger:
    """From (customer, score, what was spent)."""
    prior = {"mean": [10.0], "median": [8.0]}
    return of_a_kind(
        [
            (
                {"keys": {"household_id": customer}, "score": score, "baseline": float(customer), "prior": prior},
                {} if spent is None else {"value": spent},
            )
            for customer, score, spent in rows
        ]
    )


def test_amounts_are_judged_by_their_own_measures_worked_out_by_hand() -> None:
    found = measure(
        of_amounts((1, 4.0, 5.0), (2, 9.0, 9.5), (3, 20.0, 18.0), (4, 1.0, None)),
        kind=Amount(),
        cluster="household_id",
        draws=100,
    )[-1]

    assert (found.decisions, found.rows, found.counts, found.prior) == (4, 3, {}, None)
    assert found.figures["mae"] == pytest.approx((1 + 0.5 + 2) / 3)
    assert found.figures["rmse"] == pytest.approx(math.sqrt((1 + 0.25 + 4) / 3))
    assert found.figures["prior_rmse"] == pytest.approx(math.sqrt((25 + 0.25 + 64) / 3))
    assert found.figures["prior_mae"] == pytest.approx((3 + 1.5 + 10) / 3)
    # Both the scores and the rule put the three in the order of what they spent.
    assert (found.figures["gini"], found.figures["baseline_gini"]) == (1.0, 1.0)
    assert set(found.to_json()) == {
        *("group", "decisions", "in_force", "other_question", "rows", "prior", "why_not"),
        *Amount().figures,
    }


def test_amounts_that_are_all_alike_have_no_order_and_say_so() -> None:
    found = measure(of_amounts((1, 4.0, 5.0), (2, 9.0, 5.0)), kind=Amount(), cluster="household_id", draws=50)[-1]
    assert found.figures["rmse"] is not None
    assert found.figures["gini"] is None
    assert found.why_not["gini"] == "all 2 mature outcomes are 5"


def of_a_kind(rows: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> JoinedLedger:
    """From what a prediction and its outcome say beside the usual."""
    predictions, deliveries, outcomes = [], [], []
    for number, (said, came) in enumerate(rows):
        identifier = f"d1-20170808-{number:032x}"
        usual = {"decision_time": "2017-08-08T00:00:00.000000Z", "keys": {"customer": number}, "baseline": number}
        predictions.append({"decision_id": identifier, "revision": 1, "action": "a", "score": 0.5, **usual, **said})
        deliveries.append({"decision_id": identifier, "revision": 1, "status": "delivered"})
        if came:
            outcomes.append({"decision_id": identifier, "as_of": "2017-12-01", "run_id": "r", **came})
    return JoinedLedger(predictions, deliveries, [], outcomes)


def test_decisions_of_one_instant_and_key_are_judged_in_their_group_alone() -> None:
    """The scores of two groups do not compare: each is in perfect order, and both together are not."""
    first, second = ({"keys": {"customer": key}, "prior": {"mean": [0.5]}} for key in (1, 2))
    rows = [
        ({**first, "score": 9.0}, {"value": 1}),
        ({**first, "score": 8.0}, {"value": 0}),
        ({**second, "score": 2.0}, {"value": 1}),
        ({**second, "score": 1.0}, {"value": 0}),
    ]
    kind = Ranking(within=("customer",), capacity=0.5, present=1, absent=0)

    (found,) = measure(of_a_kind(rows), kind=kind, cluster="customer", draws=50)
    (together,) = measure(of_a_kind(rows), kind=Ranking(within=(), capacity=0.5), cluster="decision_time", draws=50)

    assert (found.figures["ndcg"], found.figures["ndcg_at_capacity"]) == (1.0, 1.0)
    assert together.figures["ndcg"] == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))
    # By chance the relevant one of two is first in half of the cases.
    assert found.figures["prior_ndcg"] == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert together.why_not["ndcg_interval"].startswith("too few clusters")


def test_groups_of_a_ranking_are_resampled_whole_or_not_at_all() -> None:
    rows = [
        (
            {"keys": {"mail": number // 2, "product": number}, "score": float(number % 3), "prior": {"mean": [0.5]}},
            {"value": number % 2},
        )
        for number in range(40)
    ]
    found, kind = of_a_kind(rows), Ranking(within=("mail",), capacity=0.5)

    with pytest.raises(RequestRefused, match=r"cluster 'product': .* take mail or decision_time") as refused:
        measure(found, kind=kind, cluster="product", draws=50)
    assert (refused.value.where, refused.value.value, refused.value.expected) == (
        *("cluster", "'product'", "one of mail, decision_time"),
    )

    (whole,) = measure(found, kind=kind, cluster="mail", draws=50)
    low, high = whole.figures["ndcg_interval"]
    assert low < whole.figures["ndcg"] < high
    (instant,) = measure(found, kind=kind, cluster="decision_time", draws=50)
    assert instant.figures["ndcg"] == whole.figures["ndcg"]


def test_each_forecast_is_measured_by_the_scale_that_it_was_delivered_with() -> None:
    kind = Forecast(steps=2, season=1, span=1, keys=("customer",))
    said = {"detail": {"steps": {"1": 3.0, "2": 5.0}}, "prior": {"median": [4.0, 4.0]}}
    rows = [
        ({**said, "scale": 2.0}, {"value": 5, "later": [9]}),
        ({**said, "scale": 0.5}, {"value": 3, "later": [6]}),
        ({**said, "scale": None}, {"value": 0, "later": [0]}),
    ]

    (found,) = measure(of_a_kind(rows), kind=kind, cluster="customer", draws=50)

    assert found.figures["mae"] == pytest.approx((3 + 0.5 + 4) / 3)
    assert found.figures["mase"] == pytest.approx((3 / 2 + 0.5 / 0.5) / 2)
    assert found.figures["prior_mase"] == pytest.approx((3 / 2 + 1.5 / 0.5) / 2)


def test_times_to_an_event_are_judged_by_their_days() -> None:
    kind = Survival(days=(1.0, 2.0))
    prior = {"prior": {"curve": [0.5, 0.5]}}
    rows = [
        ({**prior, "score": 0.9, "detail": {"survival": {"1": 0.2, "2": 0.1}}}, {"value": 1, "days": 0.5}),
        ({**prior, "score": 0.6, "detail": {"survival": {"1": 0.9, "2": 0.4}}}, {"value": 1, "days": 1.5}),
        ({**prior, "score": 0.2, "detail": {"survival": {"1": 1.0, "2": 0.8}}}, {"value": 0, "days": 2.0}),
    ]

    (found,) = measure(of_a_kind(rows), kind=kind, cluster="customer", draws=50)

    assert (found.figures["concordance"], found.counts) == (1.0, {"events": 2})
    first, second = (0.2**2 + 0.1**2 + 0.0) / 3, (0.1**2 + 0.4**2 + 0.2**2) / 3
    assert found.figures["integrated_brier"] == pytest.approx((first + second) / 2)
    assert found.figures["prior_integrated_brier"] == pytest.approx(0.25)


DAY = 86_400_000_000
# Of each question: the kind, an answer, the prior and an outcome, as the ledger keeps them.
QUESTIONS: dict[str, tuple[OutcomeKind, Answer, Any, dict[str, Any]]] = {
    "happened": (Binary(), (0.5,), 0.25, {"value": 1}),
    "amount": (Amount(), (4.5,), {"mean": [4.0], "median": [3.0]}, {"value": 2.5}),
    "classes": (Multiclass(classes=("a", "b"), cut="a"), (0.25, 0.75), {"rate": [0.5, 0.5]}, {"value": "a"}),
    "other classes": (Multiclass(classes=("a", "c"), cut="a"), (0.25, 0.75), {"rate": [0.5, 0.5]}, {"value": "c"}),
    "quantiles": (Quantiles(quantiles=(0.1, 0.9), cut=0.9), (1.0, 2.0), {"quantiles": [1.0, 3.0]}, {"value": 2.5}),
    "two steps": (
        Forecast(steps=2, season=1, span=DAY, keys=("customer",)),
        *((3.0, 5.0), {"median": [4.0, 4.0]}, {"value": 5, "later": [9]}),
    ),
    "three steps": (
        Forecast(steps=3, season=1, span=DAY, keys=("customer",)),
        *((3.0, 5.0, 7.0), {"median": [4.0, 4.0, 4.0]}, {"value": 5, "later": [9, 9]}),
    ),
    "two weeks": (
        Forecast(steps=2, season=1, span=7 * DAY, keys=("customer",)),
        *((3.0, 5.0), {"median": [4.0, 4.0]}, {"value": 5, "later": [9]}),
    ),
    "days": (Survival(days=(14.0, 28.0)), (0.25, 0.5), {"curve": [0.5, 0.5]}, {"value": 1, "days": 3.5}),
    "other days": (Survival(days=(7.0, 14.0)), (0.25, 0.5), {"curve": [0.5, 0.5]}, {"value": 1, "days": 3.5}),
}


def asked(question: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A prediction and an outcome of this question."""
    kind, answer, prior, outcome = QUESTIONS[question]
    return {"score": kind.score(answer), "detail": kind.detail(answer), "prior": prior}, outcome


def judged(question: str, *rows: tuple[dict[str, Any], dict[str, Any]]) -> Performance:
    (found,) = measure(of_a_kind(rows), kind=QUESTIONS[question][0], cluster="customer", draws=20)
    return found


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("before", QUESTIONS)
def test_decisions_of_a_question_that_was_asked_before_are_left_out_and_counted(question: str, before: str) -> None:
    found = judged(question, asked(question), asked(before))
    alone = judged(question, asked(question))

    assert (found.rows, found.other_question) == ((2, 0) if before == question else (1, 1))
    assert before == question or found.figures == alone.figures
    if before != question:
        none = judged(question, asked(before))
        assert (none.in_force, none.rows, none.other_question) == (1, 0, 1)
        assert set(none.why_not.values()) == {
            "no mature outcome yet of the kind that the line declares now; of another kind: 1"
        }


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "outcome", [{"value": 1, "days": 3.5, "later": []}, {"value": "z"}, {"value": -1, "later": [1]}]
)
def test_an_outcome_that_was_derived_for_another_question_never_stops_the_others(
    question: str, outcome: dict[str, Any]
) -> None:
    kind, prediction = QUESTIONS[question][0], asked(question)[0]

    found = judged(question, asked(question), (prediction, outcome))

    assert found.rows + found.other_question == found.in_force == 2
    assert found.figures[kind.measures[-1].name] is not None


def test_the_view_says_how_many_decisions_are_of_another_question() -> None:
    found = judged("amount", asked("amount"), asked("happened"))
    assert why_not([found], None)[0].startswith("all: left out 1: the prediction or the outcome is of another kind")


def test_times_and_forecasts_say_why_they_cannot_be_judged() -> None:
    prediction, _ = asked("days")
    censored = judged("days", *[(prediction, {"value": 0, "days": 28.0})] * 3)
    assert censored.why_not["concordance"] == "none of 3 decisions saw the event"

    same = judged("days", *[(prediction, {"value": 1, "days": 28.0})] * 3)
    assert "28" not in "".join(same.why_not.values())

    unscaled = judged("two steps", asked("two steps"), asked("two steps"))
    assert unscaled.why_not["mase"].startswith("no series of 2 decisions has learnt ones that are a season apart")

    within = Ranking(within=(), capacity=0.5)
    rows = [({"prior": {"mean": [0.5]}}, {"value": 1})] * 2
    (ranked,) = measure(of_a_kind(rows), kind=within, cluster="decision_time", draws=20)
    assert ranked.why_not["ndcg"] == "none of 1 groups has decisions that differ"
