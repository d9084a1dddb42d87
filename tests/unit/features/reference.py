"""Point in time by the book, in plain Python over lists of rows: what every engine is compared with.

Written from the rules alone. It shares the declarations with the product, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.entities import By
from assembly_line.declarations.features import Aggregate, Latest, Share, SinceLast, StaticFeature, Timed
from assembly_line.declarations.formulas import Constant, Reference, Term
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import Outcome
from assembly_line.declarations.populations import Cadence, CalendarCadence, FixedCadence, Generated
from assembly_line.declarations.predicates import AllOf, Among, AnyOf, Comparison, IsNull, Negation, Predicate
from assembly_line.declarations.sources import Source
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.declarations.windows import CalendarWindow, Window

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
# What views must hold, by name: tables -> rows.
VIEWS: dict[str, Callable[[Tables], list[Row]]] = {}
# What UDFs must give, by name: events of one decision in order, their times, decision time -> value.
OWN: dict[str, Callable[[Sequence[Row], Sequence[datetime], datetime], Any]] = {}
# Of a decision: the row of the spine that makes it.
OWN_ROW = "own row"
# (source, keys) -> rows that one decision sees, so that each table is gone through once a decision.
Seen = dict[tuple[str, tuple[str, ...]], list[Row]]


def dataset(
    line: Line,
    tables: Tables,
    features: Sequence[str],
    *,
    as_of: datetime | None = None,
    period: tuple[datetime, datetime, datetime] | None = None,
) -> list[dict[str, Any]]:
    """Every decision of the spine with its features, in order; with `as_of` only mature ones, with their outcome.

    Args:
        period: since, until and as_of of the request; needed for a spine that is generated or made of events.
    """
    answers = []
    for decision in spine_of(line, tables, period):
        rows = Seen()
        values = {name: feature(line, name, decision, tables, rows) for name in features}
        if as_of is not None:
            outcome = outcome_of(line, decision, tables, as_of)
            if outcome is None:
                continue
            values |= outcome
        answers.append({**{name: value for name, value in decision.items() if name != OWN_ROW}, **values})
    by = [*line.decision.keys, *(line.outcome.columns if as_of is not None and line.outcome.value is not None else ())]
    return sorted(answers, key=lambda row: (row["decision_time"], *(order(row[name]) for name in by)))


def spine_of(line: Line, tables: Tables, period: tuple[datetime, datetime, datetime] | None) -> list[Row]:
    """Keys and decision time of every decision, in any order."""
    declared = line.decision
    if isinstance(declared.spine, Generated):
        assert period is not None
        since, until, as_of = period
        moments = [at for at in occasions(declared.spine.cadence, since, until) if at <= as_of]
        return [{**who, "decision_time": at} for at in moments for who in population(line, declared.spine, at, tables)]
    found: list[Row] = []
    for row in tables[declared.source.name]:
        if isinstance(declared.time, StaticFeature):
            moment, source = lookup(declared.time, row, tables), declared.time.source
        else:
            moment, source = row[declared.time or ""], declared.source
        if moment is None:
            continue
        at = start_of(moment, source)
        if period is not None:
            since, until, as_of = period
            if not since <= at < until:
                continue
            if not declared.source.static:
                if row[declared.source.event_time or ""] is None:
                    continue
                known = known_at(row, declared.source)
                if known is None or known > as_of:
                    continue
        found.append({**{key: row[key] for key in declared.keys}, "decision_time": at, OWN_ROW: row})
    return found


def population(line: Line, spine: Generated, at: datetime, tables: Tables) -> list[dict[str, Any]]:
    """Whoever is in the population then, each once."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in tables[spine.population.name]:
        who = {key: row[key] for key in line.decision.keys}
        if None not in who.values() and is_member(line, spine, row, at):
            found[tuple(who.values())] = who
    return list(found.values())


def is_member(line: Line, spine: Generated, row: Row, at: datetime) -> bool:
    source = spine.population
    if spine.lookback is None:
        begin = None if spine.active_from is None else row[spine.active_from]
        end = None if spine.active_until is None else row[spine.active_until]
        return (begin is None or end_of(begin, source) <= at) and (end is None or at < end_of(end, source))
    if row[source.event_time or ""] is None:
        return False
    known, age = known_at(row, source), at - happened_at(row, source)
    if known is None or known > at:
        return False
    if line.decision.boundary == "before":
        return timedelta(0) < age <= spine.lookback
    return timedelta(0) <= age <= spine.lookback


