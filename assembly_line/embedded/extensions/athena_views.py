"""Views of the catalog in queries: each that a query names stands before it as a named subquery."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace
from assembly_line.ledger import JSON_FUNCTION
from assembly_line.storage import VIEW, query_of

_WITH = re.compile(r"\s*WITH\s", re.IGNORECASE)
Rewrite = Callable[..., Awaitable[Any]]


def install() -> None:
    athena = ministack("services.athena", "_rewrite_data_paths", "_table_references")
    glue = ministack("services.glue", "_tables")
    stock: Rewrite = athena._rewrite_data_paths

    async def rewritten(query: str, database: str | None, catalog: str | None = None) -> Any:
        def view(name: str) -> str | None:
            described = glue._tables.get(f"{database or 'default'}/{name}") or {}
            return query_of(described) if described.get("TableType") == VIEW else None

        def named(text: str) -> list[str]:
            return [one.table for one in athena._table_references(text) if one.database in (None, database)]

        return await stock(with_views(query, view, named), database, catalog)

    replace(athena, "_rewrite_data_paths", rewritten)


def with_views(query: str, view: Callable[[str], str | None], named: Callable[[str], list[str]]) -> str:
    """The query, with each view that it reads, directly or by another one, as a subquery before it.

    Args:
        view: the query of a view by its name; None for what is none.
        named: which tables a query reads.
    """
    found: dict[str, str] = {}

    def find(text: str) -> None:
        for name in named(text):
            query_of_view = view(name)
            if query_of_view is not None and name not in found:
                find(query_of_view)
                found[name] = query_of_view.replace(*JSON_FUNCTION)

    find(query)
    if not found:
        return query
    before = ", ".join(f"{name} AS ({text})" for name, text in found.items())
    begins = _WITH.match(query)
    return f"WITH {before}, {query[begins.end() :]}" if begins else f"WITH {before} {query}"
