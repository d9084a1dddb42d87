"""A finished dataset that is asked for under other quality rules is judged by these before it is answered."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from assembly_line.declarations.quality import Unique
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.files.reading_back import MEMORY_MIB, opened_dataset
from assembly_line.features.files.session import connect
from assembly_line.features.model.findings import Finding, broken
from assembly_line.features.model.manifests import Manifest
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.gate import examine, require_passed, rules_of
from assembly_line.features.quality.revalidation import built_again, kept_findings, same_rules
from assembly_line.features.sources.source_rules import judged_rule
from assembly_line.storage import Account


def require_passed_again(account: Account, plan: Plan, manifest: Manifest) -> None:
    """Let a finished dataset through if it passes the rules of the plan's release; at once if it did before.

    Raises:
        QualityGateFailed: it does not; the dataset stays what it is for releases whose rules it passes.
    """
    rules = rules_of(plan.line)
    if same_rules(plan, manifest) or account.datasets.passed_again(plan, rules):
        return
    with tempfile.TemporaryDirectory(prefix="dataset-") as place:
        folder = Path(place)
        account.datasets.download(plan.line.name, plan.dataset_id, folder / "data.parquet")
        kept, missing = kept_findings(plan, manifest)
        kept += _of_sources(account, plan, missing, folder)
        earlier = [figures for figures in account.datasets.history(plan) if figures.dataset_id != plan.dataset_id]
        with opened_dataset(folder / "data.parquet") as columns:
            findings = examine(plan, built_again(manifest, kept), columns, history=earlier)
    passed = not broken(findings)
    account.datasets.write_judgement(plan, rules, [finding.to_json() for finding in findings], passed=passed)
    require_passed(plan.dataset_id, findings)


def _of_sources(account: Account, plan: Plan, rules: Sequence[Unique], folder: Path) -> list[Finding]:
    """Rules that need rows of sources, in the versions that the dataset was built from."""
    found = []
    for rule in rules:
        names = [source.name for source in rule.source.loaded]
        files = {name: account.lake.fetch_objects(name, plan.inputs[name].objects, folder) for name in names}
        with connect(folder, memory_mib=MEMORY_MIB) as connection:
            found.append(judged_rule(plan, rule, DuckdbReader(connection, files)))
    return found
