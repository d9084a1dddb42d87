"""Who signed in: what IAM knows of a person who takes one of the line's roles.

Sources: IAM's guide on global condition keys, and "Monitor and control actions taken with assumed roles".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assembly_line.proof.physical_names import Place

SSO_ROLE = "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Scientist_0123456789abcdef"
ROLE_ARN = "arn:{p}:iam::{a}:role/{name}"


@dataclass(frozen=True)
class SignIn:
    """How people sign in to the account, by the environment's settings.

    Args:
        kind: the setting `sign_in`.
        roles: the setting `federated_roles`: names of roles that people open by SAML or OIDC, after their path.
    """

    kind: str = "iam_users"
    roles: tuple[str, ...] = ()

    def arns(self, place: Place) -> tuple[str, ...]:
        """ARNs of the federated roles."""
        return tuple(place.fill(ROLE_ARN, name=name) for name in self.roles)

    def context(self, person: str, place: Place) -> Mapping[str, tuple[str, ...]]:
        """The condition keys of a person of this name, before any role of the line is taken."""
        match self.kind:
            case "iam_users":
                return {"aws:username": (person,)}
            case "identity_center":
                own_role = place.fill(ROLE_ARN, name=SSO_ROLE)
                return {"aws:PrincipalTag/userName": (person,), "aws:PrincipalArn": (own_role,)}
            case "federation":
                # Of a chained session IAM knows the source identity under both names.
                identity = {"aws:SourceIdentity": (person,), "sts:SourceIdentity": (person,)}
                return {**identity, "aws:PrincipalArn": self.arns(place)[:1]}
            case _:
                return {}

    @property
    def asked(self) -> tuple[str, ...]:
        """Actions that IAM asks of the trust policy when a person takes a role."""
        chained = ("sts:SetSourceIdentity",) if self.kind == "federation" else ()
        return ("sts:AssumeRole", *chained)
