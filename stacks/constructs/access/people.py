"""The roles that people and applications take. Each stack attaches what its resources allow them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.names import PROJECT
from stacks.constructs.access.grants import allow
from stacks.settings import SIGN_INS

# The attribute for access control that carries the user's name; docs/configuration.md says how to set it.
USER_TAG = "userName"


class People(Construct):
    """Exposes `scientist`, `reviewer` and `decider`: roles that identities of this account may be allowed to assume.

    Where there is Studio, `studio` is the role of its apps.
    """

    studio: iam.Role

    def __init__(self, scope: Construct, id_: str, *, sign_in: str, federated_roles: Sequence[str] = ()) -> None:
        super().__init__(scope, id_)
        trusted: iam.IPrincipal = iam.AccountRootPrincipal()
        homes = [_role_arn(Stack.of(self), role) for role in federated_roles]
        if own_name := _own_name(Stack.of(self), sign_in, homes):
            trusted = iam.PrincipalWithConditions(trusted, own_name)
        self.scientist, self.reviewer, self.decider = (
            iam.Role(self, id_, assumed_by=trusted, description=f"Assembly line: {does}")
            for id_, does in (
                ("Scientist", "builds datasets, trains, scores, reads results"),
                ("Reviewer", "judges runs"),
                ("Decider", "sends overrides, outcomes and receipts"),
            )
        )
        if homes:
            self._let_bring_source_identity(homes)

    def _let_bring_source_identity(self, homes: list[str]) -> None:
        """A session that has a source identity hands it on, which each role on its way must allow."""
        for role in (self.scientist, self.reviewer, self.decider):
            if trust := role.assume_role_policy:
                trust.add_statements(
                    iam.PolicyStatement(
                        actions=["sts:SetSourceIdentity"],
                        principals=[iam.AccountRootPrincipal()],
                        conditions={"ArnEquals": {"aws:PrincipalArn": homes}},
                    )
                )

    def trust_studio(self) -> None:
        """Make the role of Studio's apps: whoever works in one becomes the scientist, under their own name alone.

        SageMaker writes the name of the person's profile into each session of the role as its source identity, which
        nobody changes.
        """
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        service = iam.ServicePrincipal("sagemaker.amazonaws.com", conditions=account)
        self.studio = iam.Role(
            self,
            "Studio",
            assumed_by=service,
            description="Assembly line: apps of SageMaker Studio, before whoever works in one becomes the scientist",
        )
        allow(self.studio, ("sts:AssumeRole", "sts:SetSourceIdentity"), (self.scientist.role_arn,))
        app = {"aws:PrincipalArn": self.studio.role_arn}
        own_name = {"sts:RoleSessionName": "${aws:SourceIdentity}"}
        root = iam.AccountRootPrincipal()
        for role, action, principal, conditions in (
            (self.studio, "sts:SetSourceIdentity", service, {}),
            (self.scientist, "sts:AssumeRole", root, {"ArnEquals": app, "StringEquals": own_name}),
            (self.scientist, "sts:SetSourceIdentity", root, {"ArnEquals": app}),
        ):
            if trust := role.assume_role_policy:
                trust.add_statements(
                    iam.PolicyStatement(actions=[action], principals=[principal], conditions=conditions)
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


def _role_arn(stack: Stack, name: str) -> str:
    return stack.format_arn(service="iam", region="", resource="role", resource_name=name)


def _own_name(stack: Stack, sign_in: str, homes: list[str]) -> dict[str, Any] | None:
    """Conditions under which a session carries the name of who opens it: by that name the line knows who reviews.

    Args:
        homes: ARNs of the roles that people open by SAML or OIDC.
    """
    if sign_in == "iam_users":
        return {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
    if sign_in == "identity_center":
        # Whoever may tag a role of their own could claim any name: only the service's own roles count.
        users = _role_arn(stack, "aws-reserved/sso.amazonaws.com/*")
        own_tag = {"sts:RoleSessionName": f"${{aws:PrincipalTag/{USER_TAG}}}"}
        return {"ArnLike": {"aws:PrincipalArn": users}, "StringEquals": own_tag}
    if sign_in == "federation":
        # `sts:SourceIdentity` may come with this very call. The session had `aws:SourceIdentity` before, and only the
        # provider gives one to a session of these roles.
        return {
            "ArnEquals": {"aws:PrincipalArn": homes},
            "StringEquals": {"sts:RoleSessionName": "${aws:SourceIdentity}"},
        }
    if sign_in == "unverified":
        return None
    raise ValueError(f"sign_in {sign_in!r}: expected one of {', '.join(SIGN_INS)}")
