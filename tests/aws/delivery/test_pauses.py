"""Deliveries that are paused: nothing leaves, nothing is lost, and everything leaves once they are resumed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from assembly_line.delivery.service.pausing import pause, paused, resume
from assembly_line.errors import RequestRefused, ScoringFailed
from assembly_line.names import LedgerKind
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import LINE, Context, Household, Scoring, households, published

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def hold(reason: str = "the desk is closed") -> dict[str, Any]:
    return pause(handler.account(), LINE, by="arn:anna", reason=reason, now=NOW)


def let_go() -> None:
    resume(handler.account(), LINE, by="arn:anna", now=NOW)


def asked(scoring: Scoring, numbers: dict[str, Any]) -> dict[str, Any]:
    """As the state `Deliver` asks, which comes again if it has to wait."""
    event = {"context": scoring.context, "published": numbers, "may_wait": True}
    answer: dict[str, Any] = handler.deliver(event, Context())  # type: ignore[arg-type]
    return answer


def ids(scoring: Scoring) -> Counter[str]:
    return Counter(message["body"]["decision_id"] for message in scoring.received())


def everybody(rows: list[Household]) -> Counter[str]:
    return Counter(row.decision_id for row in rows)


def test_a_run_waits_while_deliveries_are_paused_and_says_who_paused_them(scoring: Scoring) -> None:
    rows = households(5)
    numbers = published(scoring, rows)
    hold()

    answer = asked(scoring, numbers)
    assert answer["waits"] is True
    assert answer["because"].endswith("paused since 2026-11-22T10:00:00.000000Z by arn:anna: the desk is closed")
    assert asked(scoring, numbers) == answer
    assert ids(scoring) == Counter()
    assert list(scoring.ledger.read(LINE, LedgerKind.DELIVERIES)) == []

    let_go()
    assert asked(scoring, numbers)["delivered"] == 5
    assert ids(scoring) == everybody(rows)


def test_a_pause_between_shards_ends_with_a_shard_and_loses_none(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_SHARD_MESSAGES", "2")
    rows = households(20)
    numbers = published(scoring, rows)
    shards = [pointer["number"] for pointer in numbers["shards"]]
    for number in shards[:3]:
        scoring.send("sns", number)
    hold()
    for number in shards[3:]:
        scoring.send("sns", number)
    sent = ids(scoring)
    assert sent == everybody(rows[:6])
    assert asked(scoring, numbers)["waits"] is True

    # Resumed just before the account looks: seven shards are more than it sends by itself.
    let_go()
    assert asked(scoring, numbers) == {"waits": True, "because": "7 shards wait for their calls"}
    for number in shards:
        scoring.send("sns", number)
    assert asked(scoring, numbers)["delivered"] == 20
    assert sent + ids(scoring) == everybody(rows)


def test_an_execution_of_an_older_version_fails_instead_of_ending_without_a_delivery(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_SHARD_MESSAGES", "1")
    rows = households(8)
    numbers = published(scoring, rows)
    hold()
    with pytest.raises(ScoringFailed, match=r"paused since .*`line delivery resume coupon_redemption`.*redrive"):
        scoring.deliver(numbers)
    let_go()
    # Its machine has no map: this call sends everything.
    assert scoring.deliver(numbers)["delivered"] == 8
    assert ids(scoring) == everybody(rows)


def test_what_is_withheld_waits_for_nobody(scoring: Scoring) -> None:
    numbers = published(scoring, households(3), as_of="2017-09-01T00:00:00Z")
    hold()
    assert asked(scoring, numbers)["withheld"] == 3


def test_a_pause_needs_a_reason_and_is_said_once(scoring: Scoring) -> None:
    with pytest.raises(RequestRefused, match="at least 3 characters"):
        hold(" x ")
    with pytest.raises(RequestRefused, match="there is nothing to resume"):
        let_go()
    assert paused(handler.account(), LINE) is None
    assert hold()["paused"] is True
    with pytest.raises(RequestRefused, match=r"paused since .* by arn:anna: the desk is closed.*line delivery resume"):
        hold("again")
    let_go()
    assert paused(handler.account(), LINE) is None