def occasions(cadence: Cadence, since: datetime, until: datetime) -> list[datetime]:
    """Every minute of the period at which the cadence strikes; cadences here are of whole minutes."""
    found, at = [], since
    while at < until:
        if strikes(cadence, at):
            found.append(at)
        at += timedelta(minutes=1)
    return found


def strikes(cadence: Cadence, at: datetime) -> bool:
    """For zones whose offsets are whole hours."""
    if isinstance(cadence, FixedCadence):
        return (at - cadence.anchor) % cadence.interval == timedelta(0)
    if at.strftime("%M:%S.%f") != f"{cadence.at[-2:]}:00.000000":
        return False
    now, before = (moment.astimezone(ZoneInfo(cadence.zone)) for moment in (at, at - timedelta(hours=1)))
    reading = now.replace(tzinfo=None)
    if before.replace(tzinfo=None) == reading:
        return False  # The clock shows this for the second time.
    # In the hour after a gap a clock that was not set forward would show what was skipped.
    return falls(cadence, reading) or falls(cadence, before.replace(tzinfo=None) + timedelta(hours=1))


def falls(cadence: CalendarCadence, reading: datetime) -> bool:
    if reading.strftime("%H:%M") != cadence.at:
        return False
    if cadence.unit == "week":
        return reading.isoweekday() == cadence.on
    if cadence.unit == "month":
        is_last = (reading + timedelta(days=1)).day == 1
        return reading.day == cadence.on or (is_last and reading.day < (cadence.on or 0))
    return True


def feature(line: Line, name: str, decision: Row, tables: Tables, known: Seen | None = None) -> Any:
    declared = line.features[name]
    if isinstance(declared, Ratio):
        above, below = (
            feature(line, part, decision, tables, known) for part in (declared.numerator, declared.denominator)
        )
        if above is None or below is None or below == 0:
            return None
        try:
            return float(above) / float(below)
        except OverflowError:
            return math.inf
    if isinstance(declared, Expression):
        return formula(declared.tree, lambda part: feature(line, part, decision, tables))
    if isinstance(declared, StaticFeature):
        value = lookup(declared, decision, tables)
        return None if value is None else plain(value)
    keys = keys_of(declared.by)
    known = Seen() if known is None else known
    if (declared.source.name, keys) not in known:
        known[declared.source.name, keys] = seen(line, declared.source, keys, decision, tables)
    return of_events(line, declared, decision["decision_time"], known[declared.source.name, keys])


def of_events(line: Line, declared: Timed, at: datetime, rows: list[Row]) -> Any:
    """The value of a feature from the events of its entity that the decision sees."""
    keys = keys_of(declared.by)
    if isinstance(declared, UdfFeature):
        held = inside(line, declared.window, declared.source, rows, at)
        held.sort(key=lambda row: recency(row, declared.source, keys))
        return OWN[declared.function](held, [happened_at(row, declared.source) for row in held], at)
    if isinstance(declared, Share):
        whole = inside(line, declared.window, declared.source, rows, at)
        return part_of(declared.column, [row for row in whole if truth(declared.where, row) is True], whole)
    if declared.where is not None:
        rows = [row for row in rows if truth(declared.where, row) is True]
    if isinstance(declared, Aggregate):
        rows = inside(line, declared.window, declared.source, rows, at)
        if declared.kind in ("first", "last"):
            return edge(declared, sorted(rows, key=lambda row: recency(row, declared.source, keys)))
        return aggregate(declared, rows)
    if declared.max_age is not None:
        rows = [row for row in rows if at - happened_at(row, declared.source) <= declared.max_age]
    if not rows:
        return None
    if isinstance(declared, SinceLast):
        age = at - max(happened_at(row, declared.source) for row in rows)
        return age / timedelta(microseconds=1) / 86_400_000_000
    return of_latest(declared, max(rows, key=lambda row: recency(row, declared.source, keys)), at)


def of_latest(declared: Latest, newest: Row, at: datetime) -> Any:
    until = newest[declared.source.valid_until] if declared.source.valid_until else None
    if until is not None and end_of(until, declared.source) <= at:
        return None
    return None if newest[declared.column] is None else plain(newest[declared.column])


