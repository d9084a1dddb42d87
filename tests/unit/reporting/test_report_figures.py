"""What a report says of a past whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assembly_line.reporting.figures import Figures, figures
from assembly_line.reporting.judged import Judged
from tests.ledgers import JoinedLedger
from tests.unit.reporting.worlds import CAMPAIGNS, EFFECT, HOUSEHOLDS, Past, with_policy
from tests.unit.training.test_scripts_of_kinds import LINES

# What the ledger states of four outcomes of each kind, and the number that a report makes of each.
STATED: dict[str, tuple[list[dict[str, Any]], list[float], bool]] = {
    "amount": ([{"value": value} for value in (2.5, 7.5, 0, 10)], [2.5, 7.5, 0, 10], False),
    "count": ([{"value": value} for value in (0, 1, 2, 5)], [0, 1, 2, 5], False),
    "quantiles": ([{"value": value} for value in (0, 1, 2, 5)], [0, 1, 2, 5], False),
    "ranking": ([{"value": value} for value in (0, 1, 0, 1)], [0, 1, 0, 1], False),
    "forecasting": ([{"value": value, "later": [9, 9]} for value in (0, 1, 2, 5)], [0, 1, 2, 5], False),
    "survival": ([{"value": value, "days": 3.5} for value in (0, 1, 0, 1)], [0, 1, 0, 1], True),
    "multiclass": (
        [{"value": value} for value in (LINES["multiclass"].policy.cuts, *LINES["multiclass"].outcome.classes)][:4],
        [1, *(float(one == LINES["multiclass"].policy.cuts) for one in LINES["multiclass"].outcome.classes)][:4],
        True,
    ),
}


@pytest.fixture(scope="module")
def past() -> Past:
    return Past()


@pytest.fixture(scope="module")
def found(past: Past) -> Figures:
    line = with_policy(version=2, values={"remind": 5.0, "leave": 4.0}, costs={"remind": 0.5}, currency="USD")
    return past.figures(line, by="campaign_id")[1]


def test_every_decision_is_counted_once_under_each_heading(past: Past, found: Figures) -> None:
    decisions = HOUSEHOLDS * CAMPAIGNS
    assert (found.whole.decisions, found.whole.in_force, found.whole.known) == (decisions,) * 3
    for parts in (found.recommended, found.decided, found.arms, found.months, found.segments):
        assert sum(part.decisions for part in parts) == decisions
    ended = sum(row["act"] != row["overridden"] for row in past.rows)
    assert found.whole.acted == ended
    assert {part.name: part.decisions for part in found.recommended}["remind"] == sum(row["act"] for row in past.rows)
    assert found.whole.overridden == sum(row["overridden"] for row in past.rows)
    assert found.whole.mean.mean == pytest.approx(np.mean([row["y"] for row in past.rows]))
    assert [part.name for part in found.months] == [f"2017-0{month}" for month in range(1, CAMPAIGNS + 1)]


def test_the_share_of_each_action_in_the_end_is_that_of_its_rows(past: Past, found: Figures) -> None:
    for part in found.decided:
        rows = [row["y"] for row in past.rows if (row["act"] != row["overridden"]) == (part.name == "remind")]
        assert part.mean.mean == pytest.approx(np.mean(rows))


def test_a_feature_that_matters_is_beyond_chance_and_one_that_does_not_is_not(past: Past, found: Figures) -> None:
    told = {one.name: one for one in found.associations or ()}
    assert set(told) == {"spend_30d", "visits_30d", "campaign_type", "age"}
    assert (told["spend_30d"].clear, told["age"].clear, told["visits_30d"].clear) == (True, True, False)
    assert found.associations is not None
    assert found.associations[0].chance == min(one.chance for one in told.values() if one.chance is not None)
    # Four were looked at.
    lowest = found.associations[0]
    assert lowest.adjusted == pytest.approx(min(1, 4 * (lowest.chance or 0)))


def test_the_groups_of_a_number_are_its_fifths(past: Past, found: Figures) -> None:
    (spend,) = [one for one in found.associations or () if one.name == "spend_30d"]
    values, outcomes = (np.array([row[name] for row in past.rows]) for name in ("spend_30d", "y"))
    # Equal values stand together: in the fifth in which the first of them is.
    first = np.searchsorted(np.sort(values), values) * 5 // len(values)
    assert [mean.mean for _, mean in spend.groups] == pytest.approx(
        [outcomes[first == fifth].mean() for fifth in range(5)]
    )
    assert spend.difference is not None
    assert spend.difference[0] == pytest.approx(outcomes[first == 4].mean() - outcomes[first == 0].mean())


def test_personal_values_are_nowhere(found: Figures) -> None:
    (age,) = [one for one in found.associations or () if one.name == "age"]
    assert age.personal
    assert (age.shown, age.difference) == ((), None)


def test_what_acting_changes_is_found_where_chance_had_a_say_and_nowhere_else(past: Past, found: Figures) -> None:
    assert found.randomised is not None
    assert found.randomised.difference is not None
    value, (low, high) = found.randomised.difference

    rows = [(row["act"], row["y"], row["propensity"], row["household"]) for row in past.rows]
    act, y, propensity, household = (np.array(column) for column in zip(*rows, strict=True))

    def weighed(of: np.ndarray) -> float:
        weights = of / propensity
        means = [np.sum(weights[act == one] * y[act == one]) / np.sum(weights[act == one]) for one in (True, False)]
        return float(means[0] - means[1])

    assert value == pytest.approx(weighed(np.ones(len(y))))
    random = np.random.default_rng(1)
    drawn = [
        weighed(np.bincount(random.integers(HOUSEHOLDS, size=HOUSEHOLDS), minlength=HOUSEHOLDS)[household])
        for _ in range(800)
    ]
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)
    assert low <= EFFECT <= high
    # Whoever compares those reminded with the others takes the choice for the effect.
    assert y[act].mean() - y[~act].mean() > high


def test_a_line_that_left_nothing_to_chance_gets_no_such_comparison() -> None:
    assert Past(explores=0.0, households=60).figures()[1].randomised is None


def test_money_is_what_the_policy_declares(past: Past, found: Figures) -> None:
    by = {one.action: one for one in found.earned}
    reminded = [row["y"] for row in past.rows if row["act"] != row["overridden"]]
    assert by["remind"].net == pytest.approx(5.0 * sum(reminded) - 0.5 * len(reminded))
    assert by["leave"].net == pytest.approx(4.0 * (sum(row["y"] for row in past.rows) - sum(reminded)))
    assert found.randomised is not None
    assert found.randomised.net is not None
    acted, left = found.randomised.acted.mean, found.randomised.left.mean
    assert acted is not None
    assert left is not None
    assert found.randomised.net[0] == pytest.approx(5.0 * acted - 0.5 - 4.0 * left)


def test_without_a_certain_outcome_nothing_is_judged() -> None:
    _, nothing = Past(known=0.0, households=40).figures()
    assert (nothing.whole.decisions, nothing.whole.known, nothing.whole.mean.mean) == (240, 0, None)
    assert (nothing.associations, nothing.randomised, nothing.earned) == (None, None, ())


def test_decisions_scored_with_a_dataset_that_is_gone_are_judged_without_features() -> None:
    past = Past(households=60)
    ledger = past.ledger()
    found = figures(Judged(ledger, with_policy()), {})
    assert found.associations is None
    assert found.whole.known == 360


def test_a_period_holds_the_decisions_from_its_start_to_before_its_end() -> None:
    past = Past(households=40)
    ledger = past.ledger()
    ledger.define_decisions((), since="2017-02-01T06:00:00.000000Z", until="2017-04-01T06:00:00.000000Z")
    found = figures(Judged(ledger, with_policy()), past.dataset(ledger))
    assert [part.name for part in found.months] == ["2017-02", "2017-03"]


@pytest.mark.parametrize("kind", STATED)
def test_outcomes_of_every_kind_are_averaged_as_numbers(kind: str) -> None:
    line, (stated, numbers, shares) = LINES[kind], STATED[kind]
    ids = [f"d1-20170808-{number:032x}" for number in range(len(stated))]
    at = "2017-08-08T00:00:00.000000Z"
    predictions = [
        {
            "decision_id": one,
            "revision": 1,
            "decision_time": at,
            "keys": dict.fromkeys(line.decision.keys, number),
            "score": 0.5,
            "action": line.policy.act,
        }
        for number, one in enumerate(ids)
    ]
    deliveries = [{"decision_id": one, "revision": 1, "status": "delivered", "at": at} for one in ids]
    outcomes = [
        {"decision_id": one, "as_of": "2018-01-01", "run_id": "o", **said}
        for one, said in zip(ids, stated, strict=True)
    ]

    judged = Judged(JoinedLedger(predictions, deliveries, [], outcomes), line)

    assert judged.shares == shares
    assert [y for (y,) in judged.session.rows("SELECT y FROM judged ORDER BY decision_id")] == numbers


def test_an_outcome_of_another_kind_than_is_declared_now_is_not_judged() -> None:
    ledger = Past(households=4).ledger()
    assert Judged(ledger, LINES["multiclass"]).count(of="judged") == 0
