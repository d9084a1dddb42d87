"""Old runs go as declared, and never one that anything refers to: with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

import boto3
import pytest

from assembly_line import Retention
from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.delivery.shards import Shard
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.names import ControlKey, LedgerKind, expired_item, review_item, run_prefix, scoring_prefix
from assembly_line.release import Release
from assembly_line.storage import Account, RunRetention, run_references
from assembly_line.storage.ledger.scoring_runs import ScoringRun
from assembly_line.training import expired, history, record_of
from lambdas.account import account_of
from lambdas.expiry import handler as expiry
from tests.aws.conftest import REGION, empty_account, new_bucket, new_control_table
from tests.aws.training.training_run import call
from tests.champions import a_champion

LINE = "coupon_redemption"
LATER = datetime.now(UTC) + timedelta(days=1)
NUMBERS = count(1)
NAMES = {
    "store-bucket": "store",
    "ledger-bucket": "ledger",
    "control-table": "control",
    "champion-table": "champions",
}


def new_client(service: str) -> Any:
    make: Callable[..., Any] = boto3.client  # its overloads know literals alone
    return make(service, region_name=REGION)


class Registry:
    """The packages of a line. Moto deletes none; tests/embedded/sagemaker/test_registry.py holds the real calls."""

    def __init__(self) -> None:
        self.packages: set[str] = set()

    def discard_package(self, run_id: str) -> None:
        self.packages.discard(run_id)

    def discard_model(self, name: str) -> None:
        assert name.endswith("-model-1")


class World:
    """One line's runs in an account."""

    def __init__(self) -> None:
        s3 = boto3.client("s3", region_name=REGION)
        self.store = new_bucket(s3, "store")
        self.ledger = new_bucket(s3, "ledger")
        s3.put_bucket_versioning(Bucket="store", VersioningConfiguration={"Status": "Enabled"})
        new_control_table()
        new_control_table("champions")
        sfn = boto3.client("stepfunctions", region_name=REGION)
        for name in ("training", "scoring"):
            made = sfn.create_state_machine(
                name=name, definition="{}", roleArn="arn:aws:iam::123456789012:role/machine"
            )
            NAMES[f"{name}-machine"] = made["stateMachineArn"]
        self.sfn = sfn
        self.account = Account("test", new_client=new_client, named=NAMES.__getitem__)
        self.control = self.account.control
        self.registries: dict[str, Registry] = defaultdict(Registry)

    def start(self, run: str, request: str = "{}") -> None:
        self.sfn.start_execution(stateMachineArn=NAMES["training-machine"], name=run, input=request)

    def train(self, run: str, *, line: str = LINE, **record: Any) -> None:
        """Every file and note of a trained run that was rejected."""
        asked = {"author": "anna", "requested_at": "2026-01-01T00:00:00.000000Z"}
        self.control.add_run(line, run, asked)
        prefix = run_prefix(line, run)
        self.store.write_json(f"{prefix}run.json", {"context": {"run_id": run}, **record})
        self.store.write_json(f"{prefix}package.json", {"model_name": f"{run}-model-1"})
        self.store.write(f"{prefix}model/model.tar.gz", b"archive")
        self.registries[line].packages.add(run)
        judged = {"run_id": run, "line": line, "state": "decided", "decision": "reject", "reviewer": "ben"}
        review: dict[str, Any] = {
            **judged,
            "opened_at": "2026-01-01T00:00:00.000000Z",
            "packet": {"metrics": {"auc": 0.5}},
        }
        self.control.add(line, review_item(run), {**review, "author": "anna", "token": "t"})

    def retention(self, line: str = LINE, references: Any = None) -> RunRetention:
        looked = references or (lambda known: run_references(line, self.account, known))
        return RunRetention(self.store, self.control, cast(Any, self.registries[line]), line, looked)

    def whole(self, run: str, line: str = LINE) -> bool:
        prefix = run_prefix(line, run)
        keys = {one.key.removeprefix(prefix) for one in self.store.list(prefix)}
        files = keys == {"run.json", "package.json", "model/model.tar.gz"}
        packet = (self.control.read(line, review_item(run)) or {}).get("packet")
        return files and bool(packet) and run in self.registries[line].packages

    def gone(self, run: str, line: str = LINE) -> bool:
        versions = list(self.store.versions(run_prefix(line, run)))
        packet = (self.control.read(line, review_item(run)) or {}).get("packet")
        kept = versions or packet or run in self.registries[line].packages
        return not kept and self.control.read(line, expired_item(run)) is not None


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with empty_account():
        yield World()


