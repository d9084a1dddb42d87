"""Declared moments: when a line looks, and what it declares about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import Refresh
from assembly_line.declarations.clock import DAYS, last_moment, next_moment
from assembly_line.errors import DeclarationError

MINUTE = timedelta(minutes=1)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC))  # noqa: DTZ001
clocks = st.builds(
    lambda day, hour, minute: f"{day} at {hour:02}:{minute:02}",
    st.one_of(
        st.just("daily"),
        st.sampled_from(DAYS).map(lambda day: f"weekly on {day}"),
        st.integers(1, 28).map(lambda day: f"monthly on {day}"),
    ),
    st.integers(0, 23),
    st.integers(0, 59),
)


def names(declared: str, minute: datetime) -> bool:
    """Whether the words name this minute, read by the calendar's own names."""
    which, _, at = declared.rpartition(" at ")
    day = {"daily": "daily", "weekly": f"weekly on {minute:%A}".lower(), "monthly": f"monthly on {minute.day}"}
    return f"{minute:%H:%M}" == at and which == day[which.split(" ")[0]]


@given(clocks, instants)
def test_no_declared_moment_lies_between_the_last_and_the_next_one(declared: str, now: datetime) -> None:
    last, following = last_moment(declared, now), next_moment(declared, now)

    assert last <= now < following
    assert names(declared, last)
    assert names(declared, following)
    days = range(1, (following - last).days)
    assert not any(names(declared, last + timedelta(days=day)) for day in days)
    assert last_moment(declared, following) == following
    assert next_moment(declared, last - MINUTE) == last


@pytest.mark.parametrize("at", ["hourly", "weekly at 04:00", "monthly on 31 at 04:00", "daily at 24:00", ""])
def test_other_words_are_refused(at: str) -> None:
    with pytest.raises(DeclarationError, match=r"Refresh: at: .*expected such as 'daily at 05:00'"):
        Refresh(at=at)


def test_an_age_below_nothing_is_refused() -> None:
    with pytest.raises(DeclarationError, match="model_age -1 day, 0:00:00 is negative"):
        Refresh(at="daily at 05:00", model_age=timedelta(days=-1))
