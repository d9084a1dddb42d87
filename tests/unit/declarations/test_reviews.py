"""How long a review waits and who is reminded: what a declaration takes, and what it comes to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from assembly_line import Review
from assembly_line.errors import DeclarationError

DAY = timedelta(days=1)


def test_without_a_declaration_a_run_waits_two_weeks_and_reminds_nobody() -> None:
    assert (Review().waits, Review().announces) == ((14 * DAY,), ())


def test_the_waits_between_announcements_add_up_to_the_time_out() -> None:
    review = Review(timeout=30 * DAY, remind_after=3 * DAY, escalate_after=10 * DAY, escalate_to=("a@example.com",))

    assert review.waits == (3 * DAY, 7 * DAY, 20 * DAY)
    assert review.announces == (("reminder", 3 * DAY), ("escalation", 10 * DAY))


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"timeout": timedelta(0)}, "timeout 0:00:00: expected more than 0 and at most 60 days"),
        ({"timeout": 61 * DAY}, "at most 60 days"),
        ({"timeout": timedelta(seconds=1.5)}, "parts of a second"),
        ({"remind_after": 14 * DAY}, "remind_after 14 days"),
        ({"remind_after": -DAY}, "remind_after -1 day"),
        (
            {"remind_after": 5 * DAY, "escalate_after": 5 * DAY, "escalate_to": ("a@example.com",)},
            "escalate_after 5 days, 0:00:00: expected more than 5 days",
        ),
        ({"remind": ("a@example.com",)}, "there is no remind_after"),
        ({"escalate_after": DAY}, "need each other"),
        ({"escalate_to": ("a@example.com",)}, "need each other"),
        ({"remind_after": DAY, "remind": ("anna",)}, "'anna' is no e-mail address"),
        ({"remind_after": DAY, "remind": ("a@example.com, b@example.com",)}, "is no e-mail address"),
    ],
)
def test_what_cannot_be_kept_is_refused(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match="Review") as refused:
        Review(**declared)
    assert message in str(refused.value)
