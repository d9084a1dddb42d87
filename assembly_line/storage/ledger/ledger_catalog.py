"""The tables of a line's ledger in the Glue Data Catalog: a partition is a day, and moves to its new folder at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from assembly_line.names import line_table
from assembly_line.storage.lake.catalog import CatalogTable
from assembly_line.storage.lake.catalog_views import CatalogView

if TYPE_CHECKING:
    from assembly_line.ledger import LedgerState, View
    from assembly_line.storage.lake.catalog import Catalog

GLUE = {"VARCHAR": "string", "BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "boolean"}
DAY = "day"
DESCRIPTIONS = {
    "predictions": "every prediction, each revision of its own",
    "deliveries": "what became of every message",
    "quarantine": "scores and feedback that were kept aside, with the reason",
    "feedback": "every statement about a decision: overrides, reported outcomes, receipts",
    "outcomes": "outcomes that were derived from the declared source",
    "decisions": "one row a decision: what was predicted and delivered, what was done, what came of it",
}


class LedgerCatalog:
    """Lets queries see what is compacted."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def publish(
        self,
        line: str,
        state: LedgerState,
        *,
        types: Mapping[str, Mapping[str, str]],
        location: Callable[[str], str],
    ) -> None:
        """Let the catalog say what the state says. A query sees each day as it was, or as it is now.

        Args:
            types: table -> column -> type, in DuckDB's words.
            location: the `s3://` folder of a part's key, and of all tables for an empty one.
        """
        for table, columns in types.items():
            self._catalog.put(
                CatalogTable(
                    name=ledger_table(line, table),
                    description=f"The ledger of {line}: {DESCRIPTIONS[table]}",
                    columns={name: GLUE[kind] for name, kind in columns.items() if name != DAY},
                    location=f"{location('')}{table}/",
                    partitions={day: location(part.key) for day, part in state.of_table(table).items()},
                    parameters={"assembly_line.generation": str(state.generation)},
                    partitioned_by=DAY,
                )
            )

    def publish_views(self, line: str, views: Iterable[View]) -> None:
        """Let the catalog have these views. Each reads a table of the ledger, or a view before it."""
        for view in views:
            self._catalog.put_view(
                CatalogView(
                    name=ledger_table(line, view.name),
                    description=f"The ledger of {line}: {view.meaning}",
                    columns={one.name.strip('"'): (one.kind, one.meaning) for one in view.columns},
                    sql=view.sql(ledger_table(line, view.over)),
                )
            )


def ledger_table(line: str, table: str) -> str:
    """A ledger table's name in the Glue Data Catalog."""
    return line_table(line, f"ledger_{table}")
