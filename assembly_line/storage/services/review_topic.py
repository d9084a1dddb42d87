"""The SNS topic by which a line reminds its reviewers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from assembly_line.names import review_topic

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient

GONE = ("NotFound", "NotFoundException")


class ReviewTopic:
    """The ARN is derived, because no stack refers to a line's."""

    def __init__(self, sns: SNSClient, *, account: str, environment: str, line: str) -> None:
        self._sns = sns
        meta = sns.meta
        self.arn = f"arn:{meta.partition}:sns:{meta.region_name}:{account}:{review_topic(environment, line)}"

    def tell(self, kind: str, *, subject: str, text: str) -> bool:
        """Send to who subscribed to messages of this kind. False if the line has no such topic here."""
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        try:
            self._sns.publish(
                TopicArn=self.arn,
                Subject=subject,
                Message=text,
                MessageAttributes=attributes,  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return False
            raise
        return True
