"""How a proof is shown: figures of each judgement, then what it found, then what it could not judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assembly_line.cli.output import Render, rows

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.environments.proving import Proof

SHOWN = 40


def draw(proofs: Sequence[Proof]) -> Render:
    """One table over all cases, every fault, the remarks by their kind."""
    judged = [(proof, judgement) for proof in proofs for judgement in proof.judgements]
    content = [
        [
            proof.case,
            judgement.check,
            len(judgement.faults),
            ", ".join(f"{n} {name}" for name, n in judgement.counts.items()),
        ]
        for proof, judgement in judged
    ]

    def render(console: Console) -> None:
        rows(["Environment", "Judged", "Faults", "Figures"], content)(console)
        faults = Counter(finding for proof in proofs for finding in proof.faults)
        for finding in list(faults)[:SHOWN]:
            console.print(f"FAULT  {finding.place}: {finding.says}. {finding.todo}", markup=False, soft_wrap=True)
        if len(faults) > SHOWN:
            console.print(f"... and {len(faults) - SHOWN} more; --json lists all", markup=False)
        remarks = Counter(
            finding.check for _, judgement in judged for finding in judgement.findings if finding not in faults
        )
        for check, number in remarks.items():
            console.print(f"{number} remarks on {check}; --json lists them", markup=False)
        console.print("Not judged:", markup=False)
        for sentence in dict.fromkeys(each for _, judgement in judged for each in judgement.not_judged):
            console.print(f"- {sentence}", markup=False, soft_wrap=True)

    return render
