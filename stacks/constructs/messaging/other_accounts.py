"""What a line grants to the accounts of other teams: to subscribe, and to read what its messages point to."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.names import Folder, delivered_prefix, readers_role
from stacks.constructs.access.grants import allow, arn_for
from stacks.constructs.data.data_bucket import BY_PREFIX
from stacks.foundation import FoundationStack


class OtherAccounts(Construct):
    """Named accounts alone, and queues of theirs alone.

    They read objects by a role of the line's. So neither the bucket nor its key has to name them, and all goes with the
    line.
    """

    def __init__(
        self, scope: Construct, id_: str, *, line: Line, topic: sns.Topic, foundation: FoundationStack
    ) -> None:
        super().__init__(scope, id_)
        for account in line.delivery.accounts:
            topic.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=f"Subscribe{account}",
                    principals=[iam.AccountPrincipal(account)],
                    actions=["sns:Subscribe"],
                    resources=[topic.topic_arn],
                    conditions={
                        "StringEquals": {"sns:Protocol": "sqs"},
                        "StringLike": {"sns:Endpoint": f"arn:*:sqs:*:{account}:*"},
                    },
                )
            )
        role = iam.Role(
            self,
            "Readers",
            role_name=readers_role(foundation.deployment.environment, line.name),
            description=f"Reads what messages of {line.name} point to, for other accounts",
            assumed_by=iam.CompositePrincipal(*map(iam.AccountPrincipal, line.delivery.accounts)),
        )
        bucket = arn_for(self, foundation.store.bucket, foundation.store.bucket.bucket_arn)
        prefixes = (f"{Folder.SCORING}{line.name}/", delivered_prefix(line.name))
        allow(role, ("s3:GetObject",), [f"{bucket}/{prefix}*" for prefix in prefixes], because=BY_PREFIX)
        allow(role, ("kms:Decrypt",), (foundation.key.key_arn,))
        CfnOutput(self, "RoleArn", value=role.role_arn, description=f"Role of readers of {line.name} elsewhere")
