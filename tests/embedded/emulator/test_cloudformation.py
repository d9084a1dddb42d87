"""CloudFormation: the types beyond the stock ones, and custom resources that end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assembly_line.embedded.extensions.cloudformation.recorded_types import RECORDED
from tests.embedded.embedded_account import ROLE, EmbeddedAccount, unique


def output(value: object) -> dict[str, Any]:
    return {"Outputs": {"Value": {"Value": value}}}


def delete(cloud: EmbeddedAccount, stack: dict[str, Any]) -> None:
    cloud.client("cloudformation").delete_stack(StackName=stack["StackName"])


def status_of(cloud: EmbeddedAccount, stack: str) -> str:
    return str(cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


NO_POLICY = {"Version": "2012-10-17", "Statement": []}
READING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
MACHINE = {"RoleArn": ROLE, "DefinitionString": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})}
KEYS = {
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
FUNCTION = {"Runtime": "python3.13", "Handler": "index.h", "Role": ROLE, "Code": {"ZipFile": "def h(e, c): ..."}}
JOB = {"Role": ROLE, "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/job.py"}}
ALARM = {
    "Namespace": "n",
    "MetricName": "m",
    "Threshold": 1,
    "EvaluationPeriods": 1,
    "Period": 60,
    "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.mark.parametrize(
    ("type_name", "name", "properties"),
    [
        ("AWS::Athena::WorkGroup", "Name", {}),
        ("AWS::CloudWatch::Alarm", "AlarmName", ALARM),
        ("AWS::CloudWatch::Dashboard", "DashboardName", {"DashboardBody": "{}"}),
        ("AWS::DynamoDB::Table", "TableName", KEYS),
        ("AWS::Events::EventBus", "Name", {}),
        ("AWS::Glue::Job", "Name", JOB),
        ("AWS::Glue::SecurityConfiguration", "Name", {"EncryptionConfiguration": {}}),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", {"PolicyDocument": READING}),
        ("AWS::IAM::Role", "RoleName", {"AssumeRolePolicyDocument": NO_POLICY}),
        ("AWS::Lambda::Function", "FunctionName", FUNCTION),
        ("AWS::Logs::LogGroup", "LogGroupName", {}),
        ("AWS::S3::Bucket", "BucketName", {}),
        ("AWS::SNS::Topic", "TopicName", {}),
        ("AWS::SQS::Queue", "QueueName", {}),
        ("AWS::SSM::Parameter", "Name", {"Type": "String", "Value": "x"}),
        ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName", {}),
        ("AWS::StepFunctions::StateMachine", "StateMachineName", MACHINE),
    ],
)
def test_what_an_earlier_stack_kept_is_in_the_way_of_the_next(
    cloud: EmbeddedAccount, type_name: str, name: str, properties: dict[str, Any]
) -> None:
    resource = {"Type": type_name, "Properties": {**properties, name: unique()}, "DeletionPolicy": "Retain"}
    delete(cloud, cloud.stack({"Thing": resource}))

    with pytest.raises(AssertionError):
        cloud.stack({"Thing": resource})


def test_a_name_is_free_again_once_its_stack_is_gone(cloud: EmbeddedAccount) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": unique()}}
    delete(cloud, cloud.stack({"Thing": topic}))
    cloud.stack({"Thing": topic})


def test_a_bucket_stays_while_it_holds_even_a_hidden_version(cloud: EmbeddedAccount) -> None:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": versioned}
    stack, s3 = cloud.stack({"Bucket": bucket}, **output({"Ref": "Bucket"})), cloud.client("s3")
    name, written = stack["Value"], s3.put_object(Bucket=stack["Value"], Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=name, Key="k")["VersionId"]
    for version in (written, marker):
        delete(cloud, stack)
        assert status_of(cloud, stack["StackName"]) == "DELETE_FAILED"
        s3.delete_object(Bucket=name, Key="k", VersionId=version)

    delete(cloud, stack)

    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_an_unknown_type_is_refused_by_name(cloud: EmbeddedAccount) -> None:
    with pytest.raises(ClientError, match="AWS::S3::Buckett"):
        cloud.stack({"Typo": {"Type": "AWS::S3::Buckett"}})


@pytest.mark.parametrize("type_name", sorted(RECORDED))
def test_a_recorded_type_deploys_and_goes(cloud: EmbeddedAccount, type_name: str) -> None:
    name = unique()
    resource = {"Type": type_name, "Properties": {RECORDED[type_name].name_property: name}}

    stack = cloud.stack({"Thing": resource}, **output({"Ref": "Thing"}))

    assert name in stack["Value"]
    delete(cloud, stack)


def test_a_model_package_group_with_versions_neither_goes_with_its_stack_nor_is_taken_over(
    cloud: EmbeddedAccount,
) -> None:
    sagemaker, name = cloud.client("sagemaker"), unique()
    resource = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": name}}
    stack = cloud.stack({"Models": resource}, **output({"Ref": "Models"}))
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    assert described["ModelPackageGroupArn"] == stack["Value"]

    sagemaker.create_model_package(ModelPackageGroupName=name, ModelApprovalStatus="PendingManualApproval")
    delete(cloud, stack)
    assert status_of(cloud, stack["StackName"]) == "DELETE_FAILED"
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]) == 1
    with pytest.raises(AssertionError):
        cloud.stack({"Models": resource})


def test_an_empty_model_package_group_goes_with_its_stack(cloud: EmbeddedAccount) -> None:
    sagemaker, name = cloud.client("sagemaker"), unique()
    resource = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": name}}

    delete(cloud, cloud.stack({"Models": resource}))

    with pytest.raises(ClientError):
        sagemaker.describe_model_package_group(ModelPackageGroupName=name)


def test_things_with_an_interface_are_really_created(cloud: EmbeddedAccount) -> None:
    name = unique()
    database = {"Database": "default", "QueryString": "SELECT 1", "Name": name}
    bus = {"Fn::Sub": "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
    stack = cloud.stack(
        {
            "Query": {"Type": "AWS::Athena::NamedQuery", "Properties": database},
            "Alarm": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {"AlarmName": name, "AlarmRule": "FALSE"},
            },
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {"ArchiveName": name, "SourceArn": bus}},
            "Security": {
                "Type": "AWS::Glue::SecurityConfiguration",
                "Properties": {"Name": name, "EncryptionConfiguration": {}},
            },
            "Activity": {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": name}},
        },
        **output({"Ref": "Query"}),
    )

    def present() -> list[bool]:
        alarms = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
        activities = cloud.states.list_activities()["activities"]
        return [
            stack["Value"] in cloud.client("athena").list_named_queries()["NamedQueryIds"],
            bool(alarms["CompositeAlarms"]),
            bool(cloud.client("events").list_archives(NamePrefix=name)["Archives"]),
            any(
                each["Name"] == name
                for each in cloud.client("glue").get_security_configurations()["SecurityConfigurations"]
            ),
            any(each["name"] == name for each in activities),
        ]

    assert all(present())
    delete(cloud, stack)
    assert not any(present())


def test_a_custom_resource_whose_function_dies_fails_within_its_time(cloud: EmbeddedAccount) -> None:
    silent = cloud.function("def handle(event, context): return 'and never calls back'\n")
    token = f"arn:aws:lambda:us-east-1:000000000000:function:{silent}"
    properties = {"ServiceToken": token, "ServiceTimeout": 2}
    cloudformation, name = cloud.client("cloudformation"), unique()
    template = {"Resources": {"Custom": {"Type": "Custom::Silent", "Properties": properties}}}

    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))

    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert any("timed out after 2s" in event.get("ResourceStatusReason", "") for event in events)


def test_buckets_that_empty_themselves_need_no_javascript(cloud: EmbeddedAccount) -> None:
    bucket = {"Type": "AWS::S3::Bucket"}
    code = {"ZipFile": "exports.handler = async () => { throw new Error('must not run'); };"}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": "nodejs22.x", "Handler": "index.handler", "Role": ROLE, "Code": code},
    }
    emptying = {
        "Type": "Custom::S3AutoDeleteObjects",
        "Properties": {"ServiceToken": {"Fn::GetAtt": ["Provider", "Arn"]}, "BucketName": {"Ref": "Bucket"}},
    }
    stack = cloud.stack({"Bucket": bucket, "Provider": function, "Emptying": emptying}, **output({"Ref": "Bucket"}))
    cloud.client("s3").put_object(Bucket=stack["Value"], Key="x", Body=b"x")

    delete(cloud, stack)

    assert stack["Value"] not in [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]


def test_a_stack_operation_answers_when_the_stack_is_done(cloud: EmbeddedAccount) -> None:
    """Otherwise the CDK's command would wait five seconds for every stack with a custom resource."""
    source = (
        "import json, urllib.request\n"
        "def handle(event, context):\n"
        "    answer = {k: event[k] for k in ('StackId', 'RequestId', 'LogicalResourceId')}\n"
        "    answer.update(Status='SUCCESS', PhysicalResourceId='p', Data={'Word': 'said'})\n"
        "    request = urllib.request.Request(event['ResponseURL'], json.dumps(answer).encode(), method='PUT')\n"
        "    urllib.request.urlopen(request)\n"
    )
    token = f"arn:aws:lambda:us-east-1:000000000000:function:{cloud.function(source)}"
    custom = {"Type": "Custom::Word", "Properties": {"ServiceToken": token}}

    assert cloud.stack({"Custom": custom}, **output({"Fn::GetAtt": ["Custom", "Word"]}))["Value"] == "said"