@pytest.fixture
def lines() -> str:
    """The name of a line of its own, so that tests share an account."""
    return f"line_{next(NUMBERS)}"


def decided(verdicts: Sequence[Any]) -> dict[str, tuple[bool, str]]:
    return {verdict.run.run_id: (verdict.kept, verdict.why) for verdict in verdicts}


def test_what_anything_refers_to_stays_with_the_reason_and_the_rest_goes_whole(world: World, lines: str) -> None:
    for run in ("champion", "before", "old", "scored", "repeated", "rejected"):
        world.train(run, line=lines)
    world.train("again", line=lines, replicates="repeated")
    for run, day in (("before", 1), ("champion", 2)):
        promoted = f"2026-01-0{day}T00:00:00.000000Z"
        world.control.promote(lines, replace(a_champion(run), line=lines, promoted_at=promoted))
    row = '{"decision_id": "d1-20260101-0", "model": {"run_id": "scored"}}\n'
    world.ledger.write(f"ledger/{lines}/{LedgerKind.PREDICTIONS}/day=20260101/a.jsonl", row.encode())
    world.start("waits")
    world.train("waits", line=lines)

    found = decided(world.retention(lines).carry_out(cutoff=LATER, keep_last=0))

    kept = {run: why for run, (stays, why) in found.items() if stays}
    assert kept["champion"].startswith("it decides")
    assert kept["champion"].endswith("was not refreshed for longer than runs are kept")
    assert kept["before"].startswith("it was approved, so it may decide again")
    assert kept["scored"] == "the ledger has predictions of its model"
    assert kept["repeated"] == "run again refers to it"
    assert kept["waits"].startswith("it goes on, or waits for its review")
    assert set(found) - set(kept) == {"again", "old", "rejected"}
    assert [run for run in kept if not world.whole(run, lines)] == []
    assert [run for run in ("again", "old", "rejected") if not world.gone(run, lines)] == []
    # The judgement stays, without what it was judged by.
    review = world.control.review(lines, "rejected")
    assert (review["reviewer"], review["decision"], review["packet"]) == ("ben", "reject", {})

    after = decided(world.retention(lines).carry_out(cutoff=LATER, keep_last=0))
    # What only a run that went referred to goes with the next look.
    assert {run for run, (stays, _) in after.items() if not stays} == {"repeated"}


def test_recent_runs_and_the_last_that_trained_stay(world: World, lines: str) -> None:
    for run in ("one", "two"):
        world.train(run, line=lines)

    recent = decided(world.retention(lines).plan(cutoff=LATER - timedelta(days=2), keep_last=0))
    last = decided(world.retention(lines).plan(cutoff=LATER, keep_last=1))

    assert recent == dict.fromkeys(("one", "two"), (True, "it is recent"))
    assert sorted(stays for stays, _ in last.values()) == [False, True]
    assert world.whole("one", lines)
    assert world.whole("two", lines)


