"""Tells who called."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    iam = event["requestContext"]["authorizer"]["iam"]
    boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"id": iam["userArn"]})
    return {"statusCode": 200, "body": json.dumps({"caller": iam["userArn"]})}
