"""How long old runs are kept, as declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from assembly_line.declarations.checks import require
from assembly_line.declarations.clock import check_clock
from assembly_line.declarations.typed import typed

# A run may wait for its review for 60 days, and go on for 14 days after it failed.
LEAST = timedelta(days=90)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """When old runs and their models, packages and files go. Nothing goes that anything refers to.

    Args:
        older_than: runs stay for this long after they were last written, at least 90 days. The work files of scoring
            runs stay as long.
        keep_last: so many trained runs stay, the latest, whatever their age.
        at: when an account looks, such as `weekly on sunday at 03:00`, in UTC.
    """

    older_than: timedelta
    keep_last: int = 3
    at: str = "weekly on sunday at 03:00"

    def __post_init__(self) -> None:
        require(
            self.older_than >= LEAST,
            f"Retention: older_than {self.older_than}: expected at least {LEAST.days} days, which a run may wait and "
            "go on",
        )
        require(self.keep_last >= 0, f"Retention: keep_last {self.keep_last} is negative")
        check_clock("Retention: at", self.at)
