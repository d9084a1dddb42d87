"""What each kind of outcome learns, how its answers are read, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import Line, Validation
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.embedded.sagemaker.jobs.records import ColumnFilter
from assembly_line.errors import DeclarationError, RequestRefused
from assembly_line.loader import load_line
from assembly_line.outcome_kinds import (
    KINDS,
    Amount,
    Binary,
    Count,
    Forecast,
    Multiclass,
    OutcomeKind,
    Quantiles,
    Ranking,
    Survival,
    Unusable,
    incidence,
)
from tests.lines_of_kinds import line_of

SPENDING, TRIAGE, MAILS, DEMAND, ORDERS = map(line_of, ("spending", "triage", "mails", "demand", "orders"))
SHIPPED = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
TEAMS = Multiclass(classes=("a", "b", "c"), cut="b")
SURVIVAL = Survival(days=(1.0, 2.0))
ORDER = Ranking(within=("query",), capacity=0.5)
STEPS = Forecast(steps=2, season=7, span=86_400_000_000, keys=("shop",), cut=2)
SPREAD = Quantiles(quantiles=(0.1, 0.5, 0.9), cut=0.9, lowest=0)


def spending(**training: Any) -> Line:
    return replace(SPENDING, training=replace(SPENDING.training, **training))


def mails(**training: Any) -> Line:
    return replace(MAILS, training=replace(MAILS.training, **training))


def demand(**training: Any) -> Line:
    return replace(DEMAND, training=replace(DEMAND.training, **training))


def triage(**outcome: Any) -> Line:
    return replace(TRIAGE, outcome=replace(TRIAGE.outcome, **outcome))


@pytest.mark.parametrize(
    ("measure", "kind"),
    [("sum", Amount), ("mean", Amount), ("min", Amount), ("max", Amount), ("count", Count)],
)
def test_the_measure_of_events_says_the_kind(measure: str, kind: type[OutcomeKind]) -> None:
    line = spending(score_range=None)
    column = None if measure == "count" else "amount"
    declared: Any = replace(line.outcome, measure=measure, column=column, absent=0)  # type: ignore[arg-type]

    assert type(replace(line, outcome=declared).predicts) is kind


def test_a_value_of_the_row_is_an_amount_a_class_or_present() -> None:
    words = replace(TRIAGE.outcome, value="customer_id", classes=())
    assert replace(TRIAGE, outcome=words, policy=replace(TRIAGE.policy, cuts=None)).predicts == Amount()
    assert triage().predicts == Multiclass(classes=("billing", "network", "sales"), cut="network")
    assert SHIPPED.predicts == Binary()


def test_quantiles_and_range_are_part_of_the_kind_and_of_the_release() -> None:
    training = replace(SPENDING.training, quantiles=(0.1, 0.9), score_range=(0, None))
    line = replace(SPENDING, training=training, policy=replace(SPENDING.policy, cuts=0.9))

    assert line.predicts == Quantiles(quantiles=(0.1, 0.9), cut=0.9, lowest=0)
    assert line_from_json(line_to_json(line)) == line
    assert line_from_json(line_to_json(triage())) == triage()


def test_a_line_that_declares_nothing_new_has_the_json_that_it_had() -> None:
    written = str(line_to_json(SHIPPED))
    assert not [name for name in ("classes", "quantiles", "score_range", "cuts") if f"'{name}'" in written]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: spending(quantiles=(0.0, 0.5)), r"level 0.0 is outside \(0, 1\)"),
        (lambda: spending(quantiles=(0.5, 1)), r"level 1 is outside \(0, 1\)"),
        (lambda: spending(quantiles=(0.9, 0.1)), "are not ascending"),
        (lambda: spending(quantiles=(0.5, 0.5)), "are not ascending"),
        (lambda: spending(quantiles=(float("nan"),)), r"level nan is outside \(0, 1\)"),
        (lambda: spending(quantiles=0.5), "expected a tuple"),
        (lambda: spending(quantiles=(0.5,)), "policy.cuts is None; expected one of 0.5"),
        (lambda: spending(score_range=(5, 5)), "5 is not below 5"),
        (lambda: spending(score_range=(5,)), r"expected \(lowest, highest\)"),
        (lambda: triage(classes=("network", "network")), "names one twice"),
        (lambda: triage(classes=("network",)), "expected two or more"),
        (lambda: triage(classes="network"), "classes is 'network'; expected a tuple"),
        (lambda: triage(classes=(1, 2)), "1 is no value of team, as string"),
        (lambda: triage(classes=("billing", "sales")), "policy.cuts is 'network'; expected one of 'billing', 'sales'"),
        (lambda: triage(classes=()), "text needs classes="),
        (lambda: triage(value="opened_at"), "classes are of text or whole numbers"),
        (
            lambda: replace(SHIPPED, training=replace(SHIPPED.training, quantiles=(0.5,))),
            "redeemed is present or absent; training.quantiles are of a count or amount",
        ),
        (
            lambda: replace(SHIPPED, training=replace(SHIPPED.training, score_range=(0, 1))),
            "redeemed is present or absent; training.score_range is of a count or amount",
        ),
        (
            lambda: replace(SHIPPED, policy=replace(SHIPPED.policy, cuts="x")),
            "policy.cuts is 'x'; expected None",
        ),
        (lambda: mails(ranked_within=("customer",)), "'customer' is none of customer_id, product_id, decision_time"),
        (lambda: mails(ranked_within=("customer_id",) * 2), "customer_id"),
        (lambda: spending(ranked_within=("customer_id",)), "leave training.score_range out"),
        (lambda: spending(ranked_within=("customer_id",), quantiles=(0.5,)), "a rank has no quantiles"),
        (
            lambda: replace(MAILS, policy=replace(MAILS.policy, capacity=None, threshold=1.0)),
            "scores say only order; declare policy.capacity",
        ),
        (
            lambda: replace(TRIAGE, training=replace(TRIAGE.training, ranked_within=("customer_id",))),
            "the outcome team is no relevance",
        ),
        (
            lambda: replace(MAILS, validation=Validation(calibration=0.1)),
            "a ranking outcome has no calibration error",
        ),
        (lambda: replace(ORDERS, validation=Validation(thresholds={"auc": 0.7})), "'auc' is no measure of a survival"),
        (lambda: demand(season=None), "the outcome sold has steps; declare training.season"),
        (lambda: demand(season=0), "training.season 0 is outside 1 to 100"),
        (lambda: demand(quantiles=(0.5,)), "leave training.quantiles out, as a forecast has steps"),
        (lambda: demand(ranked_within=("product_id",), season=7), "numbers are no order"),
        (
            lambda: replace(DEMAND, policy=replace(DEMAND.policy, cuts=8)),
            "policy.cuts is 8; expected one of 1, 2, 3, 4, 5, 6, 7",
        ),
        (
            lambda: replace(ORDERS, training=replace(ORDERS.training, season=7)),
            "a forecast is of a number with a horizon",
        ),
        (
            lambda: replace(ORDERS, training=replace(ORDERS.training, ranked_within=("customer_id",))),
            "the outcome orders is no relevance",
        ),
        (
            lambda: replace(SHIPPED.outcome, classes=("a", "b")),
            "classes= is for an outcome of the decision's own row",
        ),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_declared(wrong: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        wrong()


def test_a_time_to_an_event_is_predicted_by_the_quarters_of_its_horizon() -> None:
    assert ORDERS.predicts == Survival(days=(7.0, 14.0, 21.0, 28.0))
    assert SURVIVAL.schema == {"kind": "survival", "targets": ["days", "event"], "days": [1.0, 2.0]}


def test_a_time_to_an_event_without_one_horizon_for_all_has_datasets_and_nothing_else() -> None:
    line = replace(SHIPPED, outcome=replace(SHIPPED.outcome, measure="time_to_event"))
    with pytest.raises(RequestRefused, match="redeemed of coupon_redemption is measured as time_to_event until a time"):
        _ = line.predicts


def test_a_forecast_answers_every_step_and_its_score_is_the_one_that_is_cut() -> None:
    day = 86_400_000_000
    assert DEMAND.predicts == Forecast(steps=7, season=7, span=day, keys=("product_id",), cut=1)
    assert line_from_json(line_to_json(DEMAND)) == DEMAND
    answer = STEPS.read("3,5")
    assert (STEPS.score(answer), STEPS.detail(answer)) == (
        5.0,
        {"kind": "forecast", "score_of": "2", "step_seconds": 86_400.0, "steps": {"1": 3.0, "2": 5.0}},
    )
    counted = replace(DEMAND.outcome, measure="count", column=None, steps=1)
    one = replace(DEMAND, outcome=counted, policy=replace(DEMAND.policy, cuts=None))
    assert (one.predicts.width, one.predicts.lowest) == (1, 0)


@pytest.mark.parametrize("other", [{"steps": 3}, {"span": 7 * STEPS.span}, {"keys": ("product",)}])
def test_forecasts_of_other_steps_spans_or_series_do_not_stand_for_each_other(other: dict[str, Any]) -> None:
    assert not replace(STEPS, **other).answers_like(STEPS)
    assert not STEPS.answers_like(replace(STEPS, **other))
    assert replace(STEPS, season=1, cut=1).answers_like(STEPS)


def test_decisions_of_one_instant_and_key_are_ranked_against_each_other() -> None:
    assert MAILS.predicts == Ranking(within=("customer_id",), capacity=0.25, present=1, absent=0)
    assert line_from_json(line_to_json(MAILS)) == MAILS
    of_an_instant = replace(
        SPENDING, training=replace(SPENDING.training, ranked_within=("decision_time",), score_range=None)
    )
    assert of_an_instant.predicts == Ranking(within=(), capacity=0.1)
    units = [
        MAILS.predicts.unit(at, {"customer_id": key, "product_id": 0}) for at, key in ((1, 5), (1, 6), (2, 5), (1, 5))
    ]
    assert MAILS.predicts.truths([3, 0, 1, 2], units, [None] * 4) == [(3, 0), (0, 1), (1, 2), (2, 0)]


@pytest.mark.parametrize(
    ("kind", "text", "reason", "detail"),
    [
        (TEAMS, "0.2,0.8", "score_not_a_number", r"score '0.2,0.8' is not 3 numbers in \[0, 1\]"),
        (TEAMS, "0.2,0.3,0.5,0", "score_not_a_number", "is not 3 numbers"),
        (TEAMS, "0.2,x,0.8", "score_not_a_number", "is not 3 numbers"),
        (TEAMS, "0.2,nan,0.8", "score_not_finite", "is not finite"),
        (TEAMS, "-0.2,0.4,0.8", "score_out_of_range", r"is outside \[0, 1\]"),
        (TEAMS, "0.2,0.2,0.2", "score_out_of_range", "adds up to 0.6, expected probabilities that do to 1"),
        (Count(lowest=0.0), "-1", "score_out_of_range", r"is outside \[0, inf\)"),
        (Amount(), "inf", "score_not_finite", r"expected \(-inf, inf\)"),
        (Amount(lowest=-5, highest=5), "5.1", "score_out_of_range", r"is outside \[-5, 5\]"),
        (SPREAD, "1,2", "score_not_a_number", "is not 3 numbers"),
        (SPREAD, "-1,2,3", "score_out_of_range", r"is outside \[0, inf\)"),
        (STEPS, "1,2,3", "score_not_a_number", "is not 2 numbers"),
        (SURVIVAL, "0.2", "score_not_a_number", "is not 2 numbers"),
        (SURVIVAL, "0.2,1.1", "score_out_of_range", r"is outside \[0, 1\]"),
        (ORDER, "inf", "score_not_finite", r"expected \(-inf, inf\)"),
        (Binary(), "", "score_not_a_number", r"score '' is not a number in \[0, 1\]"),
    ],
)
def test_an_answer_that_is_none_of_the_kind_says_why(kind: OutcomeKind, text: str, reason: str, detail: str) -> None:
    with pytest.raises(Unusable, match=detail) as refused:
        kind.read(text)
    assert refused.value.reason == reason


def test_probabilities_may_add_up_as_32_bit_numbers_do() -> None:
    assert TEAMS.read("0.333333343,0.333333343,0.333333343") == (0.333333343,) * 3


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3))
def test_quantiles_that_cross_are_put_in_order(numbers: list[float]) -> None:
    answer = SPREAD.read(",".join(map(repr, numbers)))
    assert answer == tuple(sorted(numbers))
    assert SPREAD.score(answer) == max(numbers)


@pytest.mark.parametrize(
    "kind", [Binary(), TEAMS, Count(lowest=0.0), Amount(), SPREAD, ORDER, STEPS, SURVIVAL], ids=lambda kind: kind.name
)
def test_what_is_delivered_gives_the_answer_back(kind: OutcomeKind) -> None:
    answer = kind.read(",".join(["0.25", "0.25", "0.5"][-kind.width :]))
    said = {"score": kind.score(answer), "detail": kind.detail(answer)}
    assert kind.answer_of(said) == answer


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Count(), -1, "is -1; expected a count"),
        (Count(), 1.5, "is 1.5; expected a count"),
        (TEAMS, "d", "is 'd'; declared classes are 'a', 'b', 'c'"),
        (Amount(), float("nan"), "is nan; expected a finite number"),
        (STEPS, float("nan"), "is nan; expected finite numbers"),
        (ORDER, -1, "is -1; expected a relevance"),
        (ORDER, float("inf"), "is inf; expected a relevance"),
    ],
)
def test_an_outcome_of_another_kind_is_refused_by_its_value(kind: OutcomeKind, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind.label(value)


def test_labels_are_what_a_script_learns() -> None:
    assert [TEAMS.label(name) for name in ("c", "a")] == [2, 0]
    assert Amount().label(Decimal("1.50")) == 1.5
    assert [Binary(present=7).label(value) for value in (7, 0)] == [1, 0]


def test_a_part_that_lacks_a_class_or_has_one_value_teaches_nothing() -> None:
    assert TEAMS.constant([0, 1, 1]) == "no decision has the class 'c'"
    assert TEAMS.constant([0, 1, 2]) is None
    assert Amount().constant([3.5, 3.5]) == "all 2 are 3.5"
    assert Amount().constant([3.5, 4]) is None


def test_an_application_reports_what_feedback_can_carry_and_nothing_else() -> None:
    assert Count(lowest=0.0).told(3) is None
    assert Count(lowest=0.0).told(-3) == "a whole number in [0, inf)"
    assert Binary().told(2) == "1 or 0"
    assert Multiclass(classes=(1, 2), cut=1).told(2) is None
    assert "from the source alone" in (Amount().told(3) or "")
    assert "from the source alone" in (SURVIVAL.told(1) or "")
    assert (ORDER.told(3), ORDER.told(-1)) == (None, "a whole number of at least 0")
    assert replace(ORDER, present=1, absent=0).told(2) == "1 or 0"


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([0, 1])), min_size=1, max_size=20))
def test_without_rows_that_end_early_the_curve_is_the_share_that_saw_the_event(rows: list[tuple[int, int]]) -> None:
    whole = [(float(days) if event else 9.0, event) for days, event in rows]
    shares = [sum(event and days <= day for days, event in whole) / len(whole) for day in (3, 6, 9)]
    assert incidence(whole, (3, 6, 9)) == pytest.approx(shares)


def test_a_row_that_ends_early_counts_only_as_long_as_it_was_seen() -> None:
    """Of two that are left on day 3 one sees the event: half of the half that is left."""
    assert incidence([(1, 1), (1, 1), (2, 0), (3, 1), (4, 0)], (1, 3)) == pytest.approx([0.4, 0.7])


@pytest.mark.parametrize(
    "kind", [Binary(), TEAMS, Count(lowest=0.0), Amount(), SPREAD, ORDER, STEPS, SURVIVAL], ids=lambda kind: kind.name
)
@pytest.mark.parametrize("features", [1, 4])
def test_a_transform_job_keeps_the_id_and_the_whole_answer(kind: OutcomeKind, features: int) -> None:
    answer = ["0.2", "0.3", "0.5"][: kind.width]
    joined = ",".join(["d1", *map(str, range(features)), *answer])
    kept = ColumnFilter.parse(kind.output_filter(features), what="OutputFilter").apply(joined)
    assert kept == ",".join(["d1", *answer])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_page_says_of_each_kind_what_the_table_says(kind: type[OutcomeKind]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind.name}` |")]
    measures = ", ".join(measure.words for measure in kind.measures)
    assert row.endswith(f"| {kind.label_words} | {kind.answer_words} | {measures} |")
