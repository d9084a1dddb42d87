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


def test_a_model_package_group_is_created_in_the_registry_and_outlives_its_stack_if_it_has_versions(
    cloud: EmbeddedAccount,
) -> None:
    sagemaker, name = cloud.client("sagemaker"), unique()
    resource = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": name}}
    stack = cloud.stack({"Models": resource}, **output({"Ref": "Models"}))
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    assert described["ModelPackageGroupArn"] == stack["Value"]

    sagemaker.create_model_package(ModelPackageGroupName=name, ModelApprovalStatus="PendingManualApproval")
    delete(cloud, stack)
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]) == 1

    cloud.stack({"Models": resource})
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]) == 1


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
