"""From scores to actions: who gets the action, who is drawn to explore, and with which probability that happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import ceil, floor, sqrt
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from assembly_line.canonical import canonical_json
from assembly_line.declarations.decisions import Policy
from assembly_line.delivery.sql import INSERTED, dropped, insert, one_row, rows_of
from assembly_line.errors import DeclarationError
from assembly_line.features import literal
from assembly_line.outcome_kinds import places

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The policy's arm; a challenger will bring its own.
CHAMPION_ARM = "champion"
DIGITS = 13  # hexadecimal digits that a float holds exactly: 52 bits
# How probable `act` is for a decision that explores where no capacity is scarce.
EVEN = Fraction(1, 2)


def choose(connection: DuckDBPyConnection, policy: Policy, *, line: str, unit: Sequence[str] = ()) -> None:
    """Decide a whole batch.

    Under a capacity exactly `places(...)` decisions get `act`, whatever is explored. The highest scores hold these
    places; equal scores come in order of a hash of their decision_id. A fixed number of the holders and of the others
    is drawn to explore. All that are drawn share by lot the places that the holders among them gave up. Under a
    threshold, or a capacity of 1, no place is scarce: each decision explores by itself, and acts with an even chance.

    All draws are hashes of line, policy version and decision, and one of the batch: a repetition draws the same.

    Args:
        connection: with a table or view `decisions` of those that can be delivered: `offset`, `decision_id`, `score`
            and the columns of `unit`, which need no quotes. Gets the table `chosen`: `offset`, `acts`, `explored` (it
            was drawn to explore, so that a lot and not its score decided), and `propensity`: how probable this action
            was for this decision, given the batch and the policy, before any draw, as JSON has it.
        line: the line's name.
        unit: columns; decisions that agree in these are a batch of their own.
    """
    draws = _Draws(line, policy.version)
    if policy.capacity is None or policy.capacity >= 1:
        _by_themselves(connection, policy, draws)
    else:
        _within_capacity(connection, policy.capacity, policy.exploration, draws, unit)


@dataclass(frozen=True, slots=True)
class Explorers:
    """How many explore: of those that hold a place, and of the others. `weight`: how probable these numbers are."""

    holders: int
    others: int
    weight: Fraction

    def chance(self) -> Fraction:
        """How probable `act` is for one that explores: places that were given up, for each that was drawn."""
        return Fraction(self.holders, self.holders + self.others)


def possible_explorers(exploration: float, *, held: int, others: int) -> list[Explorers]:
    """Every pair of numbers that the draw of the batch can give, in order of that draw.

    On average `exploration` of the holders and of the others explore. Both numbers are rounded by one draw, up where it
    is high: so they are rounded up together as often as can be, for a place can only change hands between the two.
    """
    share = Fraction(Decimal(repr(exploration)))
    expected = (share * held, share * others)
    bounds = sorted({Fraction(0), Fraction(1), *(1 - (number - floor(number)) for number in expected)})
    return [
        Explorers(floor(expected[0] + low), floor(expected[1] + low), high - low)
        for low, high in itertools.pairwise(bounds)
    ]


@dataclass(frozen=True, slots=True)
class _Draws:
    """Lots that a repetition draws alike: each is a hash of its purpose, the line, the policy version and a name."""

    line: str
    version: int

    def lot(self, purpose: str, name: str = "decision_id") -> str:
        """SQL of a lot's 64 hexadecimal digits. `name`: SQL of a name that JSON has without escapes."""
        before = canonical_json([purpose, self.line, self.version, ""]).decode().removesuffix('"]')
        return f"sha256(concat({literal(before)}, {name}, '\"]'))"


def _number(lot: str) -> str:
    """SQL of the number that a lot's first digits are, as text that compares as the numbers do, see `_bound`."""
    return f"concat('0', left({lot}, {DIGITS}))"


def _bound(share: Fraction) -> str:
    """Of all numbers of lots this share lies below it. One digit more than theirs, as all of them may."""
    return f"{ceil(share * 16**DIGITS):0{DIGITS + 1}x}"


