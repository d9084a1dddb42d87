"""A model's answers are matched by id; a bad score costs its own decision only, a bad batch costs everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.delivery.answers import Quarantined, Reason
from assembly_line.delivery.answers import check_answers as check_answers_of
from assembly_line.delivery.sql import insert
from assembly_line.errors import ScoringFailed
from assembly_line.outcome_kinds import Binary


@dataclass(frozen=True)
class Checked:
    """Usable scores and what was kept aside, both in order of the spine."""

    scores: dict[str, float]
    quarantined: tuple[Quarantined, ...]
    repeated: int


def check_answers(asked: Sequence[str], answered: Iterable[str]) -> Checked:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute('CREATE TABLE asked ("offset" BIGINT, decision_id VARCHAR)')
        insert(connection, "asked", ("BIGINT", range(len(asked))), ("VARCHAR", asked))
        checked = check_answers_of(connection, ["\n".join(answered)], kind=Binary())
        rows = connection.execute('SELECT "offset", answer FROM usable ORDER BY "offset"').fetchall()
    return Checked({asked[place]: score for place, (score,) in rows}, checked.quarantined, checked.repeated)


def scores(checked: Checked) -> dict[str, float]:
    return checked.scores


def ids(count: int) -> list[str]:
    return [f"d1-20170701-{number:032x}" for number in range(count)]


def lines(scores: dict[str, object]) -> list[str]:
    return [f"{identifier},{score}" for identifier, score in scores.items()]


def test_matches_by_id_whatever_the_order() -> None:
    asked = ids(50)
    answers = sorted(lines({key: place / 50 for place, key in enumerate(asked)}), key=lambda line: line[::-1])

    checked = check_answers(asked, answers)

    assert list(scores(checked).items()) == [(identifier, position / 50) for position, identifier in enumerate(asked)]
    assert (checked.quarantined, checked.repeated) == ((), 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nan", Reason.NOT_FINITE),
        ("inf", Reason.NOT_FINITE),
        ("-Infinity", Reason.NOT_FINITE),
        ("1e999", Reason.NOT_FINITE),
        ("1.0000001", Reason.OUT_OF_RANGE),
        ("-0.1", Reason.OUT_OF_RANGE),
        ("", Reason.NOT_A_NUMBER),
        ("abc", Reason.NOT_A_NUMBER),
        ("1_0", Reason.NOT_A_NUMBER),
        ("[0.5]", Reason.NOT_A_NUMBER),
        ("0.5,0.6", Reason.NOT_A_NUMBER),
        ("０.5", Reason.NOT_A_NUMBER),
    ],
)
def test_a_bad_score_is_kept_aside_and_the_rest_goes_on(text: str, reason: Reason) -> None:
    good, bad = ids(2)

    checked = check_answers([good, bad], [f"{good},0.25", f"{bad},{text}"])

    assert scores(checked) == {good: 0.25}
    (kept,) = checked.quarantined
    assert (kept.decision_id, kept.reason) == (bad, reason)


@pytest.mark.parametrize("text", ["0", "1", "1e-300", ".5", "+0.5", "-0.0", "5E-1"])
def test_every_way_to_write_a_probability_is_read(text: str) -> None:
    (only,) = ids(1)
    assert scores(check_answers([only], [f"{only},{text}\r"])) == {only: float(text)}


def test_one_decision_twice_with_one_score_counts_once() -> None:
    first, second = ids(2)
    checked = check_answers([first, second, first], [f"{first},0.5", f"{first},0.50", f"{second},0.1"])
    assert scores(checked) == {first: 0.5, second: 0.1}
    assert checked.repeated == 1


def test_one_decision_with_two_scores_is_kept_aside() -> None:
    first, second = ids(2)
    checked = check_answers([first, second, first], [f"{first},0.5", f"{first},0.6", f"{second},0.1"])
    assert scores(checked) == {second: 0.1}
    assert [(kept.decision_id, kept.reason) for kept in checked.quarantined] == [(first, Reason.TWO_SCORES)]


def test_rows_missing_or_unknown_fail_the_whole_batch_and_are_named() -> None:
    asked = ids(4)
    stranger = f"d1-20170701-{99:032x}"
    with pytest.raises(ScoringFailed) as failure:
        check_answers(asked, [*lines(dict.fromkeys(asked[:2], 0.5)), f"{stranger},0.5"])
    message = str(failure.value)
    assert "4 rows and answered 3" in message
    assert "2 missing" in message
    assert asked[2] in message
    assert "1 too many" in message
    assert stranger in message


def test_a_row_answered_once_too_often_fails_the_batch() -> None:
    (only,) = ids(1)
    with pytest.raises(ScoringFailed, match="1 too many"):
        check_answers([only], [f"{only},0.5", f"{only},0.5"])


def test_an_empty_answer_fails_the_batch() -> None:
    with pytest.raises(ScoringFailed, match="answered 0"):
        check_answers(ids(3), ["", "\n"])


def test_a_model_that_answers_nothing_usable_fails_the_batch() -> None:
    asked = ids(3)
    with pytest.raises(ScoringFailed, match=r"none of the model's 3 answers .*nan"):
        check_answers(asked, lines(dict.fromkeys(asked, "nan")))


@settings(max_examples=30)
@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=30))
def test_scores_are_carried_bit_for_bit(given_scores: list[float]) -> None:
    asked = ids(len(given_scores))
    checked = check_answers(asked, [f"{key},{value!r}" for key, value in zip(asked, given_scores, strict=True)])
    assert list(scores(checked).values()) == given_scores


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["0.1", "0.9", "nan", "x", "2"])), min_size=1, max_size=30)
)
def test_every_decision_is_either_scored_or_kept_aside(rows: list[tuple[int, str]]) -> None:
    known = ids(8)
    asked = [known[7], *(known[number] for number, _ in rows)]
    answers = [f"{known[7]},0.5", *(f"{known[number]},{text}" for number, text in rows)]

    checked = check_answers(asked, answers)

    kept = [item.decision_id for item in checked.quarantined]
    assert len(kept) == len(set(kept))
    assert set(kept) | set(scores(checked)) == set(asked)
    assert not set(kept) & set(scores(checked))
    assert checked.repeated == len(asked) - len(set(asked))
