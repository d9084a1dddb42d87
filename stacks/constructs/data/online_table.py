"""The online table: what is kept of each entity for real-time decisions. Everything in it can be published again."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from assembly_line.names import OnlineKey
from stacks.constructs.access.grants import allow, arn_for, use_key


class OnlineTable(Construct):
    """Exposes `name`, and who may read or write items."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, keep: bool) -> None:
        super().__init__(scope, id_)
        self._key = key
        self._table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=str(OnlineKey.PARTITION), type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=str(OnlineKey.SORT), type=dynamodb.AttributeType.NUMBER),
            time_to_live_attribute=str(OnlineKey.EXPIRES),
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
        """Read items whose keys are known; nobody may list them."""
        allow(role, ("dynamodb:BatchGetItem", "dynamodb:GetItem"), (arn_for(role, self._table, self._table.table_arn),))
        use_key(role, self._key)

    def grant_publish(self, role: iam.Role) -> None:
        """Put items, and the pointer to the generation in force. Nobody may delete: items expire."""
        actions = ("dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem")
        allow(role, actions, (arn_for(role, self._table, self._table.table_arn),))
        use_key(role, self._key)
