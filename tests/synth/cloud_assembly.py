"""A cloud assembly of the app, synthesized as the CDK's command does it, and what these tests ask of its templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240
# Nothing of an account and nothing to reach one with: a synthesis needs neither.
FORBIDDEN = ("AWS_", "CDK_")


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


class Assembly:
    """A cloud assembly that was written by a process of its own."""

    def __init__(self, folder: Path, process: subprocess.CompletedProcess[str]) -> None:
        self.folder = folder
        self.process = process

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """Short stack name -> template."""
        # A broken security rule is the matter of one test: the templates are written all the same.
        assert (self.folder / "manifest.json").exists(), self.process.stderr[-3000:]
        return {
            path.name.removesuffix(".template.json").split("-", 2)[2]: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(self.folder.glob("*.template.json"))
        }

    @property
    def environment(self) -> str:
        return next(self.folder.glob("*.template.json")).name.split("-", 2)[1]

    @cached_property
    def resources(self) -> list[Resource]:
        return [
            Resource(stack, id_, resource["Type"], resource.get("Properties", {}), resource)
            for stack, template in self.templates.items()
            for id_, resource in template["Resources"].items()
        ]

    @cached_property
    def dependencies(self) -> dict[str, set[str]]:
        """Short stack name -> the stacks that are deployed before it."""
        manifest = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        return {
            name.split("-", 2)[2]: {each.split("-", 2)[2] for each in artifact.get("dependencies", [])}
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }

    def of_type(self, type_: str) -> list[Resource]:
        """Every resource of a type; at least one, or a rule over them would hold of nothing."""
        found = [resource for resource in self.resources if resource.type == type_]
        assert found, f"no {type_} in any template"
        return found

    def resource(self, stack: str, id_: str) -> Resource:
        return next(each for each in self.resources if (each.stack, each.id) == (stack, id_))


def synthesize(folder: Path, **context: str) -> Assembly:
    """Run app.py with this context."""
    return Assembly(folder, run([sys.executable, "app.py"], folder, **context))


def run(command: list[str], folder: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """Run a CDK app that writes its assembly into `folder`, with the context of cdk.json and this one."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(FORBIDDEN)}
    variables |= {
        # CDK runs on Node: the one beside this interpreter.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "CDK_CONTEXT_JSON": json.dumps(flags | context),
        "CDK_OUTDIR": str(folder),
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".tools" / "jsii"),
    }
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
