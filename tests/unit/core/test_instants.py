"""Instants are read one way everywhere: what a calendar has, in ASCII, with a zone; the rest is refused in words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.decision_ids import day_of, decision_id
from assembly_line.errors import RequestRefused
from assembly_line.instants import READ_FORM, WRITTEN_FORM, format_day, format_instant, parse_day, parse_instant

PROJECT = Path(__file__).parents[3]
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

numbers = st.integers(-1, 100)
years = st.integers(0, 9999)


def days_of(year: int, month: int) -> int:
    """The length of a month, by the rule of the Gregorian calendar: an oracle beside Python's own."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return MONTHS[month - 1] + (leap and month == 2)


def known(year: int, month: int, day: int) -> bool:
    return year >= 1 and 1 <= month <= 12 and 1 <= day <= days_of(year, month)


def reads(text: str) -> bool:
    try:
        parse_instant(text, field="at")
    except RequestRefused as refused:
        assert str(refused).startswith("at: ")
        return False
    return True


@given(years, numbers, numbers)
def test_a_day_is_read_if_the_calendar_has_it(year: int, month: int, day: int) -> None:
    assert reads(f"{year:04}-{month:02}-{day:02}") == known(year, month, day)


@given(
    st.tuples(st.integers(2, 9998), st.integers(1, 12), st.integers(1, 31)),
    st.tuples(numbers, numbers, numbers),
    st.integers(0, 10),
    numbers,
)
def test_an_instant_is_read_if_calendar_clock_and_zone_have_it(
    day_parts: tuple[int, int, int], clock: tuple[int, int, int], digits: int, offset: int
) -> None:
    (year, month, day), (hour, minute, second) = day_parts, clock
    fraction = "." + "1" * digits if digits else ""
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+{offset:02}:00"
    legal = 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= offset < 24 and digits < 10
    assert reads(text) == (known(year, month, day) and legal)
    if reads(text):
        exact = datetime(year, month, day, hour, minute, second, tzinfo=timezone(timedelta(hours=offset)))
        microseconds = int(("1" * min(digits, 6)).ljust(6, "0")) if digits else 0
        assert parse_instant(text, field="at") == exact + timedelta(microseconds=microseconds)


@pytest.mark.parametrize("year", [0, 1, 4, 100, 400, 900, 1900, 1904, 2000, 2010, 2025, 2100, 2400, 4800, 9996, 9999])
def test_the_published_form_has_exactly_the_days_of_the_calendar(year: int) -> None:
    for month in range(14):
        for day in range(33):
            text = f"{year:04}-{month:02}-{day:02}"
            assert bool(re.fullmatch(READ_FORM, text)) == known(year, month, day), text


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59, 999999)))  # noqa: DTZ001
def test_what_is_written_is_read_back_exactly_and_has_the_published_form(moment: datetime) -> None:
    instant = moment.replace(tzinfo=UTC)
    text = format_instant(instant)
    assert parse_instant(text, field="at") == instant
    assert re.fullmatch(WRITTEN_FORM, text)
    assert re.fullmatch(READ_FORM, text)
    assert text[:10].replace("-", "") == format_day(instant) == day_of(decision_id("a_line", [("key", 1)], instant))


@pytest.mark.parametrize(
    "text",
    [
        "2017-13-01T00:00:00Z",
        "2017-00-01",
        "2017-02-29",
        "1900-02-29T00:00:00Z",
        "0000-01-01",
        "2017-07-01T24:00:00Z",
        "2017-07-01T24:00:00.000000Z",
        "2017-07-01T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2017-07-01T00:00:00Z\n",
        "2017-07-01\n",
        "\n2017-07-01",
        " 2017-07-01T00:00:00Z",
        "2017-07-01T00:00:00Z".translate(ARABIC),
        "2017-07-01".translate(ARABIC),
        "2017-07-01T00:00:00Z".translate(WIDE),
        "2017-07-01Z",
        "2017-07-01x00:00:00Z",
        "2017-07-01T00:00:00z",
        "2017-07-01T00:00:00,5Z",
        "2017-07-01T00:00:00+25:00",
        "2017-07-01T00:00:00+00:00:01",
        "2017-07-01T00Z",
        "20170701T000000Z",
        "2017-W27-6",
        "+2017-07-01",
        "12017-07-01",
        "1e9",
        "\ud800",
        "",
        1498867200,
        None,
        True,
    ],
)
def test_what_is_no_instant_is_refused_by_its_value(text: str) -> None:
    with pytest.raises(RequestRefused, match=r"^at: .* is not an instant; expected ISO 8601 such as 2017-07-01"):
        parse_instant(text, field="at")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999-00:01"])
def test_an_instant_beyond_the_calendar_in_utc_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused, match="lies outside the years 1 to 9999 in UTC"):
        parse_instant(text, field="at")


def test_a_time_of_day_without_a_zone_is_told_how_to_write_it() -> None:
    with pytest.raises(RequestRefused, match="has no zone; write '2017-07-01T06:00Z'"):
        parse_instant("2017-07-01T06:00", field="at")


def test_a_day_is_the_start_of_that_day_in_utc() -> None:
    assert parse_instant("2017-07-01", field="at") == datetime.combine(date(2017, 7, 1), datetime.min.time(), UTC)


@given(years, numbers, numbers)
def test_a_named_day_is_a_day_of_the_calendar(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    if known(year, month, day):
        assert parse_day(text, field="--date") == date(year, month, day)
    else:
        with pytest.raises(RequestRefused, match=f"^--date: '{text}' is not a day; expected one such as 2017-07-12$"):
            parse_day(text, field="--date")


@pytest.mark.parametrize(
    "text", ["20170712", "2017-W28-3", "2017-07-12T00:00:00Z", "٢017-07-12", "2017-07-1", "soon", ""]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused, match="is not a day"):
        parse_day(text, field="--date")


# What reads other things: files of a release, of a registry, and of the consumer, which is a program of its own.
OTHERS = ("assembly_line/declarations/codec.py", "assembly_line/embedded/sagemaker/registry_state.py")


def test_no_other_module_reads_instants_in_a_way_of_its_own() -> None:
    found = [
        str(path.relative_to(PROJECT))
        for folder in ("assembly_line", "lambdas", "glue_jobs", "lines", "stacks")
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if re.search(r"\bfromisoformat\(|strptime\(", path.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == sorted((*OTHERS, "assembly_line/instants.py"))
