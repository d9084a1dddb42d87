"""Two small stacks with one of each thing that the proof looks at, correct as they stand."""

from __future__ import annotations

import copy
import json
from typing import Any

from assembly_line.proof.permissions.evaluating import Decision, Principal, PrincipalKind, Request, decide
from assembly_line.proof.permissions.rules import Rules
from assembly_line.proof.physical_names import Place
from assembly_line.proof.templates import Templates
from assembly_line.proof.world import World

ACCOUNT = "123456789012"
LIFECYCLE = {"Rules": [{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Status": "Enabled"}]}
DEFINITION = {
    "StartAt": "Ask",
    "QueryLanguage": "JSONata",
    "TimeoutSeconds": 3600,
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:worker"},
            "Retry": [{"ErrorEquals": ["Lambda.ServiceException"], "IntervalSeconds": 2, "MaxAttempts": 3}],
            "Catch": [
                {"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Lost"},
                {"ErrorEquals": ["States.ALL"], "Next": "Lost"},
            ],
            "Next": "Done",
        },
        "Done": {"Type": "Choice", "Choices": [{"Condition": "{% $x %}", "Next": "Later"}], "Default": "Lost"},
        "Later": {"Type": "Wait", "Seconds": 60, "Next": "Ask"},
        "Lost": {"Type": "Fail"},
    },
}


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


BASE: dict[str, Any] = {
    "Key": {
        "Type": "AWS::KMS::Key",
        "Properties": {
            "KeyPolicy": _policy(
                _allow(
                    "kms:*", "*", Principal={"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
                )
            )
        },
    },
    "Store": {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "LifecycleConfiguration": LIFECYCLE,
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}}
                ]
            },
        },
    },
    "StorePolicy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Store"},
            "PolicyDocument": _policy(
                {
                    "Effect": "Deny",
                    "Principal": {"AWS": "*"},
                    "Action": "s3:*",
                    "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Store", "Arn"]}, "/*"]]},
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ),
        },
    },
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "assembly-line-dev-news"}},
}
WORK: dict[str, Any] = {
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _policy(
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            )
        },
    },
    "RolePolicy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "Roles": [{"Ref": "Role"}],
            "PolicyName": "RolePolicy",
            "PolicyDocument": _policy(
                _allow("s3:GetObject", {"Fn::Join": ["", [{"Fn::ImportValue": "StoreArn"}, "/data/*"]]}),
                _allow(["kms:Decrypt", "kms:GenerateDataKey"], {"Fn::ImportValue": "KeyArn"}),
                _allow(
                    "iam:PassRole",
                    "arn:aws:iam::123456789012:role/jobs",
                    Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                ),
            ),
        },
    },
    "Machine": {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": json.dumps(DEFINITION)},
    },
    "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
    "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmDescription": "of assembly-line-dev-news"}},
}


def templates(**changed: dict[str, Any]) -> Templates:
    """The two stacks, `Base` before `Work`; `changed` takes the place of resources, by id."""
    base, work = copy.deepcopy(BASE), copy.deepcopy(WORK)
    for id_, document in changed.items():
        (base if id_ in base else work)[id_] = document
    outputs = {
        name: {"Value": {"Fn::GetAtt": [id_, "Arn"]}, "Export": {"Name": f"{name}"}}
        for name, id_ in (("StoreArn", "Store"), ("KeyArn", "Key"))
    }
    stacks = {"Base": {"Resources": base, "Outputs": outputs}, "Work": {"Resources": work}}
    return Templates("dev", stacks, {"Base": frozenset(), "Work": frozenset({"Base"})})


def world(**changed: dict[str, Any]) -> World:
    return World(templates(**changed), Place(account=ACCOUNT))


def role_of(place: World) -> Principal:
    return Principal(PrincipalKind.ROLE, place.arn(place.resources["Work", "Role"]))


def asked(place: World, action: str, resource: str, who: Principal | None = None, **context: str) -> Decision:
    """What comes of one request; context keys have `__` in place of a colon."""
    given = tuple((key.replace("__", ":"), (value,)) for key, value in context.items())
    return decide(Request(who or role_of(place), action, resource, given), Rules(place))
