"""Spines, outcomes and samples survive a release's JSON; a release written before them means what it meant."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from assembly_line import Generated, Line, Outcome, Sampling, daily, days, every, hours, monthly, static, weekly
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.features.wording.decision_wording import outcome_in_words, spine_in_words
from tests.unit.features.small_world import DAILY, INVITED, NEW_YORK, USER, VISIT, VISITS, a_line

BERLIN = "Europe/Berlin"
EPOCH = datetime(2017, 1, 1, tzinfo=UTC)


def decided(spine: Any, time: Any = None) -> Line:
    line = a_line()
    return replace(line, decision=replace(line.decision, spine=spine, time=time))


def measured(**outcome: Any) -> Line:
    declared: dict[str, Any] = {"name": "came", "source": DAILY, "by": (USER, VISIT), "horizon": hours(30), **outcome}
    return replace(a_line(), outcome=Outcome(**declared))


LINES = {
    "each row of daily, at its on": decided(DAILY, "on"),
    "each row of invited, at opens of visits": decided(INVITED, static(VISITS, "opens")),
    "everybody in invited, each day at 02:30 in America/New_York": decided(
        Generated(population=INVITED, cadence=daily(at="02:30", zone=NEW_YORK))
    ),
    "whoever has a row of daily that is known and at most 3 days old, each sunday at 00:00 in Europe/Berlin": decided(
        Generated(population=DAILY, cadence=weekly(on="sunday", at="00:00", zone=BERLIN), lookback=days(3))
    ),
    "everybody in invited, each month on day 31 at 06:00 in Europe/Berlin": decided(
        Generated(population=INVITED, cadence=monthly(on=31, at="06:00", zone=BERLIN))
    ),
    "everybody in invited, every 36 hours from 2017-01-01T00:00:00.000000Z": decided(
        Generated(population=INVITED, cadence=every(hours(36), anchor=EPOCH))
    ),
}
OUTCOMES = {
    "whether there are events of daily within 30 hours": measured(),
    "number of events of daily within 30 hours, from 2 days after the decision on": measured(
        measure="count", gap=days(2)
    ),
    "mean of n over events of daily until closes of visits, -1 without any": measured(
        measure="mean", column="n", absent=-1, horizon=None, until=static(VISITS, "closes")
    ),
}


@pytest.mark.parametrize("words", LINES)
def test_a_spine_survives_json_and_is_said_in_words(words: str) -> None:
    assert read_again(LINES[words]) == LINES[words]
    assert spine_in_words(LINES[words].decision) == words


@pytest.mark.parametrize("words", OUTCOMES)
def test_an_outcome_survives_json_and_is_said_in_words(words: str) -> None:
    assert read_again(OUTCOMES[words]) == OUTCOMES[words]
    assert outcome_in_words(OUTCOMES[words].outcome) == words


def test_a_sampling_survives_json() -> None:
    line = a_line()
    line = replace(line, decision=replace(line.decision, sampling=Sampling(negatives_per_positive=2.5, seed=7)))

    assert read_again(line) == line


def test_what_was_released_before_means_what_it_meant() -> None:
    document = line_to_json(a_line())
    decision, outcome = document["line"]["decision"], document["line"]["outcome"]
    del decision["sampling"], outcome["gap"], outcome["measure"], outcome["column"]
    outcome["absent"] = 0

    read = line_from_json(document)

    assert (read.outcome.measure, read.outcome.absence, read.decision.sampling) == ("happened", 0, None)
    assert read.decision == a_line().decision


def read_again(line: Line) -> Line:
    return line_from_json(json.loads(json.dumps(line_to_json(line))))
