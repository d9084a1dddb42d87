"""What an environment asks of its account, read from its templates, its settings and its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from assembly_line.declarations.lines import Line
from assembly_line.proof.permissions.sign_in import SignIn
from assembly_line.proof.world import World


class Answer(Protocol):
    """What a question gives: see `storage/account/questions.py`."""

    @property
    def value(self) -> Any: ...
    @property
    def denied(self) -> str | None: ...
    @property
    def failed(self) -> str | None: ...
    @property
    def known(self) -> bool: ...


Ask = Callable[..., Answer]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Args: `bootstrap`: the version that the assembly needs; `sign_in`: by the settings."""

    world: World
    lines: tuple[Line, ...]
    region: str
    bootstrap: int
    sign_in: SignIn

    @property
    def environment(self) -> str:
        return self.world.environment

    @property
    def stacks(self) -> list[str]:
        return [self.world.templates.full_name(stack) for stack in self.world.templates.by_stack]

    @property
    def services(self) -> list[str]:
        """Of the resources: `lambda` of `AWS::Lambda::Function`."""
        kinds = {resource.type.split("::")[1] for resource in self.world.resources.values()}
        return sorted(SERVICES.get(kind, kind.lower()) for kind in kinds)

    def count(self, *types: str) -> int:
        return len(self.world.of_type(*types))

    def instances(self, use: str) -> set[str]:
        """Instance types that lines declare for `training` or `transform`."""
        types = (line.training.instance_type if use == "training" else line.training.scores_on for line in self.lines)
        return set(types)

    def refits(self, instance: str) -> bool:
        """Whether a line that uses the instance type fits twice at once."""
        return any(
            line.training.refit and instance in (line.training.instance_type, line.training.scores_on)
            for line in self.lines
        )


# As botocore calls the services of resource types.
SERVICES = {"StepFunctions": "stepfunctions", "ApiGatewayV2": "apigatewayv2", "CloudWatch": "cloudwatch"}


def joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
