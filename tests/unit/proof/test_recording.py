"""Requests as the embedded AWS keeps them, read back as the calls that they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from assembly_line.embedded.call_log import LONGEST_BODY, CallLog, request_entry
from assembly_line.errors import ProofError
from assembly_line.proof.recording import Call, read_recording

ROLE = "arn:aws:sts::000000000000:assumed-role/worker/function"


def signed(service: str, key: str = "ASIAWORKER", **headers: str) -> list[tuple[str, str]]:
    scope = (
        f"AWS4-HMAC-SHA256 Credential={key}/20261129/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
    return [("Authorization", scope), ("X-Amz-Security-Token", "a-secret-token"), *headers.items()]


def kept(folder: Path, **request: Any) -> Call:
    """The call that one request is read as, next to a session of the worker."""
    log = CallLog(folder / "emulator.jsonl")
    log.add({"kind": "session", "key": "ASIAWORKER", "who": ROLE})
    given: dict[str, Any] = {
        "method": "POST",
        "path": "/",
        "query": "",
        "headers": [],
        "body": b"",
        "status": 200,
    } | request
    log.add({"kind": "request", **request_entry(**given)})
    found = read_recording(folder)
    assert found.unread == ()
    (call,) = found.calls
    return call


def test_a_query_is_read_with_its_lists_and_who_made_it(tmp_path: Path) -> None:
    form = {
        "Action": "PublishBatch",
        "Version": "2010-03-31",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:news",
        "PublishBatchRequestEntries.member.1.Id": "0",
        "PublishBatchRequestEntries.member.1.Message": "hé",
    }
    headers = [*signed("sns"), ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
    call = kept(tmp_path, headers=headers, body=urlencode(form).encode())
    assert (call.who, call.kind) == (ROLE, "sns:PublishBatch")
    assert call.parameters["PublishBatchRequestEntries"] == [{"Id": "0", "Message": "hé"}]


def test_json_is_read_by_its_target(tmp_path: Path) -> None:
    body = json.dumps({"stateMachineArn": "arn", "name": "run", "input": "{}"}).encode()
    target = ("X-Amz-Target", "AWSStepFunctions.StartExecution")
    headers = [*signed("states"), target, ("Content-Type", "application/x-amz-json-1.0")]
    call = kept(tmp_path, headers=headers, body=body)
    assert (call.kind, call.parameters["name"]) == ("stepfunctions:StartExecution", "run")


def test_an_object_is_read_without_its_content(tmp_path: Path) -> None:
    call = kept(tmp_path, method="PUT", path="/bucket/a/b%20c", headers=signed("s3"), body=b"of nobody else's business")
    assert call.kind == "s3:PutObject"
    assert (call.parameters["Bucket"], call.parameters["Key"]) == ("bucket", "a/b c")
    text = (tmp_path / "emulator.jsonl").read_text(encoding="utf-8")
    assert "business" not in text
    assert "a-secret-token" not in text


@pytest.mark.parametrize(
    ("method", "path", "query", "kind"),
    [
        ("GET", "/bucket/key", "versionId=1", "s3:GetObject"),
        ("HEAD", "/bucket/key", "", "s3:HeadObject"),
        ("GET", "/bucket", "list-type=2&prefix=a%2F", "s3:ListObjectsV2"),
        ("POST", "/bucket/key", "uploads", "s3:CreateMultipartUpload"),
        ("PUT", "/bucket/key", "partNumber=1&uploadId=u", "s3:UploadPart"),
        ("DELETE", "/bucket/key", "", "s3:DeleteObject"),
    ],
)
def test_calls_of_s3_are_told_apart_by_method_and_query(
    tmp_path: Path, method: str, path: str, query: str, kind: str
) -> None:
    assert kept(tmp_path, method=method, path=path, query=query, headers=signed("s3"), status=404).kind == kind


def test_a_call_of_the_lines_own_api_names_its_route(tmp_path: Path) -> None:
    path = "/_aws/execute-api/abc123/$default/lines/x/runs"
    call = kept(tmp_path, path=path, headers=signed("execute-api"))
    assert call.parameters == {"api": "abc123", "stage": "$default", "method": "POST", "path": "/lines/x/runs"}


@pytest.mark.parametrize(
    ("key", "agent", "who"),
    [
        ("consumer", "Boto3", "consumer"),
        ("service", "Boto3", "service"),
        ("test", "Boto3", "operator"),
        ("test", "aws-sdk-js/3", "deployment"),
    ],
)
def test_who_has_no_session_is_known_by_key_and_program(tmp_path: Path, key: str, agent: str, who: str) -> None:
    headers = [*signed("s3", key), ("User-Agent", agent)]
    assert kept(tmp_path, method="GET", path="/bucket/key", headers=headers).who == who


def test_a_body_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    entry = request_entry(
        method="POST", path="/", query="", headers=signed("sqs"), body=b"x" * (LONGEST_BODY + 1), status=200
    )
    assert (entry["body"], entry["length"]) == (None, LONGEST_BODY + 1)


def test_a_folder_without_calls_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(ProofError, match="line proof --record"):
        read_recording(tmp_path)


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "emulator.jsonl"
    CallLog(file).add({"kind": "session", "key": "k", "who": "w"})
    with file.open("a", encoding="utf-8") as written:
        written.write('{"kind": "request", "meth')
    assert read_recording(tmp_path).calls == ()
