"""The tables of what each line has: its release, runs and reviews; and, in one of its own, who decides."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from assembly_line.names import ControlKey
from stacks.constructs.access.grants import allow, use_key


class ControlTable(Construct):
    """Exposes `name`, and who may read or write items."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, keep: bool) -> None:
        super().__init__(scope, id_)
        self._key = key
        # Not TableV2: under a customer key it needs the Region at synthesis, and these stacks deploy into any.
        self._table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text(ControlKey.PARTITION),
            sort_key=_text(ControlKey.SORT),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        self.name = self._table.table_name

    def grant_read(self, role: iam.Role) -> None:
        allow(role, ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"), (self._table.table_arn,))
        use_key(role, self._key)

    def grant_write(self, role: iam.Role) -> None:
        """Put items. Nobody may delete."""
        allow(role, ("dynamodb:PutItem",), (self._table.table_arn,))
        use_key(role, self._key)


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=str(name), type=dynamodb.AttributeType.STRING)
