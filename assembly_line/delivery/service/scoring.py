"""What a scoring run means before it starts, and what it kept aside once it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.delivery.question import require_same_question
from assembly_line.delivery.run_standing import require_worth_acting
from assembly_line.delivery.service.kept_aside import of_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from assembly_line.delivery.run_standing import Standing
    from assembly_line.requests import ScoringRequest
    from assembly_line.storage import Account

# Kept-aside decisions that a run tells by itself.
SHOWN = 10


def standing_of(account: Account, request: ScoringRequest, *, now: datetime) -> Standing:
    """How the run would stand to the line's business clock.

    Raises:
        NotFound: the line was never released, or has no champion.
        RequestRefused: everything has expired, or the champion decides about other keys than the line declares now.
        ScoringFailed: the champion predicts something else than the line declares now.
    """
    release, champion = account.released.release(request.line), account.control.champion(request.line)
    line = release.line
    if champion.release != release.digest:
        require_same_question(line, champion, account.released.of_release(champion.release))
    standing = account.scored_periods.standing(request, champion, now=now)
    require_worth_acting(request, instant=standing.instant, expires_after=line.policy.expires_after)
    return standing


def kept_aside(account: Account, output: Mapping[str, Any]) -> dict[str, Any]:
    """What a scoring run's output leaves to a file: the first decisions that it kept aside, and why."""
    if not output.get("quarantined"):
        return {}
    return {"kept_aside": of_run(account, output["line"], output["run_id"])[:SHOWN]}
