"""A Lambda function of a station: its own role, its own encrypted log group, its environment from a contract."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from assembly_line.environments import Environment
from stacks.constructs.access.grants import allow
from stacks.constructs.log_group import log_group
from stacks.constructs.runtime_code import RUNTIME, dependency_layer, function_code
from stacks.settings import Settings


class Runtime(Construct):
    """What the functions of one stack share: code, layer, key, settings."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, layer: Path, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.settings = settings
        self.key = key
        self.code = function_code()
        self.layer = dependency_layer(self, "Layer", packages=layer)


class StationFunction(Construct):
    """Exposes `function` and `role`. The role may write its own log, and what is granted to it: nothing else."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        runtime: Runtime,
        handler: str,
        environment: Environment,
        timeout: Duration,
        memory_mib: int | None = None,
        storage_mib: int = 512,
        layer: Path | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.log_group: logs.LogGroup = log_group(self, "Log", settings=runtime.settings, key=runtime.key)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        allow(self.role, ("logs:CreateLogStream", "logs:PutLogEvents"), (self.log_group.log_group_arn,))
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=RUNTIME,
            handler=handler,
            code=runtime.code,
            layers=[runtime.layer if layer is None else dependency_layer(self, "Layer", packages=layer)],
            role=self.role,
            log_group=self.log_group,
            environment=environment.to_variables(),
            timeout=timeout,
            memory_size=memory_mib or runtime.settings.function_memory_mib,
            ephemeral_storage_size=Size.mebibytes(storage_mib),
        )
        self.arn = self.function.function_arn

    def grant_invoke(self, role: iam.Role) -> None:
        """Invoke the function itself. CDK's own grant covers every version as well, by a wildcard."""
        allow(role, ("lambda:InvokeFunction",), (self.arn,))
