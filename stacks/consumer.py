"""The stack of one consumer that is added beside its line's declaration: a CDK app of its own, which `line` deploys."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import App, ArnFormat, Stack
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from assembly_line.declarations.codec import subscriber_from_json, subscriber_to_json
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.names import (
    Folder,
    Parameter,
    consumer_stack,
    line_resource,
    parameter_name,
    stack_name,
    subscriber_dead_letters_parameter,
    subscriber_declaration_parameter,
    subscriber_queue_parameter,
)
from stacks.constructs.messaging.consumer_queue import ConsumerQueue
from stacks.rules import apply_rules
from stacks.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]


class ConsumerStack(Stack):
    """One consumer of a line. It refers to no other stack: it derives the topic's name, and reads SSM parameters."""

    def __init__(
        self, scope: Construct, *, environment: str, settings: Settings, line: str, consumer: Subscriber
    ) -> None:
        name = stack_name(environment, consumer_stack(line, consumer.name))
        super().__init__(scope, name, env={"account": settings.account, "region": settings.region})
        found = {
            parameter: ssm.StringParameter.value_for_string_parameter(self, parameter_name(environment, parameter))
            for parameter in (Parameter.ALARM_TOPIC, Parameter.DATA_KEY, Parameter.STORE_BUCKET)
        }
        store = self.format_arn(service="s3", resource=found[Parameter.STORE_BUCKET], account="", region="",
                                arn_format=ArnFormat.NO_RESOURCE_NAME)  # fmt: skip
        made = ConsumerQueue(
            self,
            "Consumer",
            topic_arn=self.format_arn(
                service="sns", resource=line_resource(environment, line), arn_format=ArnFormat.NO_RESOURCE_NAME
            ),
            consumer=consumer,
            alarms=sns.Topic.from_topic_arn(self, "Alarms", found[Parameter.ALARM_TOPIC]),
            keep=settings.keep_data,
            data_key=found[Parameter.DATA_KEY],
            large=f"{store}/{Folder.SCORING}{line}/*",
        )
        for id_, parameter, value in (
            ("QueueUrl", subscriber_queue_parameter, made.queue.queue_url),
            ("DeadLettersUrl", subscriber_dead_letters_parameter, made.dead_letters.queue_url),
            ("Declaration", subscriber_declaration_parameter, json.dumps(subscriber_to_json(consumer))),
        ):
            named = parameter(environment, line, consumer.name)
            ssm.StringParameter(self, id_, parameter_name=named, string_value=value)


def main() -> None:
    """Synthesize the stack of the consumer that the context describes."""
    app = App(analytics_reporting=False, tree_metadata=False, stack_traces=False,
              builtin_cloud_formation_validation=False)  # fmt: skip
    environment, line, consumer = (str(app.node.try_get_context(name)) for name in ("environment", "line", "consumer"))
    ConsumerStack(
        app,
        environment=environment,
        settings=load_settings(ROOT / "settings", environment),
        line=line,
        consumer=subscriber_from_json(json.loads(consumer)),
    )
    if app.node.try_get_context("nag"):
        apply_rules(app)
    app.synth()


if __name__ == "__main__":
    main()