def _by_themselves(connection: DuckDBPyConnection, policy: Policy, draws: _Draws) -> None:
    share = Fraction(Decimal(repr(policy.exploration)))
    explored = f"{_number(draws.lot('exploration'))} < '{_bound(share)}'" if share else "false"
    lot = f"{_number(draws.lot('place'))} < '{_bound(EVEN)}'"
    chances = [(1 - share) * favoured + share * EVEN for favoured in (1, 0)]
    said = [repr(float(one)) for chance in chances for one in (chance, 1 - chance)]
    connection.execute(
        "CREATE TABLE chosen AS "
        'SELECT "offset", acts, explored, CASE WHEN favoured THEN CASE WHEN acts THEN ? ELSE ? END '
        "WHEN acts THEN ? ELSE ? END AS propensity FROM ("
        f"SELECT *, CASE WHEN explored THEN {lot} ELSE favoured END AS acts FROM ("
        f'SELECT "offset", decision_id, coalesce(score >= ?::DOUBLE, true) AS favoured, {explored} AS explored '
        "FROM decisions))",
        [*said, policy.threshold],
    )


def _within_capacity(
    connection: DuckDBPyConnection, capacity: float, exploration: float, draws: _Draws, unit: Sequence[str]
) -> None:
    named = f"SELECT {''.join(f'{name}, ' for name in unit)}count(*) AS size"
    connection.execute(
        "CREATE TABLE units AS SELECT row_number() OVER () AS unit, * "
        f"FROM ({named} FROM decisions GROUP BY {', '.join(unit) or '()'})"
    )
    _plan(connection, capacity, exploration)
    of_unit = f"JOIN units USING ({', '.join(unit)})" if unit else "CROSS JOIN units"
    _draw(connection, draws, of_unit)
    connection.execute(
        'CREATE TABLE ranked AS SELECT "offset", decision_id, unit, '
        f"rank() OVER (PARTITION BY unit ORDER BY score DESC) AS place FROM decisions {of_unit}"
    )
    # Only at the cut do equal scores need an order.
    last = (
        "SELECT unit, max(place) AS place FROM ranked JOIN drawn USING (unit) JOIN plans USING (plan) "
        "WHERE place <= held GROUP BY unit"
    )
    tie = "sha256(concat('[\"tie\",\"', decision_id, '\"]'))"
    connection.execute(
        'CREATE TABLE ties AS SELECT "offset", '
        f"place - 1 + row_number() OVER (PARTITION BY unit ORDER BY {tie}) AS nth "
        f"FROM ranked JOIN ({last}) USING (unit, place)"
    )
    connection.execute(
        'CREATE TABLE placed AS SELECT "offset", decision_id, unit, plan, holders, '
        "coalesce(nth, place) <= held AS favoured, CASE WHEN favoured THEN holders ELSE others END AS explorers, "
        "CASE WHEN favoured THEN holders_below ELSE others_below END AS explorers_below FROM ranked "
        'JOIN drawn USING (unit) JOIN plans USING (plan) LEFT JOIN ties USING ("offset")'
    )
    _explore(connection, draws)
    connection.execute(
        "CREATE TABLE chosen AS "
        'SELECT "offset", acts, explored, CASE WHEN favoured THEN CASE WHEN acts THEN held_acts ELSE held_rests END '
        "WHEN acts THEN other_acts ELSE other_rests END AS propensity "
        "FROM (SELECT *, won IS NOT NULL AS explored, coalesce(won, favoured) AS acts "
        'FROM placed LEFT JOIN lots USING ("offset")) JOIN plans USING (plan)'
    )
    dropped(connection, "units", "plans", "drawn", "ranked", "ties", "placed", "lots")


def _explore(connection: DuckDBPyConnection, draws: _Draws) -> None:
    """The table `lots`: those that were drawn to explore, and whether they won a place that was given up."""
    lot = draws.lot("exploration")
    (wanted,) = one_row(connection, "SELECT coalesce(sum(holders + others), 0) FROM drawn JOIN plans USING (plan)")
    # The lowest lots are drawn. Nearly always all of them lie below a bound, so that few have to be put in order.
    for some in (f"{_number(lot)} < explorers_below", "explorers > 0"):
        connection.execute(
            'CREATE OR REPLACE TABLE lots AS SELECT "offset", row_number() OVER (PARTITION BY unit ORDER BY '
            f'{draws.lot("place")}) <= holders AS won FROM placed SEMI JOIN (SELECT "offset" FROM placed WHERE {some} '
            f"QUALIFY row_number() OVER (PARTITION BY unit, favoured ORDER BY {lot}) <= explorers) "
            'USING ("offset")'
        )
        if one_row(connection, "SELECT count(*) FROM lots") == (wanted,):
            return