def inside(line: Line, window: Window, source: Source, rows: list[Row], at: datetime) -> list[Row]:
    """Those of the rows, all of them seen, that the trailing window holds: with its start or without it."""
    ages = [at - happened_at(row, source) for row in rows]
    width = window if isinstance(window, timedelta) else at - calendar_start(window, at)
    with_start = line.decision.boundary == "before"
    return [row for row, age in zip(rows, ages, strict=True) if age < width or (with_start and age == width)]


def calendar_start(window: CalendarWindow, at: datetime) -> datetime:
    """The instant of the wall time so many units earlier."""
    zone = ZoneInfo(window.zone)
    local = at.astimezone(zone).replace(tzinfo=None, fold=0)
    if window.unit in ("day", "week"):
        return instant_of(local - timedelta(days=window.number * {"day": 1, "week": 7}[window.unit]), zone)
    number = window.number * {"month": 1, "year": 12}[window.unit]
    years, month = divmod(local.year * 12 + local.month - 1 - number, 12)
    for day in (local.day, 30, 29, 28):
        try:
            return instant_of(local.replace(year=years, month=month + 1, day=min(day, local.day)), zone)
        except ValueError:
            continue
    raise AssertionError(local)


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks show this; if they never do, as long after midnight as if none was set."""
    day = timedelta(days=1)
    offsets = [((wall + step).replace(tzinfo=UTC)).astimezone(zone).utcoffset() for step in (-day, day)]
    candidates = [(wall - (offset or timedelta(0))).replace(tzinfo=UTC) for offset in offsets]
    shown = [moment for moment in candidates if moment.astimezone(zone).replace(tzinfo=None) == wall]
    return min(shown) if shown else candidates[0]


def edge(declared: Aggregate, ordered: list[Row]) -> Any:
    if not ordered:
        return None
    value = ordered[0 if declared.kind == "first" else -1][declared.column or ""]
    return None if value is None else plain(value)


def formula(term: Term, value_of: Callable[[str], Any]) -> Any:
    """A term's value: null if any part of it is, but for what asks about nulls and branches not taken."""
    if isinstance(term, Constant):
        return term.value
    if isinstance(term, Reference):
        value = value_of(term.name)
        return value if value is None or isinstance(value, bool | str) else float(value)
    parts = (formula(operand, value_of) for operand in term.operands)
    if term.sign == "coalesce":
        return next((part for part in parts if part is not None), None)
    first = next(parts)
    if term.sign == "is_null":
        return first is None
    if term.sign == "if":
        value, other = parts
        return None if first is None else (value if first else other)
    operands = [first, *parts]
    return None if any(operand is None for operand in operands) else operation(term.sign, operands)


def operation(sign: str, operands: list[Any]) -> Any:
    ranks = [order(operand) for operand in operands]
    found: dict[str, Callable[[], Any]] = {
        "and": lambda: all(operands),
        "or": lambda: any(operands),
        "not": lambda: not operands[0],
        "negative": lambda: -operands[0],
        "abs": lambda: abs(operands[0]),
        "log1p": lambda: (
            math.log1p(operands[0]) if operands[0] > -1 else (-math.inf if operands[0] == -1 else math.nan)
        ),
        "min": lambda: operands[ranks.index(min(ranks))],
        "max": lambda: operands[ranks.index(max(ranks))],
        "<": lambda: ranks[0] < ranks[1],
        "<=": lambda: ranks[0] <= ranks[1],
        ">": lambda: ranks[0] > ranks[1],
        ">=": lambda: ranks[0] >= ranks[1],
        "==": lambda: ranks[0] == ranks[1],
        "!=": lambda: ranks[0] != ranks[1],
        "+": lambda: operands[0] + operands[1],
        "-": lambda: operands[0] - operands[1],
        "*": lambda: operands[0] * operands[1],
        "/": lambda: operands[0] / operands[1] if operands[1] else None,
    }
    return plain(found[sign]())


def table(source: Source, tables: Tables) -> Sequence[Row]:
    return tables[source.name] if source.sql is None else VIEWS[source.name](tables)


def part_of(column: str | None, part: list[Row], whole: list[Row]) -> float | None:
    if column is None:
        return len(part) / len(whole) if whole else None
    some, all_of_them = ([plain(row[column]) for row in rows if row[column] is not None] for rows in (part, whole))
    total = numeric("sum", all_of_them) if all_of_them else 0
    return None if total == 0 else float(numeric("sum", some) if some else 0) / float(total)


