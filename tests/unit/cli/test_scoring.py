"""What `score` asks before it starts, and how `score`, `logs` and `decision` tell what was kept aside or flagged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from assembly_line.cli import scoring
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.output import Output
from assembly_line.cli.target import Target
from assembly_line.cli.views.deliveries import draw_outcomes, draw_scored
from assembly_line.delivery.answers import Reason
from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.delivery.run_standing import Backfill
from assembly_line.delivery.service.kept_aside import described
from assembly_line.delivery.service.scoring import kept_aside
from assembly_line.delivery.shards import Shard
from assembly_line.errors import DocumentUnreadable
from assembly_line.feedback.service.flagged import BACKFILLS, explained
from assembly_line.loader import load_line
from assembly_line.names import ControlKey, LedgerKind, dataset_prefix, decided_item, delivered_item
from assembly_line.stations import SCORING
from tests.champions import a_champion
from tests.ledgers import JoinedLedger
from tests.manifests import a_manifest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Answer, Command

PROJECT = Path(__file__).parents[3]
LINE = "coupon_redemption"
LEARNT_FROM = "ds-" + "0" * 32
RUN = "coupon-redemption-score-20170712-0"
SCORE = ("score", LINE, "--date", "2017-07-12", "--no-wait", "--json")
BEFORE = {"run_id": RUN, "from": "2017-07-12T04:00:00.000000Z", "to": "2017-07-13T04:00:00.000000Z"}
AT = "2017-07-12T04:00:00.000000Z"


@pytest.fixture
def champion(target: Target) -> Target:
    """A released line whose champion knows what was known on 1 July."""
    release = target.releases.publish(load_line(PROJECT / "lines", LINE))
    target.control.set_current_release(LINE, release)
    target.control.write(LINE, ControlKey.CHAMPION, a_champion("r", dataset_id=LEARNT_FROM, release=release).to_json())
    target.store.write_json(
        f"{dataset_prefix(LINE, LEARNT_FROM)}manifest.json", a_manifest(as_of="2017-07-01T00:00:00Z").to_json()
    )
    return target


@pytest.fixture
def scored(champion: Target) -> Target:
    """The day was scored and delivered before."""
    champion.control.write(LINE, delivered_item(BEFORE["to"], RUN), {**BEFORE, "instant": AT})
    champion.control.write(LINE, decided_item(AT, RUN), {**BEFORE, "instant": AT})
    return champion


def request_of(target: Target, answer: Answer) -> dict[str, Any]:
    assert answer.code == ExitCode.OK, answer.err
    found: dict[str, Any] = target.machines.describe(json.loads(answer.out)["execution_arn"]).request
    return found


def test_a_day_is_a_day_of_the_line_and_a_replay_declares_its_instant(champion: Target, line: Command) -> None:
    request = request_of(champion, line(*SCORE, "--at", "2017-07-12"))

    assert (request["from"], request["to"]) == (BEFORE["from"], BEFORE["to"])
    assert request["at"] == BEFORE["from"]
    assert not {"again", "deliver_backfill"} & set(request)


def test_a_past_day_without_an_instant_is_refused_before_anything_starts(champion: Target, line: Command) -> None:
    answer = line(*SCORE)
    assert answer.code == ExitCode.REFUSED
    assert "such as at=2017-07-13T04:00:00.000000Z (`line score --at`)" in answer.err


def test_a_champion_of_other_keys_is_refused_before_anything_starts(champion: Target, line: Command) -> None:
    learnt = load_line(PROJECT / "lines", LINE)
    decision = replace(learnt.line.decision, entities=learnt.line.decision.entities[::-1])
    released = replace(learnt, line=replace(learnt.line, decision=decision))
    champion.control.set_current_release(LINE, champion.releases.publish(released))

    answer = line(*SCORE, "--at", AT)

    assert (answer.code, champion.machines.recent(champion.named(SCORING.parameter))) == (ExitCode.REFUSED, [])
    assert f"champion r: it learnt release {learnt.digest[:12]} with keys household_id (int64), camp" in answer.err


def test_the_same_day_again_is_refused_where_nobody_can_be_asked(scored: Target, line: Command) -> None:
    answer = line(*SCORE, "--at", AT)
    assert answer.code == ExitCode.REFUSED
    assert f"delivered before, by run {RUN}" in answer.err
    assert "--again" in answer.err

    assert request_of(scored, line(*SCORE, "--at", AT, "--again"))["again"] is True


@pytest.mark.parametrize("yes", [True, False])
def test_somebody_at_a_terminal_is_asked(
    scored: Target, line: Command, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return yes

    monkeypatch.setattr(scoring, "_somebody_is_there", lambda _: True)
    monkeypatch.setattr(typer, "confirm", confirm)

    answer = line(*SCORE, "--at", AT)

    assert asked == ["Deliver them anew?"]
    assert f"Decisions of this period were delivered before, by run {RUN}" in answer.err
    if yes:
        assert request_of(scored, answer)["again"] is True
    else:
        assert answer.code == ExitCode.OK
        assert "Nothing was started." in answer.err


def test_a_backfill_is_said_before_it_starts_and_asks_for_nothing(scored: Target, line: Command) -> None:
    answer = line(*SCORE, "--at", "2017-07-01")

    assert request_of(scored, answer)["at"] == "2017-07-01T04:00:00.000000Z"
    assert f"This run is a backfill: run {RUN} scored the line at {AT} already" in answer.err
    assert "delivers nothing; --deliver-backfill delivers it" in answer.err


def test_again_does_not_deliver_a_backfill_and_that_is_said(scored: Target, line: Command) -> None:
    answer = line(*SCORE, "--at", "2017-07-01", "--again")

    assert "--again alone changes nothing" in answer.err


def test_what_is_refused_was_not_announced_as_delivered(scored: Target, line: Command) -> None:
    answer = line(*SCORE, "--at", "2017-07-01", "--deliver-backfill")

    assert answer.code == ExitCode.REFUSED
    assert "delivered as you asked" not in answer.err


def kept(number: int, reason: Reason, detail: str) -> dict[str, Any]:
    return {
        "station": "delivery",
        "line": LINE,
        "run_id": RUN,
        "decision_id": f"d1-20170712-{number:032x}",
        "reason": str(reason),
        "detail": detail,
    }


KEPT = (
    kept(1, Reason.UNSENDABLE, "key household_id is None, expected an integer, a string or a boolean"),
    kept(2, Reason.OUT_OF_RANGE, "score '1.5' is outside [0, 1]"),
)


def quarantine(target: Target, rows: Sequence[Mapping[str, Any]]) -> None:
    target.scoring_run(LINE, RUN).write_quarantine([dict(row) for row in rows])
    target.ledger.append(LINE, LedgerKind.QUARANTINE, "20170712", RUN, rows)


@pytest.mark.parametrize("others", [0, 3])
def test_outcomes_name_decisions_of_other_keys_only_where_there_are_some(
    others: int, capsys: pytest.CaptureFixture[str]
) -> None:
    output = {"line": LINE, "mature": 5, "immature": 2, "other_keys": others, "why_immature": "no horizon has an end"}
    Output(machine_readable=False).result({}, draw_outcomes(output))

    shown = " ".join(capsys.readouterr().out.split())
    assert ("other keys than the line declares now 3" in shown) == bool(others)
    assert "why immature no horizon has an end" in shown


def test_a_run_names_the_decisions_that_it_kept_aside_and_what_to_do(
    champion: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    quarantine(champion, KEPT)
    output = {"line": LINE, "run_id": RUN, "offered": 9, "quarantined": 2}

    more = kept_aside(champion, output)
    Output(machine_readable=False).result({}, draw_scored({**output, **more}))

    assert kept_aside(champion, {**output, "quarantined": 0}) == {}
    shown = " ".join(capsys.readouterr().out.split())
    for row in KEPT:
        assert row["decision_id"] in shown
    assert "key household_id is None" in shown
    assert "message_invalid: correct the row of the source and load it; then score again with --again" in shown
    assert f"line decision list {LINE} --quarantined --run {RUN}" in shown


def test_logs_of_a_scoring_run_name_what_it_kept_aside(champion: Target, line: Command) -> None:
    quarantine(champion, KEPT)
    champion.machines.start(champion.parameters.value(SCORING.parameter), RUN, {"line": LINE})

    told = json.loads(line("logs", RUN, "--json").out)

    assert [(row["decision_id"], row["reason"]) for row in told["kept_aside"]] == [
        (row["decision_id"], row["reason"]) for row in KEPT
    ]
    assert "score '1.5' is outside [0, 1]" in " ".join(line("logs", RUN).out.split())


def ledger_of_one_flag(target: Target) -> str:
    """One decision, whose reported outcome another derivation contradicts."""
    identifier = f"d1-20170712-{7:032x}"
    prediction = {
        "decision_id": identifier,
        "revision": 1,
        "decision_time": AT,
        "keys": {"household_id": 7, "campaign_id": 13},
        "action": "remind",
        "score": 0.25,
        "issued_at": AT,
        "expires_at": "2017-08-09T04:00:00.000000Z",
        "run_id": RUN,
    }
    ledger = target.ledger
    ledger.append(LINE, LedgerKind.PREDICTIONS, "20170712", RUN, [prediction])
    sent = {"decision_id": identifier, "revision": 1, "status": "delivered", "at": AT}
    ledger.append(LINE, LedgerKind.DELIVERIES, "20261129", f"{RUN}-000000", [sent])
    for number in (0, 1):
        row = {"decision_id": identifier, "value": number, "mature_at": "2017-08-14T04:00:00.000000Z"}
        derived = {**row, "as_of": f"2017-0{8 + number}-20T00:00:00.000000Z", "run_id": f"o{number}"}
        ledger.append(LINE, LedgerKind.OUTCOMES, "20170712", f"o{number}", [derived])
    return identifier


def test_decisions_that_are_flagged_or_kept_aside_are_listed_with_the_reason(champion: Target, line: Command) -> None:
    quarantine(champion, KEPT)
    identifier = ledger_of_one_flag(champion)

    both = json.loads(line("decision", "list", LINE, "--json").out)
    of_another_run = json.loads(line("decision", "list", LINE, "--run", "another", "--json").out)
    only_flagged = json.loads(line("decision", "list", LINE, "--flagged", "--json").out)

    assert [row["decision_id"] for row in both["quarantined"]] == [row["decision_id"] for row in KEPT]
    assert all(row["what_to_do"] for row in (*both["quarantined"], *both["flagged"]))
    (flag,) = both["flagged"]
    assert (flag["decision_id"], flag["flag"]) == (identifier, "derived_outcome_changed")
    assert flag["keys"] == {"household_id": 7, "campaign_id": 13}
    assert (only_flagged["quarantined"], only_flagged["flagged"]) == ([], [flag])
    assert (of_another_run["quarantined"], of_another_run["flagged"]) == ([], [])
    text = " ".join(line("decision", "list", LINE).out.split())
    assert "the source gave another outcome later; the first one counts" in text
    assert "No decision is quarantined or flagged." in line("decision", "list", LINE, "--run", "another").out
    one_kind = line("decision", "list", LINE, "--quarantined", "--run", "another").out
    assert "No decision is quarantined." in one_kind


def test_a_decision_tells_its_story(champion: Target, line: Command) -> None:
    identifier = ledger_of_one_flag(champion)

    told = json.loads(line("decision", "show", LINE, identifier, "--json").out)
    text = " ".join(line("decision", "show", LINE, identifier).out.split())

    assert (told["in_force"], told["delivered"], told["outcome"], told["action"]) == (True, True, 0, "remind")
    assert "Revision 1, the only one, in force: its outcome judges it" in text
    assert line("decision", "show", LINE, f"d1-20170712-{8:032x}").code == ExitCode.REFUSED
    assert "is no decision id" in line("decision", "show", LINE, "seven").err


def test_a_decision_is_shown_by_as_few_keys_as_are_enough(champion: Target, line: Command) -> None:
    identifier = ledger_of_one_flag(champion)
    row = next(iter(champion.ledger.read(LINE, LedgerKind.PREDICTIONS)))
    other = {**row, "decision_id": f"d1-20170712-{9:032x}", "keys": {"household_id": 9, "campaign_id": 13}}
    champion.ledger.append(LINE, LedgerKind.PREDICTIONS, "20170712", "other", [other])

    for named in ("household_id=7", "campaign_id=13,household_id=7"):
        assert json.loads(line("decision", "show", LINE, named, "--json").out)["decision_id"] == identifier
    several = line("decision", "show", LINE, "campaign_id=13")
    assert several.code == ExitCode.REFUSED
    assert "2 decisions have these keys; say which by its id, by more keys, or by its time (--at):" in several.err
    assert f"{identifier} (campaign_id=13,household_id=7 at {row['decision_time']}, delivered)" in several.err
    assert "'store' is no key of it; expected some of household_id, campaign_id" in " ".join(
        line("decision", "show", LINE, "store=1").err.split()
    )
    assert "has no prediction of household_id=8" in line("decision", "show", LINE, "household_id=8").err


def test_keys_that_recur_name_the_latest_decision_that_was_delivered(champion: Target, line: Command) -> None:
    identifier = ledger_of_one_flag(champion)
    row = next(iter(champion.ledger.read(LINE, LedgerKind.PREDICTIONS)))
    later = {"decision_id": f"d1-20171112-{9:032x}", "decision_time": "2017-11-12T04:00:00.000000Z"}
    champion.ledger.append(
        LINE, LedgerKind.PREDICTIONS, "20171112", "withheld", [{**row, **later, "backfill": ["earlier_instant"]}]
    )

    def shown(*words: str) -> str:
        return str(json.loads(line("decision", "show", LINE, "household_id=7", *words, "--json").out)["decision_id"])

    assert shown() == identifier
    assert shown("--at", "2017-11-12") == shown("--at", "2017-11-12T05:00:00+01:00") == later["decision_id"]
    assert shown("--at", row["decision_time"]) == identifier
    assert line("decision", "show", LINE, "household_id=7", "--at", "2017-11-13").code == ExitCode.REFUSED
    text = " ".join(line("decision", "show", LINE, "household_id=7", "--at", row["decision_time"]).out.split())
    assert f"Others {later['decision_id']} (campaign_id=13,household_id=7 at" in text
    assert f"{later['decision_time']}, not delivered, a backfill)" in text


@pytest.mark.parametrize("reason", [*Backfill])
def test_a_backfill_is_shown_as_one_with_its_reason(champion: Target, line: Command, reason: Backfill) -> None:
    identifier = ledger_of_one_flag(champion)
    row = next(iter(champion.ledger.read(LINE, LedgerKind.PREDICTIONS)))
    later = {**row, "revision": 2, "score": 0.99, "backfill": [str(reason)]}
    champion.ledger.append(LINE, LedgerKind.PREDICTIONS, "20170712", "later", [later])

    told = json.loads(line("decision", "show", LINE, identifier, "--json").out)
    text = " ".join(line("decision", "show", LINE, identifier).out.split())

    assert told["backfills"] == {"2": [str(reason)]}
    assert f"revision 2, which never decides: {BACKFILLS[reason]}" in text
    assert "1, one of 2, in force" in text


@pytest.mark.parametrize("reason", [*Reason])
def test_each_reason_of_a_score_has_an_advice(reason: Reason) -> None:
    assert described(kept(1, reason, "x"))["what_to_do"]


@pytest.mark.parametrize("reason", ["undeclared_action", "undeclared_outcome"])
def test_each_reason_of_feedback_has_an_advice(reason: str) -> None:
    row = {"decision_id": "d", "station": "feedback", "event_id": "e", "reason": reason, "detail": "x"}
    assert described(row)["what_to_do"]


def test_a_reason_that_nobody_knows_is_an_error_and_not_anothers_advice() -> None:
    row = {"decision_id": "d", "station": "feedback", "event_id": "e", "reason": "rumour", "detail": "x"}
    with pytest.raises(DocumentUnreadable, match="'rumour': expected undeclared_action"):
        described(row)
    with pytest.raises(DocumentUnreadable, match="'rumour': expected action_expired"):
        described({**row, "station": "delivery"})


@pytest.mark.parametrize("kind", ["override", "outcome", "receipt"])
@pytest.mark.parametrize(
    ("at", "problem"),
    [("2007-01-01T00:00:00Z", "before_decision"), ("2036-01-01T00:00:00Z", "clock_ahead")],
)
def test_each_impossible_clock_is_explained(kind: str, at: str, problem: str) -> None:
    identifier = f"d1-20170712-{7:032x}"
    row = {"decision_id": identifier, "revision": 1, "decision_time": AT, "keys": {"household_id": 7}, "action": "a"}
    content = {"action": "b", "reason": "c", "value": 1, "revision": 1, "status": "applied"}
    said = {"kind": kind, "event_id": "e", "decision_id": identifier, "sequence": 1, "at": at, "retracts": False}
    came = {"received_at": "2026-11-22T00:00:00Z", "principal": "p", "sender": "p", "message_id": "m"}

    (found,) = JoinedLedger([row], [], [{**said, **content, **came}], []).decisions(["flags"])

    assert found["flags"] == [f"{kind}_{problem}"]
    assert kind in explained(found["flags"][0])["detail"]


def test_deliveries_are_paused_with_a_reason_and_resumed(line: Command, champion: Target) -> None:
    found = line("delivery", "pause", LINE, "--reason", "the desk is closed", "--json")
    assert (found.code, json.loads(found.out)["paused"]) == (ExitCode.OK, True)
    assert json.loads(found.out)["by"] == champion.caller()
    again = line("delivery", "pause", LINE, "--reason", "the desk is closed")
    assert again.code == ExitCode.REFUSED
    assert f"line delivery resume {LINE}" in again.err
    assert f"`line delivery resume {LINE}` lets them leave" in " ".join(line("status").out.split())
    assert line("delivery", "resume", LINE, "--json").out.count('"paused": false') == 1
    assert "lets them leave" not in line("status").out
    assert "nothing to resume" in line("delivery", "resume", LINE).err
    assert line("delivery", "pause", "unknown", "--reason", "because").code == ExitCode.REFUSED


def test_dead_letters_are_listed_sent_again_and_given_up(line: Command, champion: Target) -> None:
    body = json.dumps({"decision_id": "d-1", "expires_at": "2017-08-09T00:00:00Z"})
    files = champion.scoring_run(LINE, RUN)
    letter = OutboundMessage("d-1", 1_499_832_000_000_000, body, {"line": LINE})
    files.write_dead_letters(Shard(channel="sns", number=0, count=1, digest=""), [letter])
    files.write_report({"instant": AT})
    (found,) = json.loads(line("delivery", "dead-letters", "list", LINE, RUN, "--json").out)
    assert (found["decision_id"], found["channel"], found["state"]) == ("d-1", "sns", "open")
    shown = line("delivery", "dead-letters", "list", LINE, RUN).out
    assert "d-1" in shown and "open" in shown
    # Its action has expired by now, in real time.
    assert json.loads(line("delivery", "dead-letters", "resend", LINE, RUN, "--json").out)["expired"] == 1
    given_up = line("delivery", "dead-letters", "discard", LINE, RUN, "--reason", "too late", "--json")
    assert json.loads(given_up.out)["discarded"] == 1
    again = line("delivery", "dead-letters", "resend", LINE, RUN)
    assert again.code == ExitCode.REFUSED
    assert "it has no open dead letter" in again.err
    nobody = line("delivery", "dead-letters", "list", LINE, "another")
    assert (nobody.code, "has no scoring run 'another'" in nobody.err) == (ExitCode.REFUSED, True)
