"""A mocked online table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from assembly_line.names import OnlineKey
from tests.aws.conftest import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

TABLE = "online"


def new_online_table() -> DynamoDBServiceResource:
    """DynamoDB with an empty table, keyed as the stack keys it."""
    resource = boto3.resource("dynamodb", region_name=REGION)
    resource.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": OnlineKey.PARTITION, "KeyType": "HASH"},
            {"AttributeName": OnlineKey.SORT, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": OnlineKey.PARTITION, "AttributeType": "S"},
            {"AttributeName": OnlineKey.SORT, "AttributeType": "N"},
        ],
    )
    return resource
