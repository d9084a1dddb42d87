"""A past day scored again by a model that knows how it ended changes nothing of how good the line was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assembly_line.errors import RequestRefused
from assembly_line.feedback.history import History, join
from assembly_line.feedback.performance import Performance, measure
from assembly_line.instants import MICROSECOND, format_instant, parse_instant
from assembly_line.names import ControlKey, LedgerKind, scoring_prefix
from assembly_line.outcome_kinds import Binary
from tests.aws.delivery.scoring_run import DAY, LEARNT_FROM, LINE, Household, Scoring, learnt_from
from tests.ledgers import JoinedLedger, counts_of

NEXT_DAY = DAY + timedelta(days=1)
ENDED = datetime(2018, 1, 2, tzinfo=UTC)
KNOWN = DAY + timedelta(days=20)
HOUSEHOLDS = [Household(number) for number in range(1, 41)]


def redeemed(row: Household) -> int:
    return int(row.household % 4 == 0)


@dataclass
class World:
    """A line that decided one day, and what came of it."""

    scoring: Scoring
    runs: int = 0

    def score(self, rows: list[Household], scores: dict[str, float], **changes: Any) -> dict[str, Any]:
        self.runs += 1
        self.scoring.run_id = f"coupon-redemption-20170808-{self.runs:04}"
        self.scoring.started_at = format_instant(datetime(2026, 11, 22, 10, self.runs, tzinfo=UTC))
        _, delivered = self.scoring.score(
            rows, [f"{row.decision_id},{scores[row.decision_id]}" for row in rows], **changes
        )
        return delivered

    def outcomes(self) -> list[dict[str, Any]]:
        return [
            {
                "decision_id": row.decision_id,
                "value": redeemed(row),
                "mature_at": format_instant(KNOWN),
                "as_of": format_instant(ENDED),
                "run_id": "outcomes",
            }
            for row in HOUSEHOLDS
        ]

    def rows(self) -> list[Iterable[dict[str, Any]]]:
        read = self.scoring.ledger.read
        return [read(LINE, LedgerKind.PREDICTIONS), read(LINE, LedgerKind.DELIVERIES), [], self.outcomes()]

    def history(self) -> History:
        return join(*self.rows())

    def judged(self) -> Performance:
        return measure(JoinedLedger(*self.rows()), kind=Binary(present=1), cluster="household_id", draws=20)[-1]

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = self.scoring.store.read_json(f"{scoring_prefix(LINE, self.scoring.run_id)}report.json")
        return found


def honest() -> dict[str, float]:
    """Scores that know a little: three in four redeemers stand among the higher half."""
    return {row.decision_id: (row.household * 7 % 40 + 6 * redeemed(row)) / 50 for row in HOUSEHOLDS}


def knowing() -> dict[str, float]:
    return {row.decision_id: 0.9 if redeemed(row) else 0.1 for row in HOUSEHOLDS}


@pytest.fixture
def world(scoring: Scoring) -> Iterator[World]:
    yield World(scoring)


def test_a_past_day_scored_by_a_model_that_learnt_from_it_is_withheld_and_never_judged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.score(HOUSEHOLDS, honest())
    before = world.judged()
    assert (before.decisions, before.in_force, before.rows) == (40, 40, 40)
    assert before.figures["auc"] is not None
    assert before.figures["auc"] < 0.9
    world.scoring.received()
    assert "DeliverySeconds" in capsys.readouterr().out

    learnt_from(world.scoring.store, as_of=ENDED)
    delivered = world.score(HOUSEHOLDS, knowing())

    assert (delivered["offered"], delivered["delivered"], delivered["withheld"]) == (0, 0, 40)
    assert world.scoring.received() == []
    assert world.judged() == before
    assert counts_of(world.history())["backfills"] == 40
    # Nor does CloudWatch count what nobody was told.
    assert "DeliverySeconds" not in capsys.readouterr().out


def test_a_backfill_that_is_delivered_because_somebody_asked_is_not_judged_either(world: World) -> None:
    world.score(HOUSEHOLDS, honest())
    before = world.judged()
    world.scoring.received()

    learnt_from(world.scoring.store, as_of=ENDED)
    delivered = world.score(HOUSEHOLDS, knowing(), deliver_backfill=True, again=True)

    assert (delivered["offered"], delivered["delivered"]) == (40, 40)
    assert len(world.scoring.received()) == 40
    assert world.judged() == before


def test_a_backfill_says_so_in_the_ledger_the_report_and_the_output(world: World) -> None:
    world.score(HOUSEHOLDS, honest(), at=format_instant(NEXT_DAY))
    learnt_from(world.scoring.store, as_of=ENDED)

    delivered = world.score(HOUSEHOLDS, knowing(), at=format_instant(DAY))

    rows = [row for row in world.scoring.ledger.read(LINE, LedgerKind.PREDICTIONS) if row["backfill"]]
    assert {(row["run_id"], *row["backfill"]) for row in rows} == {
        (world.scoring.run_id, "model_knows_more", "earlier_instant")
    }
    knows, earlier = delivered["backfill"]
    assert "the model knows what was known at 2018-01-02" in knows
    assert "coupon-redemption-20170808-0001 scored the line at 2017-08-09" in earlier
    assert world.report()["backfill"] == [knows, earlier]


@pytest.mark.parametrize(
    ("as_of", "at", "reasons"),
    [
        (DAY, DAY, set()),  # known exactly at the instant is known
        (DAY + timedelta(microseconds=1), DAY, {"model_knows_more"}),
        (DAY, DAY - timedelta(microseconds=1), {"model_knows_more", "earlier_instant"}),
        (DAY - timedelta(days=1), DAY - timedelta(microseconds=1), {"earlier_instant"}),
        (DAY - timedelta(days=1), NEXT_DAY, set()),
    ],
)
def test_a_run_is_a_backfill_if_its_model_knows_more_or_the_line_was_scored_later(
    world: World, as_of: datetime, at: datetime, reasons: set[str]
) -> None:
    world.score(HOUSEHOLDS, honest(), at=format_instant(DAY))
    learnt_from(world.scoring.store, as_of=as_of)

    context = world.scoring.begin(at=format_instant(at), **{"from": "2017-08-01", "to": "2017-08-08"})

    assert set(context["backfill"]) == reasons
    assert context["withheld"] == bool(reasons)


def test_a_backfill_makes_no_later_run_one(world: World) -> None:
    learnt_from(world.scoring.store, as_of=ENDED)
    world.score(HOUSEHOLDS, knowing(), at=format_instant(NEXT_DAY), deliver_backfill=True)
    learnt_from(world.scoring.store, as_of=DAY)

    assert world.scoring.begin(at=format_instant(DAY), again=True)["backfill"] == {}


def test_the_same_period_is_delivered_anew_only_if_the_request_says_so(world: World) -> None:
    world.score(HOUSEHOLDS, honest())
    first = world.scoring.run_id
    world.scoring.received()

    for period in (
        {},
        {"from": format_instant(DAY), "to": "2017-08-20"},
        {"from": "2017-08-01", "to": "2017-08-09"},
    ):
        world.scoring.run_id = "another"
        with pytest.raises(RequestRefused, match=f"delivered before, by run {first} .*again=true"):
            world.scoring.begin(**period)
    for beside in (
        {"from": format_instant(DAY + MICROSECOND), "to": "2017-08-15", "at": "2017-08-15"},
        {"from": "2017-08-15", "to": "2017-08-20", "at": "2017-08-15"},
        {"from": "2017-08-01", "to": "2017-08-08"},
        {"from": "2017-08-01", "to": "2017-08-20", "at": "2017-08-02"},
    ):
        world.scoring.begin(**beside)

    higher = {identifier: score / 2 for identifier, score in honest().items()}
    assert world.score(HOUSEHOLDS, higher, again=True)["delivered"] == 40
    assert {found.prediction["score"] for found in world.history().decisions} == set(higher.values())


@pytest.mark.parametrize("looked", [{"at": "2017-08-10"}, {"at": "2017-08-15", "as_of": "2017-08-10"}])
def test_what_a_run_did_not_look_at_is_no_repetition(world: World, looked: dict[str, str]) -> None:
    seen = [replace(row, at=datetime(2017, 8, 10, tzinfo=UTC)) for row in HOUSEHOLDS]
    later = [replace(row, at=datetime(2017, 8, 10, tzinfo=UTC) + MICROSECOND) for row in HOUSEHOLDS]
    scores = {row.decision_id: 0.5 for row in (*seen, *later)}
    world.score(seen, scores, **looked)

    rest = {"from": "2017-08-10T00:00:00.000001Z", "at": "2017-08-15"}
    assert world.score(later, scores, **rest)["delivered"] == 40
    assert counts_of(world.history())["backfills"] == 0
    with pytest.raises(RequestRefused, match=r"delivered before, by run .*again=true"):
        world.scoring.begin(**{**rest, "from": "2017-08-10"})


def test_a_step_that_is_repeated_does_not_find_its_own_run(world: World) -> None:
    world.score(HOUSEHOLDS, honest())
    assert world.scoring.begin()["backfill"] == {}


def test_in_real_time_what_was_issued_too_late_is_delivered_to_nobody(world: World) -> None:
    late = DAY + timedelta(days=28, hours=1)
    world.scoring.started_at = format_instant(late)
    fresh = [replace(row, at=DAY + timedelta(days=2)) for row in HOUSEHOLDS[:3]]
    rows = [*HOUSEHOLDS[3:8], *fresh]
    period = {"from": "2017-08-08", "to": "2017-08-15"}

    world.scoring.begin(at=None, **period)
    world.scoring.answer([f"{row.decision_id},0.5" for row in rows])
    delivered = world.scoring.deliver(world.scoring.publish(world.scoring.dataset(rows)))

    assert (delivered["delivered"], delivered["reasons"]) == (3, {"action_expired": 5})
    (kept, *_) = world.scoring.ledger.read(LINE, LedgerKind.QUARANTINE)
    assert kept["detail"] == (
        "expires_at is 2017-09-05T04:00:00.000000Z, expected after the run's instant 2017-09-05T05:00:00.000000Z"
    )
    assert {message["body"]["issued_at"] for message in world.scoring.received()} == {format_instant(late)}


def test_a_period_that_has_expired_as_a_whole_is_refused_with_what_a_replay_declares(world: World) -> None:
    with pytest.raises(RequestRefused, match=r"have all expired by .* such as at=2017-08-15T00:00:00.000000Z"):
        world.scoring.begin(at=None)


@pytest.mark.parametrize("changes", [{}, {"as_of": "2017-08-20"}, {"to": "2017-08-09"}, {"at": "2019-01-01"}])
def test_a_replay_at_the_instant_that_a_refusal_names_acts_on_the_whole_period(
    world: World, changes: dict[str, str]
) -> None:
    period = {"from": "2017-08-08", "to": "2017-08-15", "at": None, **changes}
    with pytest.raises(RequestRefused) as refused:
        world.scoring.begin(**period)
    named = re.search(r"such as at=(\S+) ", str(refused.value))
    assert named is not None
    if "without as_of" in str(refused.value):
        del period["as_of"]
    first, end = (parse_instant(str(period[name]), field=name) for name in ("from", "to"))
    rows = [replace(row, at=first if row.household % 2 else end - MICROSECOND) for row in HOUSEHOLDS]

    context = world.scoring.begin(**{**period, "at": named[1]})
    dataset = [row for row in rows if row.at <= parse_instant(context["as_of"], field="as_of")]
    delivered = world.score(dataset, {row.decision_id: 0.5 for row in rows}, **{**period, "at": named[1]})

    assert (context["backfill"], delivered["delivered"], delivered["quarantined"]) == ({}, 40, 0)


def test_a_period_as_long_as_its_actions_last_is_to_be_replayed_in_shorter_ones(world: World) -> None:
    with pytest.raises(RequestRefused, match=r"of a period shorter than 28 days"):
        world.scoring.begin(at=None, **{"to": "2017-09-05"})
    with pytest.raises(RequestRefused) as refused:
        world.scoring.begin(at=None, **{"to": "2017-09-04"})
    assert "shorter" not in str(refused.value)


@pytest.mark.parametrize(
    ("instants", "as_of", "reasons"),
    [
        ({"at": "2017-08-10"}, "2017-08-10", set()),  # a replay has the future at hand, and does not look
        ({"at": "2017-08-10", "as_of": "2017-08-09"}, "2017-08-09", set()),
        ({"at": "2017-08-10", "as_of": "2017-08-10"}, "2017-08-10", set()),
        ({"at": "2017-08-10", "as_of": "2017-08-15"}, "2017-08-15", {"data_knows_more"}),
        ({"at": "2017-08-20"}, "2017-08-15", set()),
        ({"at": "2017-08-08"}, "2017-08-08", set()),
        ({"at": "2017-08-07"}, "2017-08-15", {"data_knows_more"}),
        ({"at": "2017-08-07", "as_of": "2017-08-07"}, "2017-08-07", set()),
    ],
)
def test_decisions_are_looked_at_with_what_was_known_at_the_instant_of_a_replay(
    world: World, instants: dict[str, str], as_of: str, reasons: set[str]
) -> None:
    learnt_from(world.scoring.store, as_of=datetime(2017, 8, 1, tzinfo=UTC))

    context = world.scoring.begin(**{"from": "2017-08-08", "to": "2017-08-15", **instants})

    assert context["as_of"] == context["dataset_request"]["as_of"] == f"{as_of}T00:00:00.000000Z"
    assert set(context["backfill"]) == reasons


def test_a_replay_cannot_declare_an_instant_that_is_still_to_come(world: World) -> None:
    with pytest.raises(RequestRefused, match=r"at: 2099-01-01.* lies in the future"):
        world.scoring.begin(at="2099-01-01")


def test_a_replay_is_issued_and_delivered_at_its_own_instant(world: World) -> None:
    world.score(HOUSEHOLDS[:2], honest())
    rows = list(world.scoring.ledger.read(LINE, LedgerKind.PREDICTIONS))
    sent = list(world.scoring.ledger.read(LINE, LedgerKind.DELIVERIES))

    assert {row["issued_at"] for row in rows} == {row["at"] for row in sent} == {format_instant(DAY)}
    assert {row["revision"] for row in rows} == {1795341660000000}
    assert all(row["sent_at"] > "2026" for row in sent)


def test_a_champion_whose_dataset_is_gone_is_refused(world: World) -> None:
    champion = world.scoring.control.champion(LINE)
    elsewhere = replace(champion, dataset_id=LEARNT_FROM.replace("0", "1"))
    world.scoring.control.write(LINE, ControlKey.CHAMPION, elsewhere.to_json())
    with pytest.raises(Exception, match="has no dataset"):
        world.scoring.begin()
