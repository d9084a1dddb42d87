"""A work list that contradicts its line, or itself, is refused when it is declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assembly_line import Delivery, WorkList
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.errors import DeclarationError
from assembly_line.loader import load_line

SHIPPED = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"reasons": ()}, "reasons is empty"),
        ({"reasons": ("a: b",)}, "WorkList: reason"),
        ({"reasons": ("other", "OTHER")}, "other"),
        ({"reasons": ("accepted",)}, "choose another"),
        ({"hold": timedelta(seconds=1)}, "hold 0:00:01 is outside one minute"),
        ({"hold": timedelta(days=8)}, "is outside one minute"),
        ({"contributions": -1}, "contributions -1 is outside 0 to 50"),
        ({"history": timedelta(days=-1)}, "is negative"),
    ],
)
def test_a_work_list_that_makes_no_sense_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(DeclarationError, match=why):
        WorkList(**{"reasons": ("other",), **given})


def test_a_work_list_of_another_action_or_of_a_model_that_cannot_explain_is_refused() -> None:
    def declared(work_list: WorkList, **changes: Any) -> None:
        replace(SHIPPED, delivery=Delivery(subscribers=(), work_list=work_list), **changes)

    explains = WorkList(reasons=("other",), contributions=3)
    with pytest.raises(DeclarationError, match=r"actions names 'call', expected one of \('remind', 'leave'\)"):
        declared(WorkList(reasons=("other",), actions=("call",)))
    scikit_learn = replace(SHIPPED.training, framework="scikit-learn", framework_version="1.9-0")
    with pytest.raises(DeclarationError, match="contributions are XGBoost's own, and the framework is scikit-learn"):
        declared(explains, training=scikit_learn)
    declared(WorkList(reasons=("other",)), training=scikit_learn)


def test_a_line_says_how_many_numbers_its_script_answers() -> None:
    silent = replace(SHIPPED, delivery=Delivery(subscribers=("campaign_desk",)))

    assert (SHIPPED.numbers_of_answer(19), SHIPPED.output_filter(19)) == (21, "$[0,20:]")
    assert (silent.numbers_of_answer(19), silent.output_filter(19)) == (1, "$[0,-1]")


def test_a_release_carries_the_work_list_and_without_one_says_nothing_of_it() -> None:
    silent = replace(SHIPPED, delivery=Delivery(subscribers=("campaign_desk",)))

    assert line_from_json(line_to_json(SHIPPED)) == SHIPPED
    assert "work_list" not in line_to_json(silent)["line"]["delivery"]
