"""The cases of a work list: which decisions are open, in which order, and what each shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict, RequestRefused
from assembly_line.instants import format_day, format_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.declarations.work_lists import WorkList

SHOWN = (
    *("decision_id", "decision_time", "keys", "recommended", "score", "detail", "explored", "revision"),
    *("policy_version", "model_run_id", "run_id", "issued_at", "expires_at"),
)
# What says whether a decision is open, beside what is shown.
_SAYS = (
    *("delivered", "delivered_at", "in_force", "overridden", "confirmed", "reviewed_by", "reviewed_at", "action"),
    *("outcome_known_at", "reason", "outcome"),
)
READ = (*SHOWN, *_SAYS)
_ORDERS = {"score": ("score", "DESC", "<"), "expiry": ("expires_at", "ASC", ">")}
_OPEN = (
    "in_force AND NOT overridden AND NOT confirmed AND issued_at <= $at AND delivered_at <= $at AND expires_at > $at "
    "AND coalesce(outcome_known_at, '~') > $at"
)


def first_day(line: Line, at: datetime) -> str:
    """The first day whose decisions may be open at an instant of the business clock, `yyyymmdd`."""
    return day_before(at, line.policy.expires_after)


def day_before(at: datetime, by: timedelta) -> str:
    """The day of an instant that lies so long before another; the first of all where no calendar has it."""
    try:
        return format_day(at - by)
    except OverflowError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page ends: the next one begins behind it, whatever was decided meanwhile."""

    at: str
    last: float | str
    decision_id: str

    def to_text(self) -> str:
        content = json.dumps([self.at, self.last, self.decision_id], separators=(",", ":"))
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str, *, order: str) -> Cursor:
        """Read the `next` of a page.

        Raises:
            RequestRefused: it is none of this line.
        """
        kind = str if order == "expiry" else (int, float)
        try:
            at, last, identifier = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if isinstance(at, str) and isinstance(identifier, str) and isinstance(last, kind):
                return cls(at=at, last=last, decision_id=identifier)
        except (ValueError, TypeError):
            pass
        raise RequestRefused.about("cursor", repr(text[:100]), "the `next` of a page of this line")


def open_cases(
    work_list: WorkList,
    at: str,
    *,
    after: Cursor | None,
    without: Iterable[str],
    only: Iterable[str] | None,
    limit: int,
) -> tuple[str, dict[str, Any]]:
    """A query of the open cases, in the order of the work list, and what is bound in it.

    Args:
        at: of the business clock, in the ledger's form.
        after: the case behind which the page begins.
        without: ids of cases that are left out.
        only: ids of the cases that are wanted; None for all.
    """
    column, direction, beyond = _ORDERS[work_list.order]
    conditions = [_OPEN, "NOT list_contains($without::VARCHAR[], decision_id)"]
    bound: dict[str, Any] = {"at": at, "without": list(without)}
    if work_list.actions:
        conditions.append("list_contains($actions::VARCHAR[], recommended)")
        bound["actions"] = list(work_list.actions)
    if only is not None:
        conditions.append("list_contains($only::VARCHAR[], decision_id)")
        bound["only"] = list(only)
    if after is not None:
        conditions.append(f"({column} {beyond} $last OR ({column} = $last AND decision_id > $decision_id))")
        bound |= {"last": after.last, "decision_id": after.decision_id}
    query = (
        f"SELECT {', '.join(READ)} FROM decisions WHERE {' AND '.join(conditions)} "
        f"ORDER BY {column} {direction}, decision_id LIMIT {limit}"
    )
    return query, bound


def page_end(work_list: WorkList, row: Mapping[str, Any], at: str) -> Cursor:
    """The cursor behind a row."""
    return Cursor(at=at, last=row[_ORDERS[work_list.order][0]], decision_id=row["decision_id"])


def as_values(row: Sequence[Any]) -> dict[str, Any]:
    """A row of `READ` as JSON values."""
    found = dict(zip(READ, row, strict=True))
    for name in ("keys", "detail", "outcome"):
        found[name] = None if found[name] is None else json.loads(found[name])
    return found


def require_open(row: Mapping[str, Any], work_list: WorkList, at: datetime) -> None:
    """Refuse a case that nobody can decide at an instant of the business clock.

    Raises:
        Conflict: says why not.
    """
    if (why := why_closed(row, work_list, format_instant(at))) is not None:
        raise Conflict.about(f"case {row['decision_id']}", why, "an open case", "look at the list again")


def why_closed(row: Mapping[str, Any], work_list: WorkList, at: str) -> str | None:
    """Why a decision is no open case at an instant; None if it is one."""
    if not row["in_force"] or row["delivered_at"] is None:
        return "no revision of it is in force: it was not delivered in time, or it fills in the past"
    if row["overridden"] or row["confirmed"]:
        return f"{row['reviewed_by']} decided it at {row['reviewed_at']}: {row['action']} ({row['reason']})"
    if row["expires_at"] <= at:
        return f"its action expired at {row['expires_at']}, and it is {at} by the business clock"
    if (since := max(row["issued_at"], row["delivered_at"])) > at:
        return f"it was delivered at {since}, and it is {at} by the business clock"
    if row["outcome_known_at"] is not None and row["outcome_known_at"] <= at:
        return f"its outcome is known since {row['outcome_known_at']}"
    if work_list.actions and row["recommended"] not in work_list.actions:
        return f"it recommends {row['recommended']}, and the work list is of {', '.join(work_list.actions)}"
    return None


def why(line: Line, case: Mapping[str, Any] | None) -> dict[str, Any]:
    """The top contributions to a score, or why there are none.

    Args:
        case: what its run kept of the decision.
    """
    work_list = line.delivery.work_list
    if work_list is None or not work_list.contributions:
        may = line.training.framework == "xgboost" or line.training.image is not None
        said = "the line declares none" if may else f"models of {line.training.framework} answer none"
        return {"available": False, "because": f"contributions are not available: {said}"}
    added = None if case is None else case["added"]
    if case is None or added is None:
        said = "the inference script did not answer them" if case else "the run kept none"
        return {"available": False, "because": f"contributions are not available: {said}"}
    largest = sorted(added, key=lambda name: (-abs(added[name]), name))
    top, rest = largest[: work_list.contributions], largest[work_list.contributions :]
    return {
        "available": True,
        "base": case["base"],
        "top": [{"feature": name, "value": case["known"].get(name), "contribution": added[name]} for name in top],
        "rest": sum(added[name] for name in rest),
    }