def truth(predicate: Predicate, row: Row) -> bool | None:
    """True, false, or None for unknown."""
    if isinstance(predicate, IsNull):
        return row[predicate.column] is None
    if isinstance(predicate, Negation):
        return {True: False, False: True, None: None}[truth(predicate.part, row)]
    if isinstance(predicate, AllOf | AnyOf):
        found = {truth(part, row) for part in predicate.parts}
        decisive = isinstance(predicate, AnyOf)
        return decisive if decisive in found else None if None in found else not decisive
    assert isinstance(predicate, Comparison | Among)
    if row[predicate.column] is None:
        return None
    value = order(plain(row[predicate.column]))
    if isinstance(predicate, Among):
        return any(value == order(wanted) for wanted in predicate.values)
    wanted = order(predicate.value)
    if predicate.operator in ("==", "!="):
        return bool((value == wanted) is (predicate.operator == "=="))
    if predicate.operator in ("<", ">="):
        return bool((value < wanted) is (predicate.operator == "<"))
    return bool((value > wanted) is (predicate.operator == ">"))


def seen(line: Line, source: Source, keys: Sequence[str], decision: Row, tables: Tables) -> list[Row]:
    at = decision["decision_time"]
    found = []
    for row in table(source, tables):
        if any(row[key] is None or decision[key] is None or row[key] != decision[key] for key in keys):
            continue
        if row[source.event_time or ""] is None or known_at(row, source) is None:
            continue
        happened = happened_at(row, source)
        before = happened < at if line.decision.boundary == "before" else happened <= at
        if before and known_at(row, source) <= at:
            found.append(row)
    return found


def aggregate(declared: Aggregate, rows: list[Row]) -> Any:
    if declared.column is None:
        return len(rows)
    values = [plain(row[declared.column]) for row in rows if row[declared.column] is not None]
    if declared.kind == "distinct":
        return len({order(value) for value in values})
    if not values or (declared.kind == "stddev" and len(values) < 2):
        return None
    if declared.kind in ("min", "max"):
        return (min if declared.kind == "min" else max)(values, key=order)
    return numeric(declared.kind, values)


def numeric(kind: str, values: list[Any]) -> Any:
    special = [value for value in values if isinstance(value, float) and not math.isfinite(value)]
    if special:
        return math.nan if kind == "stddev" or len({repr(value) for value in special}) > 1 else special[0]
    exact = [Fraction(value) for value in values]
    total = sum(exact, Fraction(0))
    if kind == "sum":
        return rounded(total) if isinstance(values[0], float) else total
    mean = total / len(exact)
    if kind == "mean":
        return rounded(mean)
    variance = sum(((value - mean) * (value - mean) for value in exact), Fraction(0)) / (len(exact) - 1)
    # The root of a fraction without leaving the range of floats.
    excess = (variance.numerator.bit_length() - variance.denominator.bit_length()) // 2 - 400
    scale = Fraction(1 << max(0, excess))
    return rounded(Fraction(math.sqrt(variance / (scale * scale))) * scale)


def rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def outcome_of(line: Line, decision: Row, tables: Tables, as_of: datetime) -> dict[str, Any] | None:
    """None unless mature: the horizon and the delay have passed, and the source reaches that far."""
    outcome = line.outcome
    if outcome.value is not None:
        return own_value(outcome, decision[OWN_ROW], decision["decision_time"], as_of)
    if outcome.until is not None:
        end = lookup(outcome.until, decision, tables)
        if end is None:
            return None
        end = end_of(end, outcome.until.source)
    else:
        assert outcome.horizon is not None
        end = decision["decision_time"] + outcome.gap + outcome.horizon * outcome.steps
    events = [row for row in tables[outcome.source.name] if row[outcome.source.event_time or ""] is not None]
    newest = max((happened_at(row, outcome.source) for row in events), default=None)
    assert outcome.source.delay is not None
    begin = decision["decision_time"] + outcome.gap
    if outcome.measure == "time_to_event":
        return time_to_event(line, decision, events, (begin, end, newest), as_of)
    known_at = max(end + outcome.source.delay, decision["decision_time"])
    if newest is None or end > newest or known_at > as_of:
        return None
    if outcome.steps > 1:
        assert outcome.horizon is not None
        edges = [begin + outcome.horizon * step for step in range(outcome.steps + 1)]
        names = [outcome.name] + [f"{outcome.name}_{step}" for step in range(2, outcome.steps + 1)]
        spans = zip(names, pairwise(edges), strict=True)
        each = {name: measured(outcome, within(line, decision, events, *span)) for name, span in spans}
        return {**each, "outcome_known_at": known_at}
    rows = within(line, decision, events, begin, end)
    return {outcome.name: measured(outcome, rows), "outcome_known_at": known_at}


