"""What the stacks published for whoever uses them: SSM parameters of one environment."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from assembly_line.errors import TargetUnreachable
from assembly_line.names import (
    PROJECT,
    log_parameter,
    parameter_name,
    subscriber_dead_letters_parameter,
    subscriber_declaration_parameter,
    subscriber_queue_parameter,
)

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient


class Parameters:
    """All parameters of an environment, read once."""

    def __init__(self, ssm: SSMClient, environment: str) -> None:
        self._ssm = ssm
        self.environment = environment

    @cached_property
    def all(self) -> dict[str, str]:
        """Parameter name -> value."""
        pages = self._ssm.get_paginator("get_parameters_by_path").paginate(
            Path=f"/{PROJECT}/{self.environment}/", Recursive=True
        )
        return {found["Name"]: found["Value"] for page in pages for found in page["Parameters"]}

    def value(self, parameter: str) -> str:
        """One parameter.

        Raises:
            TargetUnreachable: the environment is not deployed here.
        """
        return self._find(parameter_name(self.environment, parameter))

    def now(self, parameter: str) -> str | None:
        """One parameter, asked anew; None if nobody published it."""
        try:
            found = self._ssm.get_parameter(Name=parameter_name(self.environment, parameter))
        except self._ssm.exceptions.ParameterNotFound:
            return None
        return found["Parameter"]["Value"]

    def publish(self, parameter: str, value: str) -> None:
        """What the stacks leave to whoever starts it: of the embedded AWS alone."""
        self._ssm.put_parameter(
            Name=parameter_name(self.environment, parameter), Value=value, Type="String", Overwrite=True
        )

    def withdraw(self, parameter: str) -> None:
        self._ssm.delete_parameters(Names=[parameter_name(self.environment, parameter)])

    def log_groups(self) -> dict[str, str]:
        """Function, such as `training.begin` -> its log group."""
        folder = log_parameter(self.environment)
        return {name.removeprefix(folder): group for name, group in self.all.items() if name.startswith(folder)}

    def subscriber_queue(self, line: str, subscriber: str) -> str:
        """URL of the queue that a subscriber of the line reads."""
        return self._find(subscriber_queue_parameter(self.environment, line, subscriber))

    def subscriber_queues(self, line: str) -> dict[str, str]:
        """Subscriber -> URL of its queue, of every subscriber of the line."""
        return self._of_subscribers(subscriber_queue_parameter(self.environment, line, "|"))

    def added_consumers(self, line: str) -> dict[str, str]:
        """Consumer that was added beside the line's declaration -> what it is, as JSON."""
        return self._of_subscribers(subscriber_declaration_parameter(self.environment, line, "|"))

    def _of_subscribers(self, named: str) -> dict[str, str]:
        """Subscriber -> value of the parameter that has its name in the place of `|`."""
        before, _, after = named.partition("|")
        return {
            name.removeprefix(before).removesuffix(after): value
            for name, value in self.all.items()
            if name.startswith(before) and name.endswith(after)
        }

    def subscriber_dead_letters(self, line: str, subscriber: str) -> str:
        return self._find(subscriber_dead_letters_parameter(self.environment, line, subscriber))

    def _find(self, name: str) -> str:
        if not self.all:
            raise TargetUnreachable(
                f"environment {self.environment!r} is not deployed here (no parameters under "
                f"/{PROJECT}/{self.environment}/); run `line deploy` first, or choose another --environment"
            )
        if name not in self.all:
            raise TargetUnreachable(f"parameter {name} is missing here; deploy the stacks again with `line deploy`")
        return self.all[name]
