"""Starting and stopping: twice, after a crash, on a taken port, on a full disk; and the state in between."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assembly_line.embedded import supervisor
from assembly_line.embedded.child_processes import free_port
from assembly_line.embedded.extensions import saving
from assembly_line.embedded.processes import (
    ProcessIdentity,
    descendants,
    end,
    identify,
    is_alive,
    mentioning,
    start_detached,
)
from assembly_line.embedded.runtime import Runtime, read_runtime, write_runtime
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.embedded.state_snapshots import restore, snapshot, snapshots
from assembly_line.errors import EmbeddedAwsError
from tests.embedded.embedded_account import EmbeddedAccount, one_state
from tests.waiting import eventually


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / ".line"
    yield folder
    supervisor.stop(folder)


@pytest.fixture
def said() -> list[str]:
    return []


def put(runtime: Runtime, name: str) -> None:
    """Leave something in three services, the SageMaker registry among them."""
    account = EmbeddedAccount(runtime)
    account.client("s3").create_bucket(Bucket=name)
    account.client("s3").put_object(Bucket=name, Key="key", Body=b"content")
    account.client("sqs").create_queue(QueueName=name)
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)


def present(runtime: Runtime, name: str) -> list[bool]:
    account = EmbeddedAccount(runtime)
    buckets = [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]
    groups = account.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    queues = account.client("sqs").list_queues().get("QueueUrls", [])
    return [
        name in buckets and account.client("s3").get_object(Bucket=name, Key="key")["Body"].read() == b"content",
        any(url.endswith(f"/{name}") and str(runtime.emulator_port) in url for url in queues),
        name in [group["ModelPackageGroupName"] for group in groups],
    ]


def ask(runtime: Runtime) -> tuple[str, list[str]]:
    """Have Athena answer with values that are no JSON: the query's id, and the answer."""
    account = EmbeddedAccount(runtime)
    account.client("s3").create_bucket(Bucket="answers")
    query = account.client("athena").start_query_execution(
        QueryString="SELECT DATE '2017-01-09', TIMESTAMP '2017-01-09 05:00:00', CAST(1.5 AS DECIMAL(9,2)), true",
        ResultConfiguration={"OutputLocation": "s3://answers/"},
    )["QueryExecutionId"]
    return query, eventually(lambda: answered(account, query))


def answered(account: EmbeddedAccount, query: str) -> list[str] | None:
    athena = account.client("athena")
    status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    if status["State"] != "SUCCEEDED":
        return None
    (_, row) = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return [cell["VarCharValue"] for cell in row["Data"]]


def kill(identity: ProcessIdentity) -> None:
    os.kill(identity.pid, signal.SIGKILL)
    eventually(lambda: not is_alive(identity))


def test_state_survives_a_clean_stop_even_on_another_port(state: Path, said: list[str]) -> None:
    first = supervisor.start(state, report=said.append)
    put(first, "kept")
    asked, answer = ask(first)
    assert answer == ["2017-01-09", "2017-01-09 05:00:00.000", "1.50", "true"]
    assert supervisor.stop(state).clean
    assert not any(is_alive(identity) for identity in first.processes.values())

    second = supervisor.start(state, report=said.append)
    assert second.emulator_port == first.emulator_port
    assert all(present(second, "kept"))
    assert answered(EmbeddedAccount(second), asked) == answer
    supervisor.stop(state)

    with socket.create_server(("127.0.0.1", first.emulator_port)):
        third = supervisor.start(state, report=said.append)
    assert third.emulator_port != first.emulator_port
    assert all(present(third, "kept"))
    assert any(f"now name port {third.emulator_port}" in line for line in said)


def test_starting_twice_finds_the_running_one(embedded: Runtime, said: list[str]) -> None:
    assert supervisor.start(embedded.root, report=said.append) == embedded
    assert f"already running at {embedded.endpoint_url}" in said[0]
    assert supervisor.running(embedded.root) == embedded


def test_a_taken_port_is_refused_by_number_and_option(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedAwsError, match=rf"port {port} .*--port"):
            supervisor.start(state, port=port, report=lambda _: None)
    assert not supervisor.status(state).running


