"""How the columns of a source's file changed beside what the line reads, which is refused before anything is built.

A declared column that is gone or of another type stops the load (`source_checks`) and the plan (`planning`), by name.
"""

from __future__ import annotations

from assembly_line.features.model.findings import Finding
from assembly_line.features.model.plans import Plan


def schema_rules(plan: Plan) -> list[Finding]:
    """One finding for each source whose file has columns that no declaration names, or lost some."""
    found = []
    for name, part in plan.inputs.items():
        drift = part.drift
        if not (drift.ignored or drift.gone):
            continue
        said = [f"columns that are not declared and not loaded: {', '.join(drift.ignored)}"] if drift.ignored else []
        said += [f"new since the load before: {', '.join(drift.added)}"] if drift.added else []
        said += [f"gone since the load before: {', '.join(drift.gone)}"] if drift.gone else []
        found.append(
            Finding(
                rule=f"schema of {name}",
                passed=not drift.gone,
                severity="warning",
                value="; ".join(said),
                expected="every declared column in its declared type, and no column lost",
                advice="declare a column in the source's columns= to use it",
            )
        )
    return found