def own_value(outcome: Outcome, row: Row, at: datetime, as_of: datetime) -> dict[str, Any] | None:
    """None where the row states none, or not yet."""
    known = row[outcome.known or ""]
    if known is None or (outcome.where is not None and truth(outcome.where, row) is not True):
        return None
    known_at = max(end_of(known, outcome.source) + outcome.delay, at)
    assert outcome.value is not None
    value = row[outcome.value] if isinstance(outcome.value, str) else truth(outcome.value, row)
    if known_at > as_of or value is None:
        return None
    if isinstance(value, bool):
        value = outcome.present if value else outcome.absence
    return {outcome.name: plain(value), "outcome_known_at": known_at}


def measured(outcome: Outcome, rows: list[Row]) -> Any:
    if outcome.measure == "happened":
        return outcome.present if rows else outcome.absence
    if outcome.measure == "count":
        return len(rows) or outcome.absence
    values = [plain(row[outcome.column or ""]) for row in rows if row[outcome.column or ""] is not None]
    if not values:
        return outcome.absence
    if outcome.measure in ("min", "max"):
        return (min if outcome.measure == "min" else max)(values, key=order)
    return numeric(outcome.measure, values)


def time_to_event(
    line: Line,
    decision: Row,
    events: list[Row],
    span: tuple[datetime, datetime, datetime | None],
    as_of: datetime,
) -> dict[str, Any] | None:
    """The first event of what was observed by as_of; None if nothing was observed."""
    begin, end, newest = span
    delay = line.outcome.source.delay
    assert delay is not None
    if newest is None:
        return None
    observed = min(end, newest, as_of - delay)
    if observed <= begin or decision["decision_time"] > as_of:
        return None
    times = [happened_at(row, line.outcome.source) for row in within(line, decision, events, begin, observed)]
    length = min(times, default=observed) - begin
    return {
        line.outcome.name: int(bool(times)),
        f"{line.outcome.name}_days": length / timedelta(microseconds=1) / 86_400_000_000,
        "outcome_known_at": max(observed + delay, decision["decision_time"]),
    }


def within(line: Line, decision: Row, events: list[Row], begin: datetime, end: datetime) -> list[Row]:
    keys = keys_of(line.outcome.by)
    return [
        row
        for row in events
        if all(decision[key] is not None and row[key] == decision[key] for key in keys)
        and begin < happened_at(row, line.outcome.source) <= end
    ]


def lookup(static: StaticFeature, decision: Row, tables: Tables) -> Any:
    for row in table(static.source, tables):
        if all(decision[key] is not None and row[key] == decision[key] for key in keys_of(static.by)):
            return row[static.column]
    return None


def keys_of(by: By) -> tuple[str, ...]:
    """The key columns of one entity or of several; one that they share stands once."""
    found: list[str] = []
    for entity in by if isinstance(by, tuple) else (by,):
        found += [key for key in entity.keys if key not in found]
    return tuple(found)


def happened_at(row: Row, source: Source) -> datetime:
    return end_of(row[source.event_time or ""], source)


def known_at(row: Row, source: Source) -> datetime | None:
    if source.known_time is None:
        assert source.delay is not None
        return happened_at(row, source) + source.delay
    return None if row[source.known_time] is None else end_of(row[source.known_time], source)


def recency(row: Row, source: Source, keys: Sequence[str]) -> tuple[Any, ...]:
    used = {*keys, source.event_time, source.known_time}
    rest = [
        order(None if row[column] is None else plain(row[column])) for column in source.columns if column not in used
    ]
    return (happened_at(row, source), known_at(row, source), *rest)


def order(value: Any) -> tuple[int, Any]:
    """Null below all, NaN above all."""
    if value is None:
        return (0, 0)
    if isinstance(value, float) and math.isnan(value):
        return (2, 0)
    return (1, value)


def plain(value: Any) -> Any:
    return 0.0 if isinstance(value, float) and value == 0 else value


def end_of(moment: date, source: Source) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return midnight(moment + timedelta(days=1), source)


def start_of(moment: date, source: Source) -> datetime:
    return moment if isinstance(moment, datetime) else midnight(moment, source)


def midnight(day: date, source: Source) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(source.zone or "UTC")).astimezone(UTC)
