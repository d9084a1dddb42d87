"""Everything that names a dataset: runs, scoring work, the control table, the ledger. Whatever is named must stay."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from assembly_line.names import LedgerKind, run_prefix, scoring_prefix
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.services.objects import ObjectStore

NAMED = re.compile(r"ds-[0-9a-f]{32}")
# The table's own notes on datasets and releases refer to nothing.
NO_REFERENCE = ("dataset#", "release#")


def references(line: str, *, store: ObjectStore, control: ControlTable, ledger: ObjectStore) -> dict[str, list[str]]:
    """Dataset id -> what names it, in words, each once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for dataset_id, what in _named(line, store, control, ledger):
        found[dataset_id][what] = None
    return {dataset_id: list(named_by) for dataset_id, named_by in found.items()}


def _named(line: str, store: ObjectStore, control: ControlTable, ledger: ObjectStore) -> Iterator[tuple[str, str]]:
    # The prefix of no run is the folder of all: `runs/<line>//`.
    for kind, prefix in (("run", run_prefix(line, "")), ("scoring run", scoring_prefix(line, ""))):
        folder = prefix.removesuffix("/")
        for item in store.list(folder):
            if item.key.endswith(".json"):
                run_id = item.key.removeprefix(folder).partition("/")[0]
                for dataset_id in NAMED.findall(store.read(item.key).decode()):
                    yield dataset_id, f"{kind} {run_id}"
    for item_name, text in control.texts(line):
        if not item_name.startswith(NO_REFERENCE):
            for dataset_id in NAMED.findall(text):
                yield dataset_id, item_name.replace("#", " ")
    for row in Ledger(ledger).read(line, LedgerKind.PREDICTIONS):
        if "dataset_id" in row:
            yield str(row["dataset_id"]), "the ledger"
