"""Whether a service would take a request: what botocore itself lets pass."""

from __future__ import annotations

from typing import Any

import pytest

from assembly_line.proof.legality import problems, readable
from assembly_line.proof.recording import Call

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1"


def found(service: str, operation: str, **parameters: Any) -> list[str]:
    return list(problems(Call("operator", service, operation, parameters), parameters))


def test_a_reason_with_a_line_break_is_no_approval_description() -> None:
    approved = {"ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Approved"}
    assert found("sagemaker", "UpdateModelPackage", **approved, ApprovalDescription="fine, as agreed") == []
    (problem,) = found("sagemaker", "UpdateModelPackage", **approved, ApprovalDescription="fine\nas agreed")
    assert "ApprovalDescription" in problem
    assert "pattern .*" in problem


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": "under_score"}, "pattern"),
        ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": "a" * 64}, "64 characters: expected 1 to 63"),
        ("sagemaker", "DescribeTrainingJob", {}, "it is required"),
        ("sagemaker", "UpdateModelPackage", {"ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Maybe"}, "one of"),
        ("stepfunctions", "StartExecution", {"stateMachineArn": "arn", "name": "two words"}, "without blanks"),
        ("stepfunctions", "StartExecution", {"stateMachineArn": "arn", "input": "x" * 262_145}, "0 to 262144"),
        ("sns", "PublishBatch", {"TopicArn": "t", "PublishBatchRequestEntries": []}, "1 to 10"),
        ("s3", "PutObject", {"Bucket": "bucket", "Key": "é" * 600}, "1200 bytes"),
        ("ssm", "GetParametersByPath", {"Path": "/a", "MaxResults": 11}, "11: expected 1 to 10"),
        ("glue", "GetTable", {"DatabaseName": "d", "Name": "tab\u0000le"}, "pattern"),
    ],
)
def test_what_a_service_refuses_is_told(service: str, operation: str, parameters: Any, expected: str) -> None:
    assert any(expected in problem for problem in found(service, operation, **parameters))


@pytest.mark.parametrize("text", ["ein Wort", "長い", "🙂", "tab\t"])
def test_patterns_of_java_are_read_as_java_reads_them(text: str) -> None:
    pattern = readable(r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*")
    assert pattern
    assert pattern.fullmatch(text)
    assert not pattern.fullmatch("a\nb")
