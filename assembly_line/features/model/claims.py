"""Who builds a dataset: the first execution that claims it, for as long as it runs. The others wait for its manifest.

A claim saves work; it does not decide which result holds: that is the first manifest, whoever wrote it. So a claim that
is lost by mistake costs a build, never a wrong dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assembly_line.documents import Instant, document_of, read_document

# An execution that has just begun may not be seen yet by who asks for it.
UNSEEN = timedelta(minutes=1)
SHORTEST_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Args:
        holder: ARN of the execution that builds.
        expires_at: by then the holder has ended: its machine's time limit is shorter than the lease.
    """

    holder: str
    claimed_at: Instant
    expires_at: Instant

    def to_json(self) -> dict[str, Any]:
        return document_of(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Claim:
        return read_document(cls, document)

    def holds(self, now: datetime, *, running: bool | None) -> bool:
        """Whether the holder still builds.

        Args:
            running: whether its execution runs; None if there is none of that name (yet).
        """
        if now >= self.expires_at:
            return False
        return now - self.claimed_at < UNSEEN if running is None else running

    def wait_seconds(self, now: datetime) -> int:
        """How long to wait before looking again: longer, the longer it has taken already."""
        taken = (now - self.claimed_at).total_seconds()
        return round(min(max(taken / 4, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS))


def new_claim(holder: str, now: datetime, *, lease_seconds: int) -> Claim:
    return Claim(holder=holder, claimed_at=now, expires_at=now + timedelta(seconds=lease_seconds))
