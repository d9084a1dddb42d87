"""The judgement of a finished or refused dataset, found by its id or its run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound
from assembly_line.storage import DATASET
from assembly_line.throughput import find

if TYPE_CHECKING:
    from assembly_line.storage import Account, Execution

WHOLE_ID = re.compile(r"ds-[0-9a-f]{32}")


def judged(account: Account, text: str) -> dict[str, Any]:
    """The judgement as JSON values.

    Raises:
        NotFound: there is no such dataset or run, or the run ended before its dataset was judged.
        RequestRefused: several datasets begin so.
    """
    dataset = text if DATASET.fullmatch(text) else _dataset_of_run(account, text)
    found = account.finished_datasets.judged(dataset, account.control.lines())
    return {
        "dataset_id": found.dataset_id,
        "line": found.line,
        "finished": found.manifest is not None,
        "stopped_by": [finding.rule for finding in found.findings if finding.stops],
        "findings": [finding.to_json() for finding in found.findings],
        "audit": None if found.manifest is None else found.manifest.audit,
    }


def _dataset_of_run(account: Account, run: str) -> str:
    found = find(account, run)
    if found is None:
        raise NotFound(
            f"{run!r} is no dataset and no run here; `line dataset list` shows datasets, `line status` runs",
            where="dataset or run",
            value=repr(run),
            expected="one that there is",
        )
    named = _dataset_in(found[1])
    if named is None:
        raise NotFound(
            f"run {run}: ended before a dataset was judged; `line logs {run}` shows why",
            where="run",
            value=repr(run),
            expected="one that judged a dataset",
        )
    return named


def _dataset_in(execution: Execution) -> str | None:
    """The dataset that an execution answered with, or that its error is about."""
    if isinstance(execution.output, dict) and "dataset_id" in execution.output:
        return str(execution.output["dataset_id"])
    named = WHOLE_ID.search(f"{execution.error} {execution.cause}")
    return named.group() if named else None
