"""The templates of a cloud assembly as values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assembly_line.names import ENVIRONMENT_TAG

Template = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource of one template. `stack` is the stack's short name, such as `Features`."""

    stack: str
    id: str
    type: str
    properties: dict[str, Any]
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.stack}/{self.id} ({self.type})"


def short_name(stack: str) -> str:
    """`Features` of `AssemblyLine-dev-Features`."""
    return stack.split("-", 2)[2]


@dataclass(frozen=True)
class Templates:
    """Every template of an environment by its stack's short name, and the stacks that each depends on.

    Args:
        account, region: where the settings fix them; None where whoever deploys chooses.
    """

    environment: str
    by_stack: Mapping[str, Template]
    dependencies: Mapping[str, frozenset[str]]
    account: str | None = None
    region: str | None = None

    def full_name(self, stack: str) -> str:
        return f"AssemblyLine-{self.environment}-{stack}"

    @property
    def resources(self) -> list[Resource]:
        return [
            Resource(stack, id_, document["Type"], document.get("Properties", {}), document)
            for stack, template in self.by_stack.items()
            for id_, document in template["Resources"].items()
        ]

    def of_type(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]


def read_templates(assembly: Path, environment: str) -> Templates:
    """The templates of a synthesized folder."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    stacks = {
        name: artifact
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    account, region = _place(next(iter(stacks.values()))["environment"])
    return Templates(
        environment,
        {
            short_name(name): json.loads(
                (assembly / artifact["properties"]["templateFile"]).read_text(encoding="utf-8")
            )
            for name, artifact in stacks.items()
        },
        {
            short_name(name): frozenset(short_name(each) for each in artifact.get("dependencies", []) if each in stacks)
            for name, artifact in stacks.items()
        },
        account,
        region,
    )


def _place(environment: str) -> tuple[str | None, str | None]:
    """Of `aws://123456789012/eu-west-1`, or `aws://unknown-account/unknown-region`."""
    account, _, region = environment.removeprefix("aws://").partition("/")
    return (None if "unknown" in account else account), (None if "unknown" in region else region)


# The environment's tag in a condition, and in the tags of a definition, whose quotes are escaped.
_TAGGED = rf'({ENVIRONMENT_TAG}\\*"(?:,\s*\\*"Value\\*")?:\s*\\*")'


def renamed(templates: Templates, *, environment: str, lines: Mapping[str, str]) -> Templates:
    """The same templates as another environment with other lines would have them: every name is spelled anew.

    Args:
        lines: the declared name of each line -> the name that takes its place.
    """
    text = json.dumps({"by": templates.by_stack, "after": {k: sorted(v) for k, v in templates.dependencies.items()}})
    old = templates.environment
    pairs = [(f"AssemblyLine-{old}-", f"AssemblyLine-{environment}-")]
    pairs += [(f"assembly-line-{old}-", f"assembly-line-{environment}-")]
    pairs += [(f"assembly_line_{old}", f"assembly_line_{environment}")]
    pairs += [(f"/assembly-line/{old}", f"/assembly-line/{environment}")]
    for name, other in lines.items():
        pairs += [(name, other), (name.replace("_", "-"), other.replace("_", "-"))]
    for before, after in pairs:
        text = text.replace(before, after)
    text = re.sub(_TAGGED + rf"{old}(?=\\*\")", rf"\g<1>{environment}", text)
    found = json.loads(text)
    dependencies = {stack: frozenset(each) for stack, each in found["after"].items()}
    return Templates(environment, found["by"], dependencies, templates.account, templates.region)
