"""The work list in a terminal: who holds a case, why the line recommends it, and what a person decided."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from assembly_line.cli.output import Render
from assembly_line.cli.views.work import draw_case, draw_cases, draw_worked

CASE = f"d1-20170712-{1:032x}"
HELD = {"standing": "held", "by": "ben", "at": "2017-07-13", "until": "2017-07-14", "yours": False}
LISTED: dict[str, Any] = {
    "decision_id": CASE,
    "decision_time": "2017-07-12T04:00:00.000000Z",
    "keys": {"household_id": 1},
    "recommended": "leave",
    "score": 0.30961,
    "expires_at": "2017-08-09T04:00:00.000000Z",
    "claim": HELD,
}


def drawn(render: Render) -> str:
    console = Console(file=io.StringIO(), width=200)
    render(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_page_says_who_holds_a_case_and_how_to_go_on() -> None:
    mine = {**LISTED, "claim": {**HELD, "yours": True}}
    text = drawn(draw_cases({"line": "coupon_redemption", "cases": [LISTED, mine], "next": "abc"}))

    assert all(part in text for part in (CASE, "household_id=1", "leave", "0.3096", "ben", "you", "--after abc"))


def test_a_case_shows_what_adds_up_to_its_score_or_why_that_is_unknown() -> None:
    why = {
        "available": True,
        "top": [{"feature": "spend", "value": 24.25, "contribution": 0.963}],
        "rest": -0.1,
        "base": -2.127,
    }
    before = {"decision_id": CASE, "recommended": "remind", "action": "leave", "reason": "moved", "outcome": [1]}
    case = {**LISTED, "closed_because": None, "why": why, "known": {"spend": 24.25, "kind": None}, "earlier": [before]}
    silent = {**case, "why": {"available": False, "because": "contributions are not available: none"}}

    text = drawn(draw_case(case))

    assert all(part in text for part in ("spend", "24.25", "+0.963", "all others", "-0.100", "base", "moved", "[1]"))
    assert "contributions are not available: none" in drawn(draw_case(silent))


def test_a_decision_is_shown_with_its_reason_and_a_hold_with_its_end() -> None:
    worked = {"decision_id": CASE, "recommended": "leave", "claim": HELD, "decided": None}
    said = {"event_id": "e", "action": "remind", "reason": "moved: away", "at": "2017-07-13"}
    done = {**worked, "claim": {**HELD, "standing": "decided"}, "decided": said}

    assert "2017-07-14" in drawn(draw_worked(worked))
    assert "moved: away" in drawn(draw_worked(done))
