"""Dead letters of a run: listed, sent again with the body that they had, or given up with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from assembly_line.delivery.service.dead_letters import dead_letters, discard, resend
from assembly_line.delivery.service.pausing import pause
from assembly_line.errors import RequestRefused
from assembly_line.feedback.in_force import delivered_at
from assembly_line.instants import format_instant
from assembly_line.names import LedgerKind, scoring_prefix
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import ACCOUNT, DAY, LINE, Faults, Household, Scoring, failed, households, published

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def refused(scoring: Scoring, faults: Faults) -> list[Household]:
    """A run of which two messages could not be sent; the topic takes them now."""
    rows = households(12)
    bad = {rows[3].decision_id, rows[11].decision_id}

    def fault(_: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
        of_bad = [entry for entry in entries if json.loads(entry["Message"])["decision_id"] in bad]
        good = [{"Id": entry["Id"], "MessageId": "m"} for entry in entries if entry not in of_bad]
        return {"Successful": good, "Failed": [failed(entry, "InvalidParameter", sender=True) for entry in of_bad]}

    faults(fault)
    assert scoring.deliver(published(scoring, rows))["dead_lettered"] == 2
    faults(lambda *_: None)
    return [rows[3], rows[11]]


def states(scoring: Scoring) -> dict[str, str]:
    return {one.message.decision_id: one.state for one in dead_letters(handler.account(), LINE, scoring.run_id)}


def again(scoring: Scoring) -> dict[str, Any]:
    return resend(handler.account(), LINE, scoring.run_id, account_id=ACCOUNT, by="arn:anna", now=NOW)


def test_dead_letters_are_sent_again_as_they_were_and_count_as_delivered(
    scoring: Scoring, refused: list[Household]
) -> None:
    kept = scoring.store.read(f"{scoring_prefix(LINE, scoring.run_id)}dead-letters/sns/000000.jsonl").splitlines()
    bodies = {json.loads(line)["decision_id"]: json.loads(json.loads(line)["body"]) for line in kept}
    ids = {row.decision_id for row in refused}
    before = delivered_at(scoring.ledger.read(LINE, LedgerKind.DELIVERIES))
    assert not ids & {decision_id for decision_id, _ in before}
    assert states(scoring) == dict.fromkeys(ids, "open")

    assert again(scoring) == {"line": LINE, "run_id": scoring.run_id, "resent": 2, "failed_again": 0, "expired": 0}

    assert {message["body"]["decision_id"]: message["body"] for message in scoring.received()} == bodies
    assert states(scoring) == dict.fromkeys(ids, "resent")
    now = delivered_at(scoring.ledger.read(LINE, LedgerKind.DELIVERIES))
    # By the business clock of the replay, which stands still.
    assert {decision_id: at for (decision_id, _), at in now.items() if decision_id in ids} == dict.fromkeys(ids, DAY)
    with pytest.raises(RequestRefused, match="it has no open dead letter"):
        again(scoring)
    assert scoring.received() == []


def test_a_letter_that_fails_again_stays_open(scoring: Scoring, refused: list[Household], faults: Faults) -> None:
    one, other = (row.decision_id for row in refused)

    def fault(_: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
        bad = [entry for entry in entries if json.loads(entry["Message"])["decision_id"] == one]
        good = [{"Id": entry["Id"], "MessageId": "m"} for entry in entries if entry not in bad]
        return {"Successful": good, "Failed": [failed(entry, "InvalidParameter", sender=True) for entry in bad]}

    faults(fault)
    found = again(scoring)
    assert (found["resent"], found["failed_again"]) == (1, 1)
    assert states(scoring) == {one: "open", other: "resent"}


def test_an_action_that_has_expired_is_not_sent_again(scoring: Scoring, refused: list[Household]) -> None:
    report = handler.account().scoring_run(LINE, scoring.run_id)
    # As of a run whose business clock is real time: by now its actions have expired.
    report.write_report({**report.report(), "instant": "2026-11-22T10:00:00.123456Z"})
    found = again(scoring)
    assert (found["resent"], found["expired"]) == (0, 2)
    assert set(states(scoring).values()) == {"open"}
    assert scoring.received() == []


def test_letters_are_given_up_with_a_reason_and_kept(scoring: Scoring, refused: list[Household]) -> None:
    account = handler.account()
    with pytest.raises(RequestRefused, match="at least 3 characters"):
        discard(account, LINE, scoring.run_id, by="arn:anna", reason=" ", now=NOW)
    found = discard(account, LINE, scoring.run_id, by="arn:anna", reason="the campaign is over", now=NOW)
    assert found["discarded"] == 2
    assert set(states(scoring).values()) == {"discarded"}
    (action,) = account.scoring_run(LINE, scoring.run_id).dead_letter_actions()
    assert (action["by"], action["reason"], action["at"]) == ("arn:anna", "the campaign is over", format_instant(NOW))
    with pytest.raises(RequestRefused, match="it has no open dead letter"):
        again(scoring)
    assert scoring.received() == []


def test_nothing_is_sent_again_while_deliveries_are_paused(scoring: Scoring, refused: list[Household]) -> None:
    pause(handler.account(), LINE, by="arn:anna", reason="closed", now=NOW)
    with pytest.raises(RequestRefused, match="line delivery resume"):
        again(scoring)
    assert set(states(scoring).values()) == {"open"}


def test_dead_letters_of_a_run_of_an_older_version_are_found(scoring: Scoring, refused: list[Household]) -> None:
    prefix = scoring_prefix(LINE, scoring.run_id)
    key = f"{prefix}dead-letters/sns/000000.jsonl"
    scoring.store.write(f"{prefix}dead-letters.jsonl", scoring.store.read(key))
    scoring.store.delete(key)
    found = dead_letters(handler.account(), LINE, scoring.run_id)
    assert [(one.channel, one.message.decision_id) for one in found] == [("sns", row.decision_id) for row in refused]
    assert found[0].described()["expires_at"].startswith("2017-09-05")
