"""Executions that wait when the embedded AWS is stopped wait on after the next start: nothing fails or runs again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assembly_line.embedded import supervisor
from assembly_line.errors import RequestRefused
from tests.embedded.embedded_account import EmbeddedAccount, one_state
from tests.embedded.emulator.test_tasks import ask_by_queue, token_of
from tests.waiting import eventually

COUNTS = "def handle(event, context): return {'seen': event['n'] + 1}\n"


def send(queue: str) -> dict[str, Any]:
    """A task that leaves a message: one for each time that it ran."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": queue, "MessageBody": "ran"},
        "Next": "Ask",
    }


def asking(queue: str, marks: str, *, after: str, **limits: Any) -> dict[str, Any]:
    """A machine that does something, waits for a token, and uses what it knew before together with the answer."""
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Know",
        "States": {
            "Know": {"Type": "Pass", "Assign": {"known": "{% $states.input.n %}", "none": None}, "Next": "Do"},
            "Do": {**send(marks), "Next": "Ask"},
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Arguments": {
                    "QueueUrl": queue,
                    "MessageBody": "{% $string({'token': $states.context.Task.Token}) %}",
                },
                "Retry": [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                "Assign": {"answer": "{% $states.result %}"},
                "Next": "Use",
                **limits,
            },
            "Use": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": after, "Payload": {"n": "{% $known %}"}},
                "Output": "{% {'answer': $answer, 'seen': $states.result.Payload.seen, 'none': $none,"
                " 'given': $states.context.Execution.Input, 'entered': $states.context.Execution.StartTime} %}",
                "End": True,
            },
        },
    }


@dataclass(frozen=True)
class Restarted:
    """An embedded AWS that was stopped while executions waited, and started again."""

    account: EmbeddedAccount
    outcome: supervisor.Stopped
    said: list[str]
    queue: str
    marks: str
    executions: dict[str, str]
    tokens: dict[str, str]
    before: dict[str, list[str]]

    def history(self, name: str) -> list[str]:
        return kinds(self.account, self.executions[name])


def kinds(account: EmbeddedAccount, execution: str) -> list[str]:
    return [event["type"] for event in account.states.get_execution_history(executionArn=execution)["events"]]


def status(account: EmbeddedAccount, execution: str) -> str:
    return str(account.states.describe_execution(executionArn=execution)["status"])


def messages(account: EmbeddedAccount, queue: str) -> int:
    found = account.client("sqs").get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )
    return sum(map(int, found["Attributes"].values()))


def at_home(account: EmbeddedAccount, queue: str) -> str:
    """The same queue, wherever the emulator listens now."""
    return f"{account.runtime.endpoint_url}/{queue.split('/', 3)[-1]}"


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    state, said = tmp_path_factory.mktemp("waiting") / ".line", list[str]()
    account = EmbeddedAccount(supervisor.start(state, report=said.append))
    queue, marks = account.queue()[0], account.queue()[0]
    machine = account.machine(asking(queue, marks, after=account.function(COUNTS)))
    parent = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": machine, "Name": "child", "Input": {"n": 40}},
        "TimeoutSeconds": 300,
    }
    executions, tokens = {}, {}
    for name in ("alone", "refused", "again"):
        executions[name] = account.start(machine, {"n": 1})
        tokens[name] = token_of(account.receive(queue)[0])
    executions["parent"] = account.start(account.machine(one_state(parent)))
    executions["child"] = executions["alone"].rpartition(":")[0] + ":child"
    tokens["child"] = token_of(account.receive(queue)[0])
    executions["sleeper"] = account.start(account.machine(one_state({"Type": "Wait", "Seconds": 5})))
    executions["late"] = account.start(account.machine(one_state(ask_by_queue(queue, TimeoutSeconds=2))))
    account.receive(queue)
    both = {"Type": "Parallel", "Branches": [one_state(ask_by_queue(queue)), one_state({"Type": "Wait", "Seconds": 5})]}
    executions["branches"] = account.start(account.machine(one_state(both)))
    tokens["branches"] = token_of(account.receive(queue)[0])
    eventually(lambda: kinds(account, executions["branches"]).count("WaitStateEntered") == 1)
    before = {name: kinds(account, execution) for name, execution in executions.items()}
    outcome = supervisor.stop(state, interrupt=False, report=said.append)
    account = EmbeddedAccount(supervisor.start(state, report=said.append))
    queue, marks = at_home(account, queue), at_home(account, marks)
    yield Restarted(account, outcome, said, queue, marks, executions, tokens, before)
    supervisor.stop(state)


def test_what_waits_is_named_and_nothing_is_said_to_be_cut(restarted: Restarted) -> None:
    names = {name: execution.split(":", 6)[-1] for name, execution in restarted.executions.items()}

    assert (restarted.outcome.clean, restarted.outcome.cut) == (True, ())
    assert restarted.said == ["\n  ".join(["After the next `line up` these go on:", *restarted.outcome.waiting])]
    assert {f"execution {names[name]} in {state}" for name, state in {"alone": "Ask", "parent": "Only"}.items()} <= {
        *restarted.outcome.waiting
    }


def test_an_execution_goes_on_with_what_it_knew_when_its_old_token_is_answered(restarted: Restarted) -> None:
    account, execution = restarted.account, restarted.executions["alone"]
    assert status(account, execution) == "RUNNING"

    account.states.send_task_success(taskToken=restarted.tokens["alone"], output='{"decision": "approve"}')

    end = account.end_of(execution)
    assert json.loads(end["output"]) == {
        "answer": {"decision": "approve"}, "seen": 2, "none": None, "given": {"n": 1},
        "entered": json.loads(end["output"])["entered"],
    }  # fmt: skip
    assert restarted.history("alone") == [
        *restarted.before["alone"], "TaskSucceeded", "TaskStateExited",
        "TaskStateEntered", "TaskScheduled", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip


def test_what_was_done_before_the_stop_is_not_done_again(restarted: Restarted) -> None:
    assert messages(restarted.account, restarted.marks) == 4  # one for each execution of the asking machine


def test_a_failure_under_the_old_token_fails_the_task_and_only_that(restarted: Restarted) -> None:
    restarted.account.states.send_task_failure(taskToken=restarted.tokens["refused"], error="No", cause="not today")

    end = restarted.account.end_of(restarted.executions["refused"])
    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "No", "not today")


