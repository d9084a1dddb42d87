"""The ledger's tables in a simulated account: each row once, whatever is compacted, and wherever a compaction dies."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from assembly_line.errors import Conflict, DocumentUnreadable
from assembly_line.features import read_columns
from assembly_line.feedback.history import History, join
from assembly_line.feedback.service.flagged import one_decision
from assembly_line.feedback.service.history import counted
from assembly_line.ledger import compact, opened_decisions
from assembly_line.loader import load_line
from assembly_line.names import LedgerKind, Parameter
from assembly_line.storage import Account
from tests.ledgers import counts_of
from tests.unit.ledger.worlds import IDS, KINDS, decided, said_of, worlds

LINE = "coupon_redemption"
LINES = Path(__file__).parents[3] / "lines"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
COLUMNS = (
    *("decision_id", "revision", "score", "action", "recommended", "delivered", "in_force", "revisions", "backfills"),
    *("overridden", "confirmed", "receipts", "hindsight", "outcome", "outcome_derived", "outcome_known_at", "flags"),
)


class World:
    """A ledger that grows file by file, and everything that was written to it."""

    def __init__(self, account: Account, seed: int, *, arrived: str = "20261129") -> None:
        self.account = account
        self._arrived = arrived
        self.rows: dict[LedgerKind, list[Mapping[str, Any]]] = {kind: [] for kind in KINDS}
        self._random = random.Random(seed)  # noqa: S311 - sizes of files
        self._files = 0

    def grow(self, world: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Write the rows in files of one to three, of days as the line keeps them."""
        for kind, rows in zip(KINDS, world, strict=True):
            waiting = list(rows)
            while waiting:
                some = [waiting.pop() for _ in range(min(len(waiting), self._random.randint(1, 3)))]
                for day in sorted({self._day(kind, row) for row in some}):
                    self._files += 1
                    of_day = [row for row in some if self._day(kind, row) == day]
                    assert self.account.ledger.append(LINE, kind, day, f"f{self._files:04}", of_day)
                self.rows[kind] += some

    def _day(self, kind: LedgerKind, row: Mapping[str, Any]) -> str:
        by_decision = kind in (LedgerKind.PREDICTIONS, LedgerKind.OUTCOMES)
        return str(row["decision_id"][3:11]) if by_decision else self._arrived

    def expected(self) -> History:
        return join(*(self.rows[kind] for kind in KINDS))

    def check(self) -> None:
        """A reader finds what the join by rows finds."""
        expected = self.expected()
        with opened_decisions(self.account, LINE, COLUMNS) as ledger:
            found = ledger.session.decisions(COLUMNS)
            counts = counted(ledger)
        wanted = [{name: one[name] for name in COLUMNS} for one in said_of(expected)]
        assert found == wanted
        assert counts == counts_of(expected)


@pytest.fixture
def account(aws: None) -> Account:
    boto3.client("s3").create_bucket(Bucket="ledger-bucket")
    boto3.client("glue").create_database(DatabaseInput={"Name": "line"})
    names = {Parameter.LEDGER_BUCKET: "ledger-bucket", Parameter.GLUE_DATABASE: "line"}
    return Account(
        "test", new_client=lambda service: boto3.client(cast("Any", service)), named=lambda name: names[Parameter(name)]
    )


def drawn(count: int) -> list[Any]:
    """Worlds that hypothesis draws, the same each time."""
    found: list[Any] = []

    from hypothesis import Phase, given, seed, settings

    @seed(7)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate])
    @given(world=worlds)
    def take(world: Any) -> None:
        found.append(world)

    take()
    return found


def test_readers_find_every_row_once_whatever_was_compacted_before(account: Account) -> None:
    world = World(account, 1)
    for number, rows in enumerate(drawn(8)):
        world.grow(rows)
        world.check()
        if number % 3 == 1:
            assert compact(account, LINE, NOW).files
            world.check()
    compact(account, LINE, NOW)
    assert compact(account, LINE, NOW).files == 0
    world.check()


@pytest.mark.parametrize("arrived", ["20261129", "20250101"], ids=["of late", "long ago"])
def test_a_tail_that_takes_several_steps_is_taken_whole(
    account: Account, monkeypatch: pytest.MonkeyPatch, arrived: str
) -> None:
    """Old days are settled once all of their files are taken, and not while some wait for the next step."""
    monkeypatch.setattr("assembly_line.ledger.service.compacting.STEP_BYTES", 2000)
    world = World(account, 5, arrived=arrived)
    world.grow(drawn(8)[-1])
    files = sum(len(names) for kind in KINDS for names in account.ledger.files(LINE, kind).values())

    assert compact(account, LINE, NOW).files == files
    world.check()
    state, _ = account.compacted(LINE).state()
    assert state.generation > 1


def prediction(identifier: str) -> dict[str, Any]:
    return {
        "decision_id": identifier,
        "decision_time": decided(identifier),
        "revision": 1,
        "keys": {"household_id": 1},
        "score": 0.5,
        "action": "leave",
    }


def override(identifier: str, *, event_id: str = "e1", sequence: int = 1, retracts: bool = False) -> dict[str, Any]:
    at = "2017-08-03T07:00:00.000000Z"
    said = {"event_id": event_id, "sequence": sequence, "retracts": retracts, "action": "remind", "reason": "seen"}
    return {"decision_id": identifier, "kind": "override", "principal": "p", "at": at, "received_at": at, **said}


