"""The demo's own rules: the order of the replayed year, simulated overrides, and what the summary dares to say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from assembly_line.messages import feedback_from_values
from demo import figures
from demo.figures import Figures
from demo.overrides import picks, simulated_overrides
from demo.summary import draw
from demo.timeline import Campaign, timeline

TRAINED = datetime(2017, 7, 1, tzinfo=UTC)
LAST = datetime(2018, 1, 2, tzinfo=UTC)
ZONE = "America/New_York"
DAY = timedelta(days=1)

campaigns = st.lists(
    st.builds(
        lambda key, start, length: Campaign(
            key=key, start=date(2017, 1, 1) + start * DAY, end=date(2017, 1, 1) + (start + length) * DAY
        ),
        key=st.integers(1, 30),
        start=st.integers(0, 400),
        length=st.integers(1, 90),
    ),
    unique_by=lambda campaign: campaign.key,
)


@given(campaigns)
def test_each_later_campaign_is_scored_once_when_it_starts_and_outcomes_come_last(found: list[Campaign]) -> None:
    steps = timeline(found, trained_at=TRAINED, last=LAST, zone=ZONE)

    started = [key for step in steps for key in step.campaigns]
    assert sorted(started) == sorted(c.key for c in found if date(2017, 7, 1) <= c.start <= date(2018, 1, 1))
    assert [step.at for step in steps] == sorted({step.at for step in steps})
    assert steps[-1].at == LAST
    assert steps[-1].outcomes


def test_outcomes_are_derived_when_a_campaign_has_ended_and_not_on_its_last_day() -> None:
    steps = timeline(
        [
            Campaign(key=11, start=date(2017, 7, 12), end=date(2017, 8, 13)),
            Campaign(key=12, start=date(2017, 7, 12), end=date(2018, 2, 1)),
            Campaign(key=5, start=date(2017, 6, 12), end=date(2017, 9, 1)),
        ],
        trained_at=TRAINED,
        last=LAST,
        zone=ZONE,
    )

    assert [(step.at.isoformat(), step.campaigns, step.outcomes) for step in steps] == [
        ("2017-07-12T04:00:00+00:00", (11, 12), False),
        ("2017-08-14T04:00:00+00:00", (), True),
        ("2018-01-02T00:00:00+00:00", (), True),
    ]


def prediction(number: int, action: str = "remind") -> dict[str, Any]:
    return {
        "line": "coupon_redemption",
        "decision_id": f"d1-20170712-{number:032x}",
        "decision_time": "2017-07-12T04:00:00.000000Z",
        "action": action,
    }


def test_overrides_are_valid_say_that_they_are_simulated_and_are_the_same_again() -> None:
    predictions = [prediction(number) for number in range(2000)]

    events = simulated_overrides(predictions, ("remind", "leave"))

    assert events == simulated_overrides(reversed(predictions), ("remind", "leave"))[::-1]
    assert 30 <= len(events) <= 90
    for event in events:
        feedback_from_values(event)
        assert event["reason"].startswith("simulated")
        assert event["action"] == "leave"


def test_whether_the_rule_overrides_depends_on_the_decision_alone() -> None:
    identifier = next(f"d1-20170712-{n:032x}" for n in range(1000) if picks(f"d1-20170712-{n:032x}"))
    number = int(identifier[-32:], 16)

    assert simulated_overrides([prediction(number, "leave")], ("remind", "leave"))[0]["action"] == "remind"


def performance(**changes: Any) -> dict[str, Any]:
    return {
        "decisions": 100,
        "in_force": 98,
        "rows": 80,
        "positives": 10,
        "auc": 0.8,
        "auc_interval": (0.75, 0.85),
        "log_loss": 0.3,
        "prior": 0.12,
        "prior_log_loss": 0.35,
        "baseline_auc": 0.7,
        "why_not": {},
        **changes,
    }


def challenger(says: str) -> dict[str, Any]:
    auc = {"challenger": 0.79, "champion": 0.782, "difference": 0.008, "interval": [0.003, 0.014], "says": says}
    compared = {"run_id": "run-1", "rows": 1077, "measures": {"auc": auc, "brier": {**auc, "says": "noise"}}}
    return figures.challenger({"run_id": "run-2", "rows": 3780, "metrics": {"champion": compared}})


def summary(tmp_path: Path, pooled: dict[str, Any], *, approved: bool = True) -> str:
    metrics = {
        **performance(),
        "baseline_feature": "redemptions_365d",
    }
    immature = performance(rows=0, auc=None, auc_interval=None, log_loss=None, prior_log_loss=None, baseline_auc=None)
    found = Figures(
        line="coupon_redemption",
        trained_at="2017-07-01T00:00:00.000000Z",
        challenged_at="2017-10-01T00:00:00.000000Z",
        observed_at="2018-01-02T00:00:00.000000Z",
        deployment={"seconds": 1.0, "stack_names": ["A"], "restored": False, "synth_seconds": 1, "cdk_seconds": 1},
        dataset={
            **{"id": "x", "spine_rows": 6589, "rows": 2020, "positives": 271, "features": 19},
            **{"engine": "duckdb", "seconds": 2.0},
        },
        training=figures.training(
            {
                "run_id": "run-1",
                "rows": 2020,
                "judged_rows": 1400,
                "purged_rows": 100,
                "metrics": {**metrics, "rows": 520},
            }
        ),
        review={"author": "arn:aws:sts::0:assumed-role/x/scientist", "reviewer": "r/reviewer", "decision": "approve"},
        challenger={**challenger("better"), "decision": "approve" if approved else "reject"},
        scoring={"offered": 180, "delivered": 178, "quarantined": 1, "dead_lettered": 1, "campaigns": 2},
        consumer={"received": 180, "applied": 178},
        feedback={"overrides": 5, "outcomes": 80, "parked": 0},
        performance=[{"campaign": 11, **performance()}, {"campaign": 23, **immature}],
        performance_pooled=pooled,
    )
    found.write(tmp_path / "demo.json")
    console = Console(width=160, record=True, highlight=False)
    draw(found, tmp_path)(console)
    return " ".join(console.export_text().split())


def test_the_summary_shows_the_sum_the_people_and_what_to_try(tmp_path: Path) -> None:
    text = summary(tmp_path, performance())

    assert (
        "2,020 rows; its recipe learnt from 1,400 of them and was judged on the 520 latest; 100 were left out" in text
    )
    assert "180 offered = 178 delivered + 1 quarantined + 1 dead-lettered" in text
    assert "approved by reviewer, author scientist" in text
    assert "100 decisions of campaigns that end after the data does are scored, but never judged" in text
    assert "line performance coupon_redemption --by campaign_id" in text


def test_the_challenger_stands_beside_the_champion_by_the_measure_that_decides(tmp_path: Path) -> None:
    beside = (
        "run run-2: 3,780 rows that were mature on 2017-10-01. On 1,077 later decisions of the champion: "
        "AUC 0.790 in place of 0.782, difference +0.008 (0.003-0.014), so it"
    )
    assert f"{beside} took over" in summary(tmp_path, performance())
    assert f"{beside} was kept, and the champion went on" in summary(tmp_path, performance(), approved=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ranks households better than the one-feature rule"),
        ({"baseline_auc": 0.76}, "is not clearly better at ranking than the one-feature rule"),
        ({"baseline_auc": 0.9}, "is not clearly better at ranking than the one-feature rule"),
        ({"auc_interval": None}, "is not clearly better at ranking than the one-feature rule"),
        ({"log_loss": 0.3}, "probabilities are closer to what happened than"),
        ({"log_loss": 0.4}, "probabilities are no closer to what happened than"),
        ({"auc": None}, "There is nothing to judge yet"),
    ],
)
def test_the_summary_is_honest(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    assert expected in summary(tmp_path, performance(**changes))
