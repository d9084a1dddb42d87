"""What the command line and applications look up: SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from assembly_line.names import parameter_name


class Parameters(Construct):
    """The parameters that one stack writes."""

    def __init__(self, scope: Construct, *, environment: str, values: Mapping[str, str]) -> None:
        super().__init__(scope, "Parameters")
        for parameter, value in values.items():
            words = "".join(word.capitalize() for word in parameter.split("-"))
            name = parameter_name(environment, parameter)
            ssm.StringParameter(self, words, parameter_name=name, string_value=value)
