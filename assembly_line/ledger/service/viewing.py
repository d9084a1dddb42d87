"""The views of a line's decisions in the catalog, for BI tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.ledger.views import views_of

if TYPE_CHECKING:
    from assembly_line.storage import Account


def publish_views(account: Account, line: str) -> None:
    """Let the catalog have the views of a line's ledger, with the keys of its current release.

    Raises:
        NotFound: the line has no release here.
        Conflict: a table of a line has the name of a view.
    """
    account.ledger_catalog.publish_views(line, views_of(account.released.current(line).decision.keys))
