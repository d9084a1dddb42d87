"""What is said while a run waits for its review: to the reviewers, and to who hears of it when they stay silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ESCALATION = "escalation"
# SNS takes as many characters of ASCII.
LONGEST_SUBJECT = 100


def subject_of(review: Mapping[str, Any], kind: str) -> str:
    """One line of at most 100 characters of ASCII."""
    what = "Escalated: a review waits" if kind == ESCALATION else "A review waits"
    return f"{what}: {review['line']}, run {review['run_id']}"[:LONGEST_SUBJECT]


def text_of(review: Mapping[str, Any], kind: str) -> str:
    """The message: which run, since when, until when, and how to judge it. It names no person."""
    line, run = review["line"], review["run_id"]
    first = f"Run {run} of line {line} has waited for its review since {_minute(review['opened_at'])} UTC."
    last = f"It times out at {_minute(review['times_out_at'])} UTC."
    again = ["The reviewers were reminded before."] if kind == ESCALATION and review.get("reminders") else []
    approve = f'line review approve {line} {run} --reason "..."'
    return "\n".join([first, last, *again, "", "How to judge it:", f"line review show {line} {run}", approve])


def says(review: Mapping[str, Any], kind: str, *, at: str, sent: bool) -> str:
    """What the board says of the wait from then on."""
    done = "escalated" if kind == ESCALATION else "reminded"
    how = "" if sent else ", but the line has no topic here: `line deploy` makes it"
    return f"{done} at {_minute(at)} UTC{how}; times out at {_minute(review['times_out_at'])} UTC"


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
