"""The topic by which a line reminds its reviewers, and the addresses that it declares."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.names import review_topic


class ReviewReminders(Construct):
    """Nothing where the line announces nothing. The training machine's function knows the topic by its name."""

    def __init__(self, scope: Construct, id_: str, *, line: Line, environment: str, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        if not line.review.announces:
            return
        topic = sns.Topic(
            self,
            "Topic",
            topic_name=review_topic(environment, line.name),
            display_name=f"Reviews of {line.name}",
            master_key=key,
            enforce_ssl=True,
        )
        for kind, addresses in (("reminder", line.review.remind), ("escalation", line.review.escalate_to)):
            for number, address in enumerate(addresses):
                sns.CfnSubscription(
                    self,
                    f"{kind.capitalize()}{number}",
                    topic_arn=topic.topic_arn,
                    protocol="email",
                    endpoint=address,
                    filter_policy={"kind": [kind]},
                )