def test_a_day_that_becomes_again_what_it_was_stays(account: Account) -> None:
    """A retraction leaves the decisions as they were. The file of then is deleted, and not the one of now."""
    world = World(account, 6)
    steps: list[Any] = [
        ([prediction(IDS[0])], [], [], []),
        ([], [], [override(IDS[0])], []),
        ([], [], [override(IDS[0], event_id="e2", sequence=2, retracts=True)], []),
    ]
    for days, rows in enumerate(steps):
        world.grow(rows)
        compact(account, LINE, NOW + timedelta(days=2 * days))
    compact(account, LINE, NOW + timedelta(days=9))
    world.check()


@pytest.mark.parametrize("compacted", [0, 1, 2])
def test_an_id_of_two_statements_about_two_decisions_is_trusted_for_neither(account: Account, compacted: int) -> None:
    """Whoever asks about one decision is told so too, whichever of the statements are compacted."""
    world = World(account, 7)
    first, other = IDS[0], IDS[-1]
    predictions = [prediction(first), prediction(other)]
    steps: list[Any] = [(predictions, [], [override(first)], []), ([], [], [override(other)], [])]
    for number, rows in enumerate(steps):
        world.grow(rows)
        if number < compacted:
            compact(account, LINE, NOW)
    world.check()
    line = load_line(LINES, LINE).line
    shown = [one_decision(account, line, identifier)[0].override for identifier in (first, other)]
    assert shown == [None, None]


@pytest.fixture
def dying(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], list[str]]:
    """Let the process die at its nth call that changes something; `None`: never. Returns the calls made."""
    made: list[str] = []
    limit: list[int | None] = [None]

    class Killed(BaseException):
        pass

    def guard(client: Any, *names: str) -> None:
        for name in names:
            call = getattr(client, name)

            def guarded(*, _call: Any = call, _name: str = name, **given: Any) -> Any:
                if limit[0] is not None and len(made) >= limit[0]:
                    raise Killed(_name)
                made.append(_name)
                return _call(**given)

            monkeypatch.setattr(client, name, guarded)

    guard(account.client("s3"), "put_object", "delete_object")
    guard(account.client("glue"), "create_table", "update_table", "batch_create_partition", "batch_update_partition")

    def die_at(number: int | None) -> list[str]:
        made.clear()
        limit[0] = number
        return made

    account.killed = Killed  # type: ignore[attr-defined]
    return die_at


def test_a_compaction_that_dies_between_any_two_steps_changes_no_answer(
    account: Account, dying: Callable[[int | None], list[str]]
) -> None:
    world = World(account, 2)
    first, second = drawn(8)[-2:]
    world.grow(first)
    compact(account, LINE, NOW)
    world.grow(second)
    died, number = 0, 0
    while True:
        dying(number)
        try:
            compact(account, LINE, NOW)
        except account.killed:  # type: ignore[attr-defined]
            died += 1
        else:
            break
        dying(None)
        world.check()
        number += 1
    dying(None)
    world.check()
    assert died > 10
    glue = account.client("glue")
    state, _ = account.compacted(LINE).state()
    partitions = glue.get_partitions(DatabaseName="line", TableName="coupon_redemption_ledger_decisions")["Partitions"]
    places = {one["Values"][0]: one["StorageDescriptor"]["Location"] for one in partitions}
    assert places == {
        day: account.compacted(LINE).location(part.key) for day, part in state.of_table("decisions").items()
    }


def test_of_two_compactions_at_once_one_holds_and_nothing_is_lost(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(account, 3)
    world.grow(drawn(8)[-1])
    store = type(account.compacted(LINE))
    commit = store.commit
    entered: list[bool] = []

    def late(self: Any, state: Any, tag: str | None) -> bool:
        if not entered:
            entered.append(True)
            compact(account, LINE, NOW)
        return commit(self, state, tag)

    monkeypatch.setattr(store, "commit", late)
    with pytest.raises(Conflict, match="another compaction"):
        compact(account, LINE, NOW)
    world.check()


def test_a_damaged_row_stops_a_compaction_by_name_and_loses_nothing(account: Account) -> None:
    world = World(account, 4)
    world.grow(drawn(8)[-1])
    account.client("s3").put_object(
        Bucket="ledger-bucket",
        Key=f"ledger/{LINE}/outcomes/day=20170801/bad.jsonl",
        Body=b'{"decision_id":"d1-20170801-' + b"0" * 32 + b'","value":1,"run_id":"r"}\n',
    )
    with pytest.raises(DocumentUnreadable, match=r"bad\.jsonl.*as_of: missing"):
        compact(account, LINE, NOW)
    with pytest.raises(ClientError):
        account.client("s3").head_object(Bucket="ledger-bucket", Key=f"tables/{LINE}/state.json")


def test_no_file_has_the_column_that_its_partition_has(account: Account, tmp_path: Path) -> None:
    """A catalog tells the day by the partition. With a second one in the file, a query names two columns alike."""
    world = World(account, 6)
    world.grow(drawn(8)[-1])
    compact(account, LINE, NOW)
    store = account.compacted(LINE)
    state, _ = store.state()
    parts = [part for tables in state.parts.values() for part in tables.values()]

    columns = [set(read_columns(path)) for path in store.fetch(parts, tmp_path / "parts")]

    assert columns
    assert not any("day" in names for names in columns)
