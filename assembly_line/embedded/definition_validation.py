"""State machine definitions, judged by npm's `asl-validator`, which reads JSONata too. A development package."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from assembly_line.embedded.deployment import cdk_command
from assembly_line.errors import ProofError
from assembly_line.proof.findings import Finding, Judgement, fault
from assembly_line.proof.machines.tasks import Machine

CHECK = "definitions"
LIMIT_SECONDS = 60
_PROGRAM = """
const validate = require("asl-validator");
let text = "";
process.stdin.on("data", (part) => (text += part)).on("end", () => {
  const answer = JSON.parse(text).map((one) => validate(one, { checkPaths: true, checkArn: true }).errors);
  process.stdout.write(JSON.stringify(answer));
});
"""
MISSING = "Whether the definitions are valid States Language: asl-validator is missing (`tools/install.sh test`)."


def judged_definitions(machines: Iterable[Machine], repository: Path) -> Judgement:
    """Ask the validator about every definition. Without it, that is told."""
    machines = list(machines)
    modules = [repository / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    if not any((folder / "asl-validator").is_dir() for folder in modules):
        return Judgement(check=CHECK, not_judged=(MISSING,))
    answer = subprocess.run(
        [cdk_command(repository)[0], "-e", _PROGRAM],
        input=json.dumps([machine.definition for machine in machines]),
        env={"NODE_PATH": os.pathsep.join(map(str, modules)), "PATH": os.defpath},
        cwd=repository, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
    )  # fmt: skip
    if answer.returncode:
        raise ProofError(f"asl-validator ended with {answer.returncode}: {answer.stderr[-500:]}; install it anew")
    found = tuple(sorted(_findings(machines, json.loads(answer.stdout))))
    return Judgement(check=CHECK, counts={"machines": len(machines)}, findings=found)


def _findings(machines: Iterable[Machine], answers: list[list[dict[str, str]]]) -> Iterator[Finding]:
    for machine, errors in zip(machines, answers, strict=True):
        for error in errors:
            yield fault(
                CHECK, machine.name, f"{error['Error code']}: {error['Message'][:300]}", "correct the definition"
            )