def test_scoring_files_go_but_for_messages_that_could_not_be_sent(world: World, lines: str) -> None:
    message = OutboundMessage("d1", 1, "{}", {})
    for run in ("sent", "unsent", "earlier", "settled"):
        world.store.write(f"{scoring_prefix(lines, run)}outbox.jsonl", b"{}")
    files = {run: ScoringRun(world.store, lines, run) for run in ("unsent", "earlier", "settled")}
    for run in ("unsent", "settled"):
        files[run].write_dead_letters(Shard(channel="sns", number=0, count=1, digest=""), [message])
    # As an earlier version left it.
    files["earlier"].write_dead_letters(None, [message])
    files["settled"].write_dead_letter_action("1", {"action": "discarded", "letters": [["sns", "d1", 1]]})

    found = decided(world.retention(lines).carry_out(cutoff=LATER, keep_last=0))

    for run in ("unsent", "earlier"):
        assert found[run] == (True, "it holds messages that could not be sent")
        assert world.store.exists(f"{scoring_prefix(lines, run)}outbox.jsonl")
    for run in ("sent", "settled"):
        assert [one.key for one in world.store.versions(scoring_prefix(lines, run))] == []


def test_a_run_that_is_referred_to_in_the_middle_of_a_round_comes_back_as_it_was(world: World, lines: str) -> None:
    world.train("one", line=lines)
    looks = count()

    def late(_: Collection[str]) -> Mapping[str, Sequence[str]]:
        return {} if next(looks) == 0 else {"one": ["run two refers to it"]}

    found = decided(world.retention(lines, late).carry_out(cutoff=LATER, keep_last=0))

    assert found == {"one": (True, "run two refers to it")}
    assert world.whole("one", lines)


def test_the_command_goes_by_the_declaration_and_history_says_what_has_gone(
    world: World, shipped: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish: Callable[[Release], str] = world.account.releases.publish
    world.control.set_current_release(LINE, publish(shipped))
    with pytest.raises(RequestRefused, match="declares no retention"):
        expired(world.account, LINE, delete=True)

    training = replace(shipped.line.training, retention=Retention(older_than=timedelta(days=90), keep_last=0))
    declared = Release(replace(shipped.line, training=training), shipped.scripts)
    world.control.set_current_release(LINE, publish(declared))
    world.train("run-1")
    assert [run["kept"] for run in expired(world.account, LINE, delete=True)["runs"]] == [True]

    world.retention().carry_out(cutoff=LATER, keep_last=0)

    assert [(run["run_id"], run["state"]) for run in history(world.account, LINE)] == [("run-1", "expired")]
    with pytest.raises(NotFound):
        record_of(world.account, LINE, "run-1")
    assert expired(world.account, LINE, delete=False)["runs"] == []
    assert world.control.read(LINE, ControlKey.CHAMPION) is None


def test_the_function_lets_go_what_its_line_declares_and_tells_how_much(
    world: World, shipped: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = replace(shipped.line.training, retention=Retention(older_than=timedelta(days=90), keep_last=0))
    released = world.account.releases.publish(Release(replace(shipped.line, training=training), shipped.scripts))
    world.control.set_current_release(LINE, released)
    world.train("recent")
    # Its files are gone already, and only the table knows of it.
    world.control.add_run(LINE, "failed", {"author": "anna", "requested_at": "2020-01-01T00:00:00.000000Z"})
    for name, value in {
        "ASSEMBLY_ENVIRONMENT": "test",
        "STORE_BUCKET": "store",
        "LEDGER_BUCKET": "ledger",
        "CONTROL_TABLE": "control",
        "CHAMPION_TABLE": "champions",
        "TRAINING_MACHINE_ARN": NAMES["training-machine"],
    }.items():
        monkeypatch.setenv(name, value)
    account_of.cache_clear()

    answer = call(expiry.expire, {"line": LINE})

    account_of.cache_clear()
    assert answer["gone"] == 1
    assert world.control.read(LINE, expired_item("failed")) is not None
    assert world.whole("recent")
    assert call_again(world) == []


def call_again(world: World) -> list[str]:
    found = expired(world.account, LINE, delete=True)["runs"]
    return [run["run_id"] for run in found if not run["kept"]]