def _plan(connection: DuckDBPyConnection, capacity: float, exploration: float) -> None:
    """The table `plans`: for each size of a unit what its draw can come to, and the propensities, whatever is drawn.

    `held_acts` is that of a holder of a place that acts. All lots drawn lie below `holders_below` and `others_below`,
    nearly always.
    """
    connection.execute(
        "CREATE TABLE plans (plan BIGINT, size BIGINT, since VARCHAR, below VARCHAR, held BIGINT, holders BIGINT, "
        "others BIGINT, holders_below VARCHAR, others_below VARCHAR, held_acts VARCHAR, held_rests VARCHAR, "
        "other_acts VARCHAR, other_rests VARCHAR)"
    )
    rows: list[tuple[Any, ...]] = []
    for (size,) in connection.execute("SELECT DISTINCT size FROM units WHERE size > 0").fetchall():
        held = places(capacity, size)
        possible = possible_explorers(exploration, held=held, others=size - held)
        chances = (_chance(possible, held, holds=True), _chance(possible, size - held, holds=False))
        said = [repr(float(one)) for chance in chances for one in (chance, 1 - chance)]
        reached = Fraction(0)
        for found in possible:
            since, reached = reached, reached + found.weight
            bounds = (_bound(since), _bound(reached))
            few = (_plenty(found.holders, held), _plenty(found.others, size - held))
            rows.append((len(rows), size, *bounds, held, found.holders, found.others, *few, *said))
    types = ("BIGINT", "BIGINT", "VARCHAR", "VARCHAR", *["BIGINT"] * 3, *["VARCHAR"] * 6)
    if rows:
        insert(connection, "plans", *zip(types, zip(*rows, strict=True), strict=True))


def _plenty(drawn: int, members: int) -> str:
    """A bound below which the lots of nearly always as many members lie as are drawn, and of few more."""
    spared = drawn and (drawn + 8 * sqrt(drawn) + 32) / members
    return _bound(Fraction(min(1.0, spared)))


def _draw(connection: DuckDBPyConnection, draws: _Draws, of_unit: str) -> None:
    """The table `drawn`: for each unit the plan that its draw chose, a hash of the ids of all its decisions."""
    connection.execute("CREATE TABLE digests (unit BIGINT, digest VARCHAR)")
    chances = "SELECT size FROM plans GROUP BY size HAVING count(*) > 1"
    ids = f"SELECT unit, decision_id FROM decisions {of_unit} SEMI JOIN ({chances}) USING (size) ORDER BY ALL"
    digests = _digests(rows_of(connection, ids))
    while some := list(itertools.islice(digests, INSERTED)):
        insert(connection, "digests", *zip(("BIGINT", "VARCHAR"), zip(*some, strict=True), strict=True))
    number = f"CASE WHEN digest IS NULL THEN '{_bound(Fraction(0))}' ELSE {_number(draws.lot('batch', 'digest'))} END"
    connection.execute(
        f"CREATE TABLE drawn AS SELECT unit, plan FROM (SELECT unit, size, {number} AS number "
        "FROM units LEFT JOIN digests USING (unit)) AS one JOIN plans "
        "ON one.size = plans.size AND number >= since AND number < below"
    )
    dropped(connection, "digests")


def _digests(rows: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Of each unit `canonical.digest` of the list of its ids, which may not fit into memory."""
    for unit, members in itertools.groupby(rows, itemgetter(0)):
        hashed, before = sha256(), '["'
        while some := '","'.join([identifier for _, identifier in itertools.islice(members, INSERTED)]):
            hashed.update((before + some).encode())
            before = '","'
        hashed.update(b'"]')
        yield unit, hashed.hexdigest()


def _chance(possible: Sequence[Explorers], members: int, *, holds: bool) -> Fraction:
    """How probable `act` is for a decision that holds a place, or for one that does not."""
    if not members:
        return Fraction(holds)
    total = Fraction(0)
    for found in possible:
        exploring = found.holders if holds else found.others
        share = Fraction(exploring, members)
        total += found.weight * ((1 - share) * holds + (share * found.chance() if exploring else 0))
    return total


def require_new_version(place: str, declared: Policy, released: Policy) -> None:
    """Refuse another policy under the version of the released one: the ledger tells actions apart by it alone.

    Args:
        place: of the declaration.

    Raises:
        DeclarationError: names what differs, here and in the release.
    """
    if declared == released or declared.version != released.version:
        return
    named = [field.name for field in fields(Policy) if getattr(declared, field.name) != getattr(released, field.name)]
    now, before = (", ".join(f"{name}={getattr(one, name)!r}" for name in named) for one in (declared, released))
    raise DeclarationError.about(
        f"{place}: Policy",
        f"version {declared.version} has {now}, and was released with {before}",
        f"a higher version for another policy, such as {released.version + 1}",
    )
