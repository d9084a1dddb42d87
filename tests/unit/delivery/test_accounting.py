"""Every decision of a batch is accounted for by its id: delivered by all channels, kept aside, or dead-lettered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.delivery.accounting import Accounting, accounting
from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.delivery.report import DeliveryRecord, DeliveryReport
from assembly_line.documents import document_of, read_document
from assembly_line.errors import ScoringFailed
from assembly_line.names import DeliveryStatus

DELIVERED, DEAD = DeliveryStatus.DELIVERED, DeliveryStatus.DEAD_LETTERED
Sent = tuple[OutboundMessage, DeliveryRecord]


def message(decision_id: str, status: DeliveryStatus = DELIVERED, *, channel: str = "sns") -> Sent:
    dead = status == DEAD
    row = {
        "line": "churn",
        "run_id": "run-1",
        "decision_id": decision_id,
        "revision": 1,
        "status": status,
        "reason": "Refused" if dead else None,
        "message_id": None if dead else "m",
        "at": "2026-11-01T00:00:00.000000Z",
        "sent_at": "2026-11-01T00:00:00.000000Z",
        "channel": channel,
    }
    found = read_document(DeliveryRecord, row)
    assert document_of(found) == row
    return OutboundMessage(decision_id, 1, "{}", {}), found


def aside(*ids: str) -> list[dict[str, str]]:
    return [{"decision_id": one, "reason": "two_scores"} for one in ids]


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounting]:
    with accounting(tmp_path) as opened:
        yield opened


def test_a_row_of_a_version_with_one_channel_is_of_that_channel() -> None:
    row = document_of(message("d")[1])
    del row["channel"]
    assert read_document(DeliveryRecord, row).channel == "sns"


FATES = st.sampled_from(["aside", DELIVERED, DEAD])


@given(st.lists(st.tuples(FATES, FATES), max_size=12), st.lists(st.integers(0, 11), max_size=5))
def test_a_report_adds_up_as_sets_of_ids_do(fates: list[tuple[str, str]], again: list[int]) -> None:
    ids = [f"d-{number}" for number in range(len(fates))]
    told = dict(zip(ids, fates, strict=True))
    kept = {one for one, (first, _) in told.items() if first == "aside"}
    sns, files = (
        {
            one: DELIVERED if fate[place] == "aside" else DeliveryStatus(fate[place])
            for one, fate in told.items()
            if one not in kept
        }
        for place in (0, 1)
    )
    with TemporaryDirectory() as folder, accounting(Path(folder)) as accounts:
        accounts.ask([*ids, *(ids[number] for number in again if number < len(ids))])
        accounts.keep_aside(aside(*kept))
        for channel, statuses in (("sns", sns), ("files", files)):
            accounts.channel(channel)
            accounts.take(channel, [message(one, status, channel=channel) for one, status in statuses.items()])
        report = accounts.report()
    dead = {one for one in sns if DEAD in (sns[one], files[one])}
    assert (report.offered, report.quarantined) == (len(ids), len(kept))
    assert (report.delivered, report.dead_lettered) == (len(set(ids) - kept - dead), len(dead))
    assert sum(report.reasons.values()) == len(kept) + len(dead)
    for name, statuses in (("sns", sns), ("files", files)):
        of_channel = report.channels[name]
        assert of_channel.delivered == sum(status == DELIVERED for status in statuses.values())
        assert of_channel.dead_lettered == sum(status == DEAD for status in statuses.values())


def test_a_decision_is_delivered_once_every_channel_has_it(accounts: Accounting) -> None:
    accounts.ask(["a", "b", "c"])
    for channel, statuses in (("sns", (DELIVERED, DEAD, DELIVERED)), ("files", (DEAD, DELIVERED, DELIVERED))):
        told = zip("abc", statuses, strict=True)
        accounts.take(channel, [message(one, status, channel=channel) for one, status in told])
    report = accounts.report()
    assert (report.delivered, report.dead_lettered, report.reasons) == (1, 2, {"Refused": 2})
    fates = {"delivered": 2, "dead_lettered": 1}
    assert report.to_json()["channels"] == {"sns": fates, "files": fates}
    assert "unsent" not in report.to_json()


def broken(accounts: Accounting, *, asked: str = "abc", kept: str = "", sent: Iterable[Sent] = ()) -> DeliveryReport:
    accounts.ask(asked)
    accounts.keep_aside(aside(*kept))
    accounts.channel("sns")
    accounts.take("sns", sent)
    return accounts.report()


def test_a_decision_that_nobody_sent_is_named(accounts: Accounting) -> None:
    with pytest.raises(ScoringFailed, match=r"^1 decisions are accounted for nowhere by channel sns: b; .*redrive"):
        broken(accounts, sent=[message("a"), message("c")])


def test_of_many_lost_decisions_some_are_named(accounts: Accounting) -> None:
    with pytest.raises(ScoringFailed, match=r"^9 decisions are accounted for nowhere .*: a, b, c, d, e, \.\.\.;"):
        broken(accounts, asked="abcdefghi")


def test_a_decision_that_nobody_asked_about_is_named(accounts: Accounting) -> None:
    with pytest.raises(ScoringFailed, match=r"1 decisions were sent and never asked about: x;"):
        broken(accounts, sent=[message(one) for one in "abcx"])


def test_a_decision_that_was_kept_aside_and_sent_is_named(accounts: Accounting) -> None:
    with pytest.raises(ScoringFailed, match=r"1 decisions were sent and kept aside: a;"):
        broken(accounts, kept="a", sent=[message(one) for one in "abc"])


@pytest.mark.parametrize("kept", ["aa", "x"])
def test_a_decision_is_kept_aside_once_and_is_one_of_the_batch(accounts: Accounting, kept: str) -> None:
    with pytest.raises(ScoringFailed, match=rf"decision {kept[-1]} was kept aside \(two_scores\)"):
        broken(accounts, kept=kept)


def test_one_decision_twice_in_an_outbox_is_named(accounts: Accounting) -> None:
    with pytest.raises(ScoringFailed, match="channel sns: the outbox has decision b twice"):
        broken(accounts, sent=[message("a"), message("b"), message("b"), message("c")])


def test_one_decision_in_two_shards_is_named(accounts: Accounting) -> None:
    accounts.take("sns", [message("a"), message("b")])
    with pytest.raises(ScoringFailed, match="channel sns: the outbox has decision b twice"):
        broken(accounts, sent=[message("c"), message("b")])


def test_a_record_of_another_decision_than_its_message_is_refused(accounts: Accounting) -> None:
    told, _ = message("a")
    with pytest.raises(ScoringFailed, match="record of decision a is about b by sns"):
        broken(accounts, sent=[(told, message("b")[1])])


def test_a_record_of_another_channel_is_refused(accounts: Accounting) -> None:
    with pytest.raises(ScoringFailed, match="record of decision a is about a by files"):
        broken(accounts, sent=[message("a", channel="files")])


def test_what_is_withheld_is_offered_to_nobody(accounts: Accounting) -> None:
    accounts.ask("abc")
    accounts.keep_aside(aside("a"))
    accounts.channel("sns")
    report = accounts.report(withheld=True)
    assert (report.offered, report.withheld, report.quarantined, report.delivered) == (1, 2, 1, 0)
    accounts.take("sns", [message("b")])
    with pytest.raises(ScoringFailed, match="although the run is withheld: b"):
        accounts.report(withheld=True)


def test_what_is_still_unsent_is_counted_and_what_is_lost_beside_it_is_not_hidden(accounts: Accounting) -> None:
    accounts.ask("abcd")
    accounts.take("sns", [message("a"), message("b", DEAD)])
    report = accounts.report(unsent={"sns": 2})
    assert (report.offered, report.delivered, report.dead_lettered, report.unsent) == (4, 1, 1, 2)
    with pytest.raises(ScoringFailed, match="2 decisions are accounted for nowhere"):
        accounts.report(unsent={"sns": 1})


def test_numbers_that_do_not_add_up_are_no_report() -> None:
    with pytest.raises(ScoringFailed, match="2 decisions were offered but 1 are accounted for"):
        DeliveryReport(offered=2, delivered=1, quarantined=0, dead_lettered=0, reasons={}, channels={})