def test_after_a_crash_the_next_start_says_so_and_begins_anew(state: Path, said: list[str]) -> None:
    crashed = supervisor.start(state, report=said.append, port=free_port())
    put(crashed, "lost")
    busy = EmbeddedAccount(crashed)
    sleeper = busy.function("import time\ndef handle(event, context): time.sleep(60)\n", Timeout=100)
    busy.client("lambda").invoke(FunctionName=sleeper, InvocationType="Event")
    workers = eventually(lambda: mentioning(f"{state}/tmp/"))
    kill(crashed.processes["emulator"])
    assert "is gone" in supervisor.status(state).problems[0]

    again = supervisor.start(state, report=said.append)

    assert not any(is_alive(left) for left in [crashed.processes["sagemaker"], *workers])
    assert any("emulator (process" in line and "is gone" in line for line in said)
    assert any("not closed cleanly" in line for line in said)
    assert list(state.glob("unclean-*"))
    assert present(again, "lost") == [False, False, False]
    assert supervisor.running(state) == again


def test_a_reused_process_id_is_not_taken_for_the_emulator_nor_killed(state: Path, said: list[str]) -> None:
    state.mkdir()
    own = identify(os.getpid())
    assert own
    stranger = ProcessIdentity(pid=own.pid, birth="1")
    stale = Runtime(
        root=state, emulator_port=1, sagemaker_port=2, processes={"emulator": stranger}, started="then", versions={}
    )
    write_runtime(state / "runtime.json", stale)

    assert supervisor.start(state, report=said.append) != stale
    assert any("is gone" in line for line in said)


def test_a_fresh_account_takes_the_place_of_the_old_one_which_is_moved_aside(state: Path, said: list[str]) -> None:
    first = supervisor.start(state, report=said.append)
    put(first, "old")

    second = supervisor.start(state, fresh=True, report=said.append)

    assert not is_alive(first.processes["emulator"])
    assert present(second, "old") == [False, False, False]
    (aside,) = state.glob("kept-*")
    assert [path.read_bytes() for path in aside.rglob("old/key")] == [b"content"]
    assert f"it was moved to {aside}" in said[-1]


def test_interpreters_are_kept_for_as_long_as_it_runs(state: Path, said: list[str]) -> None:
    declared = {"team/churn": sys.executable}

    first = supervisor.start(state, interpreters=declared, report=said.append)

    assert first.interpreters == supervisor.running(state).interpreters == declared
    assert not any("keeps its interpreters" in line for line in said)
    supervisor.start(state, interpreters={"team/churn": "/other"}, report=said.append)
    assert any("keeps its interpreters" in line for line in said)
    environment = Path(f"/proc/{first.processes['sagemaker'].pid}/environ").read_bytes().decode()
    assert f'SAGEMAKER_INTERPRETERS={{"team/churn": "{sys.executable}"}}' in environment
    supervisor.stop(state)
    assert supervisor.start(state, report=said.append).interpreters == {}


def test_a_snapshot_brings_back_what_was(state: Path, said: list[str]) -> None:
    put(supervisor.start(state, report=lambda _: None), "deployed")
    with pytest.raises(EmbeddedAwsError, match="line down"):
        snapshot(state, "deployed")
    supervisor.stop(state)
    snapshot(state, "deployed")
    put(supervisor.start(state, report=lambda _: None), "later")
    supervisor.stop(state)

    restore(state, "deployed", said.append)

    assert "kept-" in said[-1]
    runtime = supervisor.start(state, report=lambda _: None)
    assert snapshots(state) == ["deployed"]
    assert all(present(runtime, "deployed"))
    assert present(runtime, "later") == [False, False, False]
    with pytest.raises(EmbeddedAwsError, match="no snapshot named 'other'; there are: deployed"):
        restore(state, "other", said.append)


@dataclass(frozen=True)
class StoppedWhileBusy:
    """An embedded AWS that was stopped with a function, an execution and an open request going on."""

    state: Path
    outcome: supervisor.Stopped
    said: list[str]
    worker: ProcessIdentity
    execution: str


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoppedWhileBusy]:
    state, said = tmp_path_factory.mktemp("busy") / ".line", list[str]()
    account = EmbeddedAccount(supervisor.start(state, report=said.append))
    name = account.function("import os\ndef handle(event, context): return os.getpid()\n")
    worker = identify(int(account.client("lambda").invoke(FunctionName=name)["Payload"].read()))
    assert worker
    sleeper = account.function("import time\ndef handle(event, context): time.sleep(60)\n", Timeout=100)
    function = f"arn:aws:lambda:us-east-1:000000000000:function:{sleeper}"
    execution = account.start(account.machine(one_state({"Type": "Task", "Resource": function})))
    eventually(lambda: len(account.states.get_execution_history(executionArn=execution)["events"]) > 2)
    with socket.create_connection(("127.0.0.1", account.runtime.emulator_port)) as waiting:
        body = f"Action=ReceiveMessage&QueueUrl={account.queue()[0]}&WaitTimeSeconds=20"
        head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        waiting.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        outcome = supervisor.stop(state, report=said.append)
    yield StoppedWhileBusy(state, outcome, said, worker, execution)
    supervisor.stop(state)


