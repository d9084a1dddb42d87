"""Small things that a user would notice: refusals of the API, causes in words, feedback files, addresses, durations."""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from assembly_line.causes import readable_cause
from assembly_line.cli.api import Api, send_all
from assembly_line.cli.aws_sessions import new_session
from assembly_line.cli.exits import ExitCode, describe, exit_code_of
from assembly_line.cli.output import duration
from assembly_line.cli.target import Target
from assembly_line.errors import (
    Conflict,
    MalformedMessage,
    NotFound,
    NotPermitted,
    RequestRefused,
    RunFailed,
    TargetUnreachable,
)
from assembly_line.feedback.service.feedback_files import read_events
from assembly_line.names import Parameter

CREDENTIALS = ReadOnlyCredentials("key", "secret", "token")


class Server:
    """Answers every call with what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.calls = 200, "{}", list[tuple[str, str, dict[str, str], bytes]]()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.calls.append((self.command, self.path, dict(self.headers), content))
                self.send_response(server.status)
                self.end_headers()
                self.wfile.write(server.body.encode())

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def test_calls_are_signed_for_the_api_and_name_their_session(server: Server) -> None:
    server.body = json.dumps({"run_id": "r", "execution_arn": "a"})

    answer = Api(server.url, CREDENTIALS, "eu-west-1").start_training("coupon_redemption", {"as_of": "2017-07-01"})

    ((method, path, headers, content),) = server.calls
    assert answer["run_id"] == "r"
    assert (method, path, json.loads(content)) == ("POST", "/lines/coupon_redemption/runs", {"as_of": "2017-07-01"})
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "token"


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            400,
            {"error": "events[3].action: x", "what_to_do": "correct it"},
            RequestRefused,
            "events[3].action: x; correct",
        ),
        (403, {"error": "is the author"}, NotPermitted, "is the author"),
        (403, {"message": "Forbidden"}, TargetUnreachable, "--as"),
        (404, {"error": "no review"}, NotFound, "no review"),
        (409, {"error": "decided already"}, Conflict, "decided already"),
        (410, {"error": "no longer waits"}, Conflict, "no longer waits"),
        (413, {"error": "too large"}, RequestRefused, "too large"),
        (502, {"message": "Internal Server Error"}, TargetUnreachable, "502: Internal Server Error"),
        (503, {"error": "did not answer"}, TargetUnreachable, "did not answer"),
    ],
)
def test_a_refusal_keeps_the_reason_and_its_kind(
    server: Server, status: int, body: dict[str, str], kind: type[Exception], said: str
) -> None:
    server.status, server.body = status, json.dumps(body)

    with pytest.raises(kind) as refused:
        Api(server.url, CREDENTIALS, "us-east-1").review("line", "run")

    assert said in str(refused.value)


def test_an_answer_that_is_not_json_is_a_fault_of_the_target(server: Server) -> None:
    server.body = "<html>"

    with pytest.raises(TargetUnreachable, match="200"):
        Api(server.url, CREDENTIALS, "us-east-1").review("line", "run")


def test_nobody_there_is_unreachable_and_no_traceback() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = f"http://127.0.0.1:{probe.getsockname()[1]}"

    with pytest.raises(Exception, match="Could not connect") as refused:
        Api(free, CREDENTIALS, "us-east-1").review("line", "run")

    assert exit_code_of(refused.value) is ExitCode.UNREACHABLE
    assert "line status" in describe(refused.value)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("plain words", "plain words"),
        ('{"errorMessage": "rows is 0", "errorType": "QualityGateFailed"}', "rows is 0"),
        (
            '{"TrainingJobName": "j", "FailureReason": "AlgorithmError: ValueError: bad"}',
            "AlgorithmError: ValueError: bad",
        ),
        ('{"Status": "FAILED", "Cause": "{\\"errorMessage\\": \\"inner\\"}"}', "inner"),
        ('{"unknown": 1}', '{"unknown": 1}'),
        ("[1, 2", "[1, 2"),
        ("", ""),
    ],
)
def test_a_cause_is_told_by_its_innermost_reason(cause: str, words: str) -> None:
    assert readable_cause(cause) == words


def event(number: int = 0) -> dict[str, Any]:
    return {
        "schema": "assembly-line/feedback",
        "version": 1,
        "kind": "override",
        "event_id": f"e-{number}",
        "line": "coupon_redemption",
        "decision_id": f"d1-20170712-{number:032x}",
        "sequence": 1,
        "at": "2017-07-12T10:00:00Z",
        "action": "leave",
        "reason": "moved away",
    }


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([event(0), event(1)]),
        json.dumps({"events": [event(0), event(1)]}, indent=2),
        f"{json.dumps(event(0))}\n\n{json.dumps(event(1))}\n",
    ],
)
def test_feedback_may_be_a_list_a_request_or_lines(tmp_path: Path, text: str) -> None:
    file = tmp_path / "feedback.json"
    file.write_text(text)

    assert [one["event_id"] for one in read_events(file)] == ["e-0", "e-1"]


def test_feedback_may_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(event(7))))

    assert read_events(Path("-")) == [event(7)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not strict JSON"),
        ("[]", "holds no event"),
        ("{", "not strict JSON"),
        (json.dumps([event(0), {**event(1), "action": 5}]), "event 2: .*action"),
        (f"{json.dumps(event(0))}\n{{oops\n", "line 2"),
        (json.dumps({**event(), "sequence": float("nan")}), "NaN"),
    ],
)
def test_wrong_feedback_is_refused_before_anything_is_sent(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "feedback.json"
    file.write_text(text)

    with pytest.raises(MalformedMessage, match=said):
        read_events(file)


def test_a_batch_that_is_refused_tells_what_was_accepted_before() -> None:
    class Half:
        def send_feedback(self, events: list[dict[str, Any]]) -> dict[str, Any]:
            if events[0]["event_id"] != "e-0":
                raise RequestRefused("events[0].line: is not released")
            return {"accepted": [one["event_id"] for one in events]}

    with pytest.raises(RunFailed, match="the first 100 events were accepted, then: events"):
        send_all(Half(), [event(number) for number in range(101)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "published",
    [
        "https://abc123.execute-api.us-east-1.amazonaws.com",
        "https://abc123.execute-api.us-east-1.amazonaws.com/",
        "http://127.0.0.1:1/_aws/execute-api/abc123/$default",
    ],
)
def test_the_embedded_api_is_found_whatever_port_it_had(published: str) -> None:
    session = new_session(region="us-east-1")
    session.set_credentials("a", "b")
    target = Target(
        environment="embedded",
        session=session,
        where="here",
        endpoints={"": "http://127.0.0.1:4"},
    )
    target.parameters.__dict__["all"] = {f"/assembly-line/embedded/{Parameter.API_URL}": published}

    assert target.api(None)._url == "http://127.0.0.1:4/_aws/execute-api/abc123/$default"
    assert target.queue_url("http://127.0.0.1:1/000000000000/q") == "http://127.0.0.1:4/000000000000/q"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (99000, "1 d 3 h"),
    ],
)
def test_durations_are_for_people(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
