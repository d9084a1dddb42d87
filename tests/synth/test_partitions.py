"""The line deploys into every partition of AWS: no template and no code that runs there spells one."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from tests.synth.cloud_assembly import ROOT, Assembly

RUNNING = ("assembly_line", "lambdas", "glue_jobs", "stacks")
# They run on this machine; the proof and the doctor read and write ARNs of every partition.
LOCAL = ("embedded", "cli", "proof", "doctor")


def test_no_template_spells_a_partition(each_assembly: Assembly) -> None:
    spelling = [name for name, template in each_assembly.templates.items() if "arn:aws" in json.dumps(template)]
    assert spelling == []


def test_no_code_spells_a_partition() -> None:
    files = [path for folder in RUNNING for path in (ROOT / folder).rglob("*.py") if not set(path.parts) & set(LOCAL)]
    assert len(files) > 100
    assert [f"{path}:{line}" for path in files for line in _spelling(path)] == []


def _spelling(path: Path) -> Iterator[int]:
    """Lines of texts that name the partition; sentences about ARNs may."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in documented and "arn:aws" in str(node.value):
            yield node.lineno
