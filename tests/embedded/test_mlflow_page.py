"""MLflow's page: started once, found again, ended by `line down`, and nothing of the user's handed to it.

A program that takes MLflow's options stands in for its server, which is too large for the tests' environment.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.request import urlopen

import boto3
import pytest
from botocore.stub import Stubber

from assembly_line.cli.session import Session
from assembly_line.cli.tracking import begin, show
from assembly_line.embedded import close_page, mlflow_page, mlflow_store, open_page
from assembly_line.embedded.processes import is_alive, kill
from assembly_line.errors import EmbeddedAwsError, TargetUnreachable
from tests.unit.cli.conftest import call

STAND_IN = """
import argparse, http.server, json, os

parser = argparse.ArgumentParser()
for option in ("backend-store-uri", "artifacts-destination", "host", "port", "workers", "gunicorn-opts"):
    parser.add_argument("--" + option, required=True)
given = parser.parse_args()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"given": vars(given), "environment": dict(os.environ)}).encode())


http.server.HTTPServer((given.host, int(given.port)), Answer).serve_forever()
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    program = tmp_path / "server.py"
    program.write_text(STAND_IN, encoding="utf-8")
    monkeypatch.setattr(mlflow_page, "SERVER", (sys.executable, str(program)))
    folder = tmp_path / ".line"
    yield folder
    close_page(folder)


def asked(url: str) -> dict[str, dict[str, str]]:
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback address
        found: dict[str, dict[str, str]] = json.loads(answer.read())
    return found


def test_the_page_listens_on_loopback_and_keeps_everything_in_the_state_folder(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    found = asked(open_page(state).url)

    uri, files = mlflow_store(state)
    assert found["given"]["host"] == "127.0.0.1"
    assert (found["given"]["backend_store_uri"], found["given"]["artifacts_destination"]) == (uri, files.as_uri())
    assert uri.startswith(f"sqlite:///{state.resolve()}/")
    assert files.is_relative_to(state.resolve())
    assert found["environment"]["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert [name for name in found["environment"] if name.startswith("AWS_")] == []


def test_a_page_that_runs_is_found_again_and_line_down_ends_it(state: Path) -> None:
    page = open_page(state)
    assert open_page(state) == page

    answer = call("down", "--state", str(state))

    assert "MLflow's page was stopped" in answer.err
    assert not is_alive(page.process)
    assert not close_page(state)
    assert open_page(state).process != page.process


def test_each_line_has_the_address_of_its_runs_and_the_command_that_stops(state: Path) -> None:
    def named(_: str) -> str:
        raise TargetUnreachable

    told: dict[str, str] = {}
    target = SimpleNamespace(named=named, parameters=SimpleNamespace(publish=told.__setitem__))
    for environment, stop in ((True, "line down"), (False, "line --environment embedded down")):
        session = SimpleNamespace(state=state, embedded=environment, target=target)
        found = show(cast(Session, session), {"experiments": {"churn": "7"}}, None)

        url = open_page(state).url
        assert found == {
            "page": url,
            "pages": {"churn": f"{url}/#/experiments/7/runs?workflowType=machine_learning"},
            "stop": stop,
        }
    assert told == {"mlflow-app": url}


def test_mlflow_starts_with_the_embedded_aws_and_its_function_is_told_where(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"mlflow-app": "http://127.0.0.1:1"}
    target = SimpleNamespace(parameters=SimpleNamespace(publish=told.__setitem__, withdraw=told.pop))
    session = cast(Session, SimpleNamespace(state=state, embedded=True, target=target))

    monkeypatch.setattr(mlflow_page, "find_spec", lambda _: None)
    assert begin(session) is None
    assert told == {}
    assert not close_page(state)

    monkeypatch.setattr(mlflow_page, "find_spec", lambda name: name)
    url = begin(session)
    assert told == {"mlflow-app": url}
    assert open_page(state).url == url


def test_an_account_that_has_an_app_shows_its_page_and_starts_no_server(state: Path) -> None:
    app = "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-app/app-1"
    sagemaker = boto3.client("sagemaker", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    target = SimpleNamespace(named=lambda _: app, client=lambda _: sagemaker)
    session = SimpleNamespace(state=state, embedded=False, target=target)
    asked = {"Arn": app, "ExpiresInSeconds": 300, "SessionExpirationDurationInSeconds": 14400}
    with Stubber(sagemaker) as stub:
        stub.add_response("create_presigned_mlflow_app_url", {"AuthorizedUrl": "https://app.example"}, asked)

        assert show(cast(Session, session), {"experiments": {}}, None)["page"] == "https://app.example"
    assert not close_page(state)


def test_a_page_that_was_killed_is_started_anew(state: Path) -> None:
    page = open_page(state)
    kill([page.process])

    assert asked(open_page(state).url)["given"]["workers"] == "1"


def test_a_port_that_is_taken_is_said(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(EmbeddedAwsError, match="is not available"):
        open_page(state, port=other.getsockname()[1])


def test_a_server_that_ends_at_once_is_said_with_its_last_words(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_page, "SERVER", (sys.executable, "-c", "raise SystemExit('no database driver')"))

    with pytest.raises(EmbeddedAwsError, match="no database driver"):
        open_page(state)
    assert not close_page(state)
