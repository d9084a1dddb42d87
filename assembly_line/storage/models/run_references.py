"""Everything that names a training run: other runs, scoring work, the control table, executions, the ledger."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from assembly_line.names import (
    ControlKey,
    LedgerKind,
    approved_item,
    expired_item,
    review_item,
    run_item,
    run_prefix,
    scoring_prefix,
)
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage.account import Account
from assembly_line.training import DECIDES

# A text of JSON that may be a run's id, wherever it stands.
QUOTED = re.compile(r'"([A-Za-z0-9_-]{1,80})"')
# What a table keeps of a run refers to nothing else of that run.
OWN = tuple(item("") for item in (run_item, review_item, expired_item))


def run_references(line: str, account: Account, known: Collection[str]) -> dict[str, list[str]]:
    """Run id -> what refers to it, in words, each once.

    Args:
        known: ids of the line's runs.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for run_id, what in _named(line, account):
        if run_id in known:
            found[run_id][what] = None
    return {run_id: list(named_by) for run_id, named_by in found.items()}


def _named(line: str, account: Account) -> Iterator[tuple[str, str]]:
    yield from _in_tables(line, account)
    yield from _in_executions(account)
    for kind, prefix in (("run", run_prefix(line, "")), ("scoring run", scoring_prefix(line, ""))):
        folder = prefix.removesuffix("/")
        for item in account.store.list(folder):
            if item.key.endswith(".json"):
                owner = item.key.removeprefix(folder).partition("/")[0]
                for named in QUOTED.findall(account.store.read(item.key).decode()):
                    if named != owner:
                        yield named, f"{kind} {owner} refers to it"
    for row in account.ledger.read(line, LedgerKind.PREDICTIONS):
        model = row.get("model")
        if isinstance(model, Mapping):
            yield str(model.get("run_id")), "the ledger has predictions of its model"


def _in_tables(line: str, account: Account) -> Iterator[tuple[str, str]]:
    for item, text in account.control.texts(line):
        own = item.partition("#")[2] if item.startswith(OWN) else None
        approved = item.removeprefix(approved_item("")) if item.startswith(approved_item("")) else None
        if approved is not None:
            yield approved, "it was approved, so it may decide again"
        if item == ControlKey.CHAMPION:
            yield str(json.loads(text)["run_id"]), DECIDES
        for named in QUOTED.findall(text):
            if named not in (own, approved) and item != ControlKey.CHAMPION:
                yield named, f"{item.replace('#', ' ')} refers to it"


def _in_executions(account: Account) -> Iterator[tuple[str, str]]:
    """Runs that go on, or wait for their review, and what they were asked for."""
    for arn in account.machines.running(account.named(TRAINING_RUN.parameter)):
        name = arn.rpartition(":")[2]
        yield name, "it goes on, or waits for its review"
        for named in QUOTED.findall(json.dumps(account.machines.describe(arn).request)):
            yield named, f"run {name}, which goes on, refers to it"
