"""The names and ARNs that CloudFormation gives the resources of a template, as long as they really get."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an environment is deployed."""

    account: str = "123456789012"
    region: str = "us-east-1"
    partition: str = "aws"

    def fill(self, pattern: str, **values: str) -> str:
        return pattern.format(p=self.partition, r=self.region, a=self.account, **values)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How resources of one type are named.

    Args:
        limit: characters that a generated name may have.
        named_by: the property that fixes the name; a dot leads into a nested one.
        ref: the pattern of what `Ref` gives.
        attributes: the patterns of what `Fn::GetAtt` gives.
    """

    limit: int = 255
    named_by: str = "Name"
    arn: str = ""
    ref: str = "{name}"
    attributes: Mapping[str, str] = field(default_factory=dict)
    lower: bool = False
    generated: int | None = None  # length of an id that the service makes up


_ARN = "arn:{p}:"
KINDS: Mapping[str, Kind] = {
    "AWS::S3::Bucket": Kind(limit=63, named_by="BucketName", arn=_ARN + "s3:::{name}", lower=True),
    "AWS::DynamoDB::Table": Kind(named_by="TableName", arn=_ARN + "dynamodb:{r}:{a}:table/{name}"),
    "AWS::SQS::Queue": Kind(
        limit=80,
        named_by="QueueName",
        arn=_ARN + "sqs:{r}:{a}:{name}",
        ref="https://sqs.{r}.amazonaws.com/{a}/{name}",
        attributes={"QueueName": "{name}"},
    ),
    "AWS::SNS::Topic": Kind(
        limit=256,
        named_by="TopicName",
        arn=_ARN + "sns:{r}:{a}:{name}",
        ref="{arn}",
        attributes={"TopicName": "{name}", "TopicArn": "{arn}"},
    ),
    "AWS::KMS::Key": Kind(arn=_ARN + "kms:{r}:{a}:key/{name}", generated=36, attributes={"KeyId": "{name}"}),
    "AWS::IAM::Role": Kind(
        limit=64, named_by="RoleName", arn=_ARN + "iam::{a}:role/{name}", attributes={"RoleId": "AROA{name}"}
    ),
    "AWS::IAM::ManagedPolicy": Kind(
        limit=128, named_by="ManagedPolicyName", arn=_ARN + "iam::{a}:policy/{name}", ref="{arn}"
    ),
    "AWS::IAM::Policy": Kind(limit=128, named_by="PolicyName"),
    "AWS::Lambda::Function": Kind(limit=64, named_by="FunctionName", arn=_ARN + "lambda:{r}:{a}:function:{name}"),
    "AWS::Lambda::LayerVersion": Kind(limit=64, arn=_ARN + "lambda:{r}:{a}:layer:{name}:1", ref="{arn}"),
    "AWS::StepFunctions::StateMachine": Kind(
        limit=80,
        named_by="StateMachineName",
        arn=_ARN + "states:{r}:{a}:stateMachine:{name}",
        ref="{arn}",
        attributes={"Name": "{name}"},
    ),
    "AWS::Logs::LogGroup": Kind(limit=512, named_by="LogGroupName", arn=_ARN + "logs:{r}:{a}:log-group:{name}:*"),
    "AWS::Events::Rule": Kind(limit=64, arn=_ARN + "events:{r}:{a}:rule/{name}"),
    "AWS::Events::EventBus": Kind(
        limit=256, arn=_ARN + "events:{r}:{a}:event-bus/{name}", attributes={"Name": "{name}"}
    ),
    "AWS::Glue::Job": Kind(arn=_ARN + "glue:{r}:{a}:job/{name}"),
    "AWS::Glue::Database": Kind(named_by="DatabaseInput.Name", arn=_ARN + "glue:{r}:{a}:database/{name}", lower=True),
    "AWS::Glue::Trigger": Kind(arn=_ARN + "glue:{r}:{a}:trigger/{name}"),
    "AWS::Athena::WorkGroup": Kind(limit=128, arn=_ARN + "athena:{r}:{a}:workgroup/{name}"),
    "AWS::SSM::Parameter": Kind(limit=1011, arn=_ARN + "ssm:{r}:{a}:parameter{name}"),
    "AWS::CloudWatch::Alarm": Kind(named_by="AlarmName", arn=_ARN + "cloudwatch:{r}:{a}:alarm:{name}"),
    "AWS::CloudWatch::Dashboard": Kind(named_by="DashboardName"),
    "AWS::ApiGatewayV2::Api": Kind(
        generated=10, attributes={"ApiEndpoint": "https://{name}.execute-api.{r}.amazonaws.com", "ApiId": "{name}"}
    ),
    "AWS::ApiGatewayV2::Integration": Kind(generated=7),
    "AWS::ApiGatewayV2::Route": Kind(generated=7),
    "AWS::SageMaker::ModelPackageGroup": Kind(
        limit=63,
        named_by="ModelPackageGroupName",
        arn=_ARN + "sagemaker:{r}:{a}:model-package-group/{name}",
        ref="{arn}",
    ),
    "AWS::SageMaker::MlflowApp": Kind(
        generated=12, named_by="", arn=_ARN + "sagemaker:{r}:{a}:mlflow-app/app-{name}", ref="{arn}"
    ),
    "AWS::SageMaker::Domain": Kind(generated=12, named_by="", ref="d-{name}", attributes={"DomainId": "d-{name}"}),
    "AWS::SageMaker::UserProfile": Kind(limit=63, named_by="UserProfileName"),
    "AWS::SageMaker::StudioLifecycleConfig": Kind(
        limit=63,
        named_by="StudioLifecycleConfigName",
        ref="{arn}",
        arn=_ARN + "sagemaker:{r}:{a}:studio-lifecycle-config/{name}",
        attributes={"StudioLifecycleConfigArn": "{arn}"},
    ),
    "AWS::EC2::SecurityGroup": Kind(generated=17, named_by="", ref="sg-{name}", attributes={"GroupId": "sg-{name}"}),
}
OTHER = Kind()


def generated_name(stack: str, id_: str, kind: Kind) -> str:
    """Stack, logical id and twelve more characters, cut to the length that the type allows; always the same ones."""
    digest = hashlib.sha256(f"{stack} {id_}".encode()).digest()
    letters = base64.b32encode(digest).decode()
    if kind.generated:
        made = digest.hex().ljust(kind.generated, "0")[: kind.generated]
        return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:32]}" if kind.generated == 36 else made
    rest = kind.limit - 14
    first = stack if len(stack) + len(id_) <= rest else stack[: max(rest // 2 - 1, rest - len(id_))]
    name = f"{first}-{id_[: rest - len(first)]}-{letters[:12]}"
    return name.lower() if kind.lower else name
