"""A CDK app that imports the modules that the stacks import, and creates one empty stack: the floor of a synthesis."""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTED = time.perf_counter()


def modules() -> list[str]:
    """The CDK's modules that app.py and the stacks name in their imports."""
    found: set[str] = set()
    for path in [ROOT / "app.py", *sorted((ROOT / "stacks").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return sorted(name for name in found if name == "aws_cdk" or name.startswith("aws_cdk.aws_"))


def main() -> None:
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    for name in modules():
        importlib.import_module(name)
    cdk = importlib.import_module("aws_cdk")
    app = cdk.App(analytics_reporting=False, tree_metadata=False, stack_traces=False)
    cdk.Stack(app, "Empty")
    app.synth()
    print(json.dumps({"modules": len(modules())}))


if __name__ == "__main__":
    main()
