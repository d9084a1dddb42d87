"""A small app that holds one of each thing the embedded AWS must carry; the real stacks are tested elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

HERE = Path(__file__).parent


class StorageStack(cdk.Stack):
    """A bucket that empties itself, a table, a registry group, and a type that is only recorded."""

    def __init__(self, scope: cdk.App, id_: str) -> None:
        super().__init__(scope, id_)
        destroy = cdk.RemovalPolicy.DESTROY
        self.bucket = s3.Bucket(self, "Bucket", auto_delete_objects=True, removal_policy=destroy)
        key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        self.table = dynamodb.TableV2(self, "Table", partition_key=key, removal_policy=destroy)
        self.group = sagemaker.CfnModelPackageGroup(self, "Models", model_package_group_name="small-models")
        logs.QueryDefinition(
            self, "Errors", query_definition_name="errors", query_string=logs.QueryString(fields=["@message"])
        )
        cdk.CfnOutput(self, "BucketName", value=self.bucket.bucket_name)
        cdk.CfnOutput(self, "GroupArn", value=self.group.ref)


class WorkStack(cdk.Stack):
    """A function with a layer behind an API with IAM authorisation, and a machine that trains and waits."""

    def __init__(self, scope: cdk.App, id_: str, *, storage: StorageStack) -> None:
        super().__init__(scope, id_)
        self.function = self._function(storage)
        self._api()
        self._machine(storage)

    def _function(self, storage: StorageStack) -> lambda_.Function:
        layer = lambda_.LayerVersion(self, "Dependencies", code=lambda_.Code.from_asset(str(HERE / "layer")))
        function = lambda_.Function(
            self,
            "Caller",
            runtime=lambda_.Runtime.PYTHON_3_13,
            code=lambda_.Code.from_asset(str(HERE / "lambdas")),
            handler="caller.handle",
            layers=[layer],
            environment={"TABLE": storage.table.table_name},
            timeout=cdk.Duration.seconds(20),
        )
        storage.table.grant_write_data(function)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
        return function

    def _api(self) -> None:
        api = apigateway.HttpApi(self, "Api")
        api.add_routes(
            path="/whoami",
            methods=[apigateway.HttpMethod.POST],
            integration=integrations.HttpLambdaIntegration("Integration", self.function),
            authorizer=authorizers.HttpIamAuthorizer(),
        )
        reviewer = iam.Role(self, "Reviewer", assumed_by=iam.AccountRootPrincipal())
        cdk.CfnOutput(self, "ApiEndpoint", value=api.api_endpoint)
        cdk.CfnOutput(self, "ReviewerArn", value=reviewer.role_arn)

    def _machine(self, storage: StorageStack) -> None:
        job = tasks.SageMakerCreateTrainingJob(
            self,
            "Train",
            training_job_name=sfn.JsonPath.string_at("$.name"),
            integration_pattern=sfn.IntegrationPattern.RUN_JOB,
            algorithm_specification=tasks.AlgorithmSpecification(
                training_image=tasks.DockerImage.from_registry("xgboost"),
                training_input_mode=tasks.InputMode.FILE,
            ),
            hyperparameters={"sagemaker_program": "train.py"},
            input_data_config=[
                tasks.Channel(
                    channel_name="train",
                    data_source=tasks.DataSource(
                        s3_data_source=tasks.S3DataSource(
                            s3_location=tasks.S3Location.from_bucket(storage.bucket, "in/")
                        )
                    ),
                )
            ],
            output_data_config=tasks.OutputDataConfig(
                s3_output_location=tasks.S3Location.from_bucket(storage.bucket, "out/")
            ),
        )
        machine = sfn.StateMachine(self, "Machine", definition_body=sfn.DefinitionBody.from_chainable(job))
        cdk.CfnOutput(self, "MachineArn", value=machine.state_machine_arn)


app = cdk.App()
WorkStack(app, "Work", storage=StorageStack(app, "Storage"))
if os.environ.get("SMALL_APP_FAILS"):
    raise SystemExit("the app refuses: a declaration is wrong")
app.synth()
