"""Features of one entity at an instant, from the online table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assembly_line.features.online import questions

if TYPE_CHECKING:
    from assembly_line.requests import FeaturesRequest
    from assembly_line.storage import Account


def values_at(account: Account, line: str, request: FeaturesRequest) -> dict[str, Any]:
    """Values as of an instant, computed by the release that was published, whatever is current now.

    Raises:
        NotFound: nothing is published of the line.
        RequestRefused: the published features cannot answer it.
    """
    now = datetime.now(UTC)
    generation = account.online_table.in_force(line, now=now).generation
    declared = account.released.of_release(generation.release)
    found: dict[str, Any] = questions.answer(declared, generation, account.online_table, request, now=now)
    return found