def test_a_retry_after_the_start_asks_anew_with_another_token(restarted: Restarted) -> None:
    account = restarted.account
    account.states.send_task_failure(taskToken=restarted.tokens["again"], error="Again", cause="")
    second = token_of(account.receive(restarted.queue)[0])
    assert second != restarted.tokens["again"]
    account.states.send_task_failure(taskToken=second, error="Again", cause="")

    assert account.end_of(restarted.executions["again"])["error"] == "Again"


def test_a_parent_waits_on_for_the_child_that_waits(restarted: Restarted) -> None:
    account = restarted.account
    assert [status(account, restarted.executions[name]) for name in ("parent", "child")] == ["RUNNING", "RUNNING"]

    account.states.send_task_success(taskToken=restarted.tokens["child"], output="7")

    end = json.loads(account.end_of(restarted.executions["parent"])["output"])
    assert (end["Output"]["answer"], end["Output"]["seen"]) == (7, 41)
    assert restarted.history("parent") == [
        *restarted.before["parent"], "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip


def test_a_wait_state_waits_on(restarted: Restarted) -> None:
    end = restarted.account.end_of(restarted.executions["sleeper"])

    assert end["status"] == "SUCCEEDED"
    assert restarted.history("sleeper") == [*restarted.before["sleeper"], "WaitStateExited", "ExecutionSucceeded"]


def test_the_branches_of_a_parallel_state_wait_on(restarted: Restarted) -> None:
    restarted.account.states.send_task_success(taskToken=restarted.tokens["branches"], output='"answer"')

    assert json.loads(restarted.account.end_of(restarted.executions["branches"])["output"])[0] == "answer"
    told = restarted.history("branches")
    assert sorted(told) == sorted([
        *restarted.before["branches"], "TaskSucceeded", "TaskStateExited", "WaitStateExited", "ParallelStateExited",
        "ExecutionSucceeded",
    ])  # fmt: skip


def test_a_time_limit_goes_on_while_nothing_runs(restarted: Restarted) -> None:
    assert restarted.account.end_of(restarted.executions["late"])["error"] == "States.Timeout"


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Path, EmbeddedAccount, str]]:
    """An embedded AWS in which a function is at work for an execution, which would catch its failure."""
    state = tmp_path / ".line"
    account = EmbeddedAccount(supervisor.start(state, report=lambda _: None))
    source = "import time\ndef handle(event, context): time.sleep(60)\n"
    machine = {
        "StartAt": "Work",
        "States": {
            "Work": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": account.function(source, Timeout=100), "Payload": {}},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}],
                "End": True,
            },
            "Tell": {"Type": "Pass", "End": True},
        },
    }
    execution = account.start(account.machine(machine))
    eventually(lambda: "TaskScheduled" in kinds(account, execution))
    yield state, account, execution
    supervisor.stop(state)


def test_work_that_a_stop_would_cut_is_named_before_it_and_its_failure_is_handled_after(
    busy: tuple[Path, EmbeddedAccount, str],
) -> None:
    state, _, execution = busy
    name = execution.split(":", 6)[-1]

    with pytest.raises(RequestRefused, match=rf"execution {name} in Work\n.*line down --interrupt"):
        supervisor.stop(state, interrupt=False)
    assert supervisor.status(state).running

    said: list[str] = []
    assert supervisor.stop(state, report=said.append).cut == (f"execution {name} in Work",)
    assert said == [f"Cut while at work; after the next `line up` these have failed:\n  execution {name} in Work"]
    again = EmbeddedAccount(supervisor.start(state, report=said.append))
    end = again.end_of(execution)
    assert end["status"] == "SUCCEEDED"  # by its own Catch
    assert json.loads(end["output"])["Cause"] == "the embedded AWS was stopped while this ran"


@pytest.fixture
def hopping(tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Executions that are between two tasks for moments: who looks in one, and stops later, finds some in a task."""
    state = tmp_path / ".line"
    account = EmbeddedAccount(supervisor.start(state, report=lambda _: None))
    function = account.function("import time\ndef handle(event, context): time.sleep(0.05)\n")
    work = {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{function}", "Next": "Pause"}
    states = {"Work": work, "Pause": {"Type": "Wait", "Seconds": 0.05, "Next": "Work"}}
    machine = account.machine({"StartAt": "Work", "States": states})
    executions = [account.start(machine) for _ in range(2)]
    eventually(lambda: all("WaitStateExited" in kinds(account, execution) for execution in executions))
    yield state, executions
    supervisor.stop(state)


def test_a_stop_that_says_nothing_of_cut_work_cuts_none(hopping: tuple[Path, list[str]]) -> None:
    state, executions = hopping

    outcome = eventually(lambda: stopped_between_tasks(state))

    assert (len(outcome.cut), len(outcome.waiting)) == (0, len(executions))
    account = EmbeddedAccount(supervisor.start(state, report=lambda _: None))
    assert {status(account, execution) for execution in executions} == {"RUNNING"}


def stopped_between_tasks(state: Path) -> supervisor.Stopped | None:
    try:
        return supervisor.stop(state, interrupt=False)
    except RequestRefused:
        return None
