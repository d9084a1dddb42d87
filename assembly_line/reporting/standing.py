"""How a line stands: what it decided lately, how fresh it is, what did not arrive, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assembly_line.feedback import key_of

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.ledger import LedgerSession

# A plot has room for so many days or months; earlier ones are counted in the sums alone.
MOST_BUCKETS = 24
# Of a longer time months are told apart, else days.
MOST_DAYS = 45
MOST_SEGMENTS = 20
MOST_RUNS = 8
# A key with fewer values tells nothing apart; one with more is no segment but a name.
FEWEST_VALUES, MOST_VALUES = 2, 60
# What of the table `decisions` is read.
READ = (
    *("decision_id", "decision_time", "keys", "delivered", "in_force", "outcome", "prior", "score", "baseline"),
    *("scale", "detail", "action", "arm", "overridden", "reason", "explored", "backfill", "run_id", "issued_at"),
    *("delivered_at", "model_run_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """Some delivered decisions: of a day or month, of a run, or of a segment.

    Args:
        acted: with the policy's `act` in the end.
        known: in force, with a certain outcome.
        last: instant of the last decision or delivery among them.
    """

    name: str
    decisions: int
    acted: int
    overridden: int
    in_force: int
    known: int
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A line now.

    Args:
        whole: all delivered decisions; None without any.
        undelivered: decisions that were scored to decide and of which no revision left.
        backfills: decisions of which every revision fills in the past.
        buckets: the latest days or months.
        by_day: whether they are days.
        arms, runs, segments: likewise.
        segment: the key of the segments; None where no key tells few groups apart.
        hours: from decision to delivery: the middle and the 95th of 100; None without any.
        reasons: why people changed decisions -> how often.
    """

    whole: Lately | None
    undelivered: int
    backfills: int
    buckets: Sequence[Lately]
    by_day: bool
    arms: Sequence[Lately]
    runs: Sequence[Lately]
    segments: Sequence[Lately]
    segment: str | None
    hours: tuple[float, float] | None
    reasons: Sequence[tuple[str, int]]


def standing(session: LedgerSession, line: Line, *, by: str | None = None) -> Standing:
    """Sum up the decisions of a ledger.

    Args:
        by: key of the segments; by default the one with the fewest values.
    """
    ((first, last),) = session.rows("SELECT min(decision_time), max(decision_time) FROM decisions WHERE delivered")
    ((days,),) = session.rows("SELECT date_diff('day', CAST(? AS TIMESTAMPTZ), CAST(? AS TIMESTAMPTZ))", [first, last])
    by_day = days is not None and days <= MOST_DAYS
    segment = by or _segment(session, line)
    found = _lately(session, line, "'all'", latest="decision_time")
    buckets = _lately(session, line, f"substr(decision_time, 1, {10 if by_day else 7})", latest="decision_time")
    return Standing(
        whole=found[0] if found else None,
        undelivered=session.number("NOT delivered AND NOT backfill"),
        backfills=session.number("NOT delivered AND backfill"),
        buckets=sorted(buckets, key=lambda one: one.name)[-MOST_BUCKETS:],
        by_day=by_day,
        arms=_lately(session, line, "coalesce(arm, 'none')", latest="decision_time"),
        runs=sorted(
            _lately(session, line, "run_id", latest="delivered_at"), key=lambda one: one.last or "", reverse=True
        )[:MOST_RUNS],
        segments=_lately(session, line, f"json_extract_string({key_of(segment)}, '$')", latest="decision_time")[
            :MOST_SEGMENTS
        ]
        if segment
        else (),
        segment=segment,
        hours=_hours(session),
        reasons=session.rows(
            "SELECT coalesce(reason, 'none given') AS reason, count(*) AS number FROM decisions "
            "WHERE delivered AND overridden GROUP BY reason ORDER BY number DESC, reason LIMIT 8"
        ),
    )


def _lately(session: LedgerSession, line: Line, column: str, *, latest: str) -> list[Lately]:
    """By the values of a column, those with the most decisions first; null is none."""
    rows = session.rows(
        f"SELECT {column} AS name, count(*) AS number, count(*) FILTER (action = ?), count(*) FILTER (overridden), "
        f"count(*) FILTER (in_force), count(*) FILTER (in_force AND outcome IS NOT NULL), max({latest}) "
        "FROM decisions WHERE delivered AND name IS NOT NULL GROUP BY name ORDER BY number DESC, name",
        [line.policy.act],
    )
    names = ("name", "decisions", "acted", "overridden", "in_force", "known", "last")
    return [Lately(**dict(zip(names, row, strict=True))) for row in rows]


def _segment(session: LedgerSession, line: Line) -> str | None:
    counts = {
        name: int(session.rows(f"SELECT approx_count_distinct({key_of(name)}) FROM decisions WHERE delivered")[0][0])
        for name in line.decision.keys
    }
    few = [name for name, count in counts.items() if FEWEST_VALUES <= count <= MOST_VALUES]
    return min(few, key=lambda name: counts[name], default=None)


def _hours(session: LedgerSession) -> tuple[float, float] | None:
    waited = "(epoch(CAST(delivered_at AS TIMESTAMPTZ)) - epoch(CAST(decision_time AS TIMESTAMPTZ))) / 3600"
    ((middle, most),) = session.rows(
        f"SELECT quantile_cont({waited}, 0.5), quantile_cont({waited}, 0.95) FROM decisions "
        "WHERE delivered AND delivered_at <> ''"
    )
    return None if middle is None else (middle, most)