def test_an_open_request_does_not_hold_the_stop(stopped: StoppedWhileBusy) -> None:
    assert stopped.outcome.clean, stopped.outcome.problems


def test_stopping_ends_the_functions_too(stopped: StoppedWhileBusy) -> None:
    assert not is_alive(stopped.worker)


def test_executions_that_a_stop_interrupts_are_named_and_come_back_as_failed(stopped: StoppedWhileBusy) -> None:
    name = stopped.execution.split(":", 6)[-1]
    assert stopped.outcome.cut == (f"execution {name} in Only",)
    heading = "Cut while at work; after the next `line up` these have failed:"
    assert stopped.said == [f"{heading}\n  execution {name} in Only"]

    again = EmbeddedAccount(supervisor.start(stopped.state, report=lambda _: None))
    assert again.end_of(stopped.execution)["error"] == "States.ServiceRestart"


def test_a_start_that_fails_leaves_nothing_behind(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assembly_line.embedded.child_processes.PACKAGE", "assembly_line.nothing")

    with pytest.raises(EmbeddedAwsError, match=r"No module named"):
        supervisor.start(state, report=lambda _: None)

    assert read_runtime(state / "runtime.json") is None
    assert supervisor.stop(state).was_running is False


def test_a_full_disk_is_named(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assembly_line.embedded.state_folder.StateFolder.free_mib", lambda _: 3)

    with pytest.raises(EmbeddedAwsError, match=r"3 MiB are free .* free some space"):
        supervisor.start(state, report=lambda _: None)


def test_where_the_state_has_no_place_it_is_left_running(embedded: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor.require_place_for_state(embedded.root)
    monkeypatch.setattr("assembly_line.embedded.state_folder.StateFolder.free_mib", lambda _: 3)

    with pytest.raises(EmbeddedAwsError, match=r"3 MiB are free .* left running: free some space"):
        supervisor.require_place_for_state(embedded.root)


def test_two_commands_do_not_start_or_stop_at_the_same_time(state: Path) -> None:
    with StateFolder(state).locked(), pytest.raises(EmbeddedAwsError, match="another command"):
        supervisor.start(state, report=lambda _: None)


STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def stubborn(tmp_path: Path) -> ProcessIdentity:
    """A process with a child that does not listen, as an emulator that waits for a custom resource."""
    log = tmp_path / "log"
    started = start_detached([sys.executable, "-c", STUBBORN], environment={}, folder=tmp_path, log=log)
    assert started
    eventually(log.read_text)
    return started


def test_a_process_that_does_not_listen_is_killed_together_with_its_children(stubborn: ProcessIdentity) -> None:
    (child,) = descendants(stubborn)

    assert end([stubborn], patience_seconds=0.2) == [stubborn]
    assert not is_alive(stubborn)
    assert not is_alive(child)


@pytest.mark.parametrize("saved", [True, False])
def test_a_state_that_was_written_whole_is_kept_however_its_writer_ended(
    state: Path, stubborn: ProcessIdentity, monkeypatch: pytest.MonkeyPatch, *, saved: bool
) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE_SECONDS", 30.0 if saved else 0.2)
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.2)
    folder = StateFolder(state)
    folder.services.mkdir(parents=True)
    if saved:
        folder.saved.write_text('{"cut": [], "waiting": []}', encoding="utf-8")
    running = Runtime(
        root=state, emulator_port=1, sagemaker_port=2, processes={"emulator": stubborn}, started="then", versions={}
    )
    write_runtime(folder.runtime, running)

    found = supervisor.stop(state)

    assert not is_alive(stubborn)
    assert (found.clean, folder.clean.exists()) == (saved, saved)
    assert len(found.problems) == (0 if saved else 1)


def test_a_table_that_changes_while_it_is_copied_is_copied_again() -> None:
    answers: list[Any] = [RuntimeError("dictionary changed size during iteration")] * 8 + [{"a": 1}]

    def get_state() -> Any:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    assert saving._copied(get_state) == {"a": 1}


def test_asking_for_a_stopped_one_names_the_command(state: Path) -> None:
    with pytest.raises(EmbeddedAwsError, match="line up"):
        supervisor.running(state)
