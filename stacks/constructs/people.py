"""The roles that people and applications take. Each stack attaches what its resources allow them."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.names import PROJECT
from stacks.constructs.grants import allow


class People(Construct):
    """Exposes `scientist`, `reviewer` and `decider`: roles that identities of this account may be allowed to assume."""

    def __init__(self, scope: Construct, id_: str, *, verified_session_names: bool) -> None:
        super().__init__(scope, id_)
        trusted: iam.IPrincipal = iam.AccountRootPrincipal()
        if verified_session_names:
            # Who reviews is known by the session's name: nobody may choose another's.
            own_name = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
            trusted = iam.PrincipalWithConditions(trusted, own_name)
        self.scientist, self.reviewer, self.decider = (
            iam.Role(self, id_, assumed_by=trusted, description=f"Assembly line: {does}")
            for id_, does in (
                ("Scientist", "builds datasets, trains, scores, reads results"),
                ("Reviewer", "judges runs"),
                ("Decider", "sends overrides, outcomes and receipts"),
            )
        )

    def let_look_up(self, environment: str) -> None:
        """Everybody finds the line's resources by their SSM parameters."""
        path = f"parameter/{PROJECT}/{environment}"
        parameters = [Stack.of(self).format_arn(service="ssm", resource=name) for name in (path, f"{path}/*")]
        actions = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath")
        for role in (self.scientist, self.reviewer, self.decider):
            allow(role, actions, parameters, because="Lines bring parameters of their own under this path")

    def let_read_logs(self, environment: str) -> None:
        """Scientists read the logs of the environment's functions and of its jobs."""
        groups = [
            Stack.of(self).format_arn(
                service="logs", resource="log-group", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
            )
            for name in (f"AssemblyLine-{environment}-*", "/aws/sagemaker/*", "/aws-glue/*")
        ]
        allow(self.scientist, ("logs:FilterLogEvents",), groups, because="Deployment and services name the log groups")
        allow(self.scientist, ("lambda:ListFunctions",), ("*",), because="Listing functions knows no resource")
