"""What every stack is held to when the context asks for it: AwsSolutions, and CloudFormation's own schema."""

from __future__ import annotations

from aws_cdk import App, CloudFormationValidatePlugin, Validations

from stacks.constructs.access.reasons import tell_rules


def apply_rules(app: App) -> None:
    """A finding that nobody acknowledged, or a property that CloudFormation does not take, stops the synthesis."""
    # Imported only here: it takes a second that a plain synthesis need not spend.
    from cdk_nag import AwsSolutionsChecks

    tell_rules()
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), CloudFormationValidatePlugin())
