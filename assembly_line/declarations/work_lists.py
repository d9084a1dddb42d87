"""Which decisions people look at before they hold, and what they may say of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from assembly_line.declarations.checks import check_distinct, check_name, require
from assembly_line.declarations.typed import typed

LONGEST_HOLD = timedelta(days=7)
MOST_CONTRIBUTIONS = 50
# With it the reason of a confirmed recommendation begins.
ACCEPTED = "accepted"


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkList:
    """The delivered decisions that people work through. Each one is a case. See docs/work-list.md.

    Args:
        reasons: a tuple of codes such as `("out_of_stock", "complained")`. Whoever overrides names one of them.
        order: `"score"` puts the highest scores first, `"expiry"` the actions that expire first.
        actions: a tuple of the recommended actions that become cases. The empty tuple means all of them.
        hold: how long a case stays with the person who took it.
        contributions: how many features a case shows with what each adds to the score, those that add or take away
            most first. The inference script of an XGBoost line has to answer them before the score. 0 shows none.
        history: how far back a case looks for earlier decisions about the same first entity.
    """

    reasons: tuple[str, ...]
    order: Literal["score", "expiry"] = "score"
    actions: tuple[str, ...] = ()
    hold: timedelta = timedelta(hours=2)
    contributions: int = 0
    history: timedelta = timedelta(days=365)

    def __post_init__(self) -> None:
        require(bool(self.reasons), "WorkList: reasons is empty; an override needs at least one code to choose from")
        for code in self.reasons:
            check_name("WorkList: reason", code)
        check_distinct("WorkList: reason", self.reasons)
        require(
            ACCEPTED not in self.reasons, f"WorkList: reason {ACCEPTED!r} says that a case was accepted; choose another"
        )
        check_distinct("WorkList: action", self.actions)
        require(
            timedelta(minutes=1) <= self.hold <= LONGEST_HOLD,
            f"WorkList: hold {self.hold} is outside one minute to {LONGEST_HOLD.days} days",
        )
        require(
            0 <= self.contributions <= MOST_CONTRIBUTIONS,
            f"WorkList: contributions {self.contributions} is outside 0 to {MOST_CONTRIBUTIONS}",
        )
        require(self.history >= timedelta(0), f"WorkList: history {self.history} is negative")
