"""From a checked batch to what is kept and what is sent: ledger rows, quarantine rows and messages.

The batch stays in columns. Only a decision that is kept aside becomes a value of its own, so that it can be explained.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from assembly_line.canonical import canonical_json
from assembly_line.decision_ids import day_of
from assembly_line.declarations.decisions import Policy
from assembly_line.declarations.lines import Line
from assembly_line.delivery.answers import Quarantined, check_answers
from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.one_message import OneDecision, ledger_row, message_of, quarantine_row
from assembly_line.delivery.policy import choose
from assembly_line.delivery.rendering import (
    Member,
    Number,
    Within,
    canonical_line,
    instant_member,
    overlaid,
    plain_member,
)
from assembly_line.delivery.spine import KeyColumn, view_spine
from assembly_line.delivery.sql import FETCHED, INSERTED, chunks_of, dropped, insert, one_row, rows_of
from assembly_line.features import literal
from assembly_line.instants import LAST_MICROS, MICROSECOND, calendar_form, from_micros, to_micros
from assembly_line.messages import AnyPrediction
from assembly_line.outcome_kinds import DECISION_TIME, OutcomeKind, Ranking

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from assembly_line.delivery.channels import Form

_DECISION_ID = f"d1-{calendar_form('')}-[0-9a-f]{{32}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedBatch:
    """A batch, decided. Its connection must stay open.

    Args:
        predictions: how many decisions can be delivered.
        quarantined: rows of what was kept aside, in order of the spine.
        repeated: rows of the spine beyond the first of their decision.
        actions: action -> how many of those that can be delivered get it.
    """

    predictions: int
    quarantined: tuple[dict[str, Any], ...]
    repeated: int
    actions: Mapping[str, int]
    _connection: DuckDBPyConnection
    _form: _Form | None

    @property
    def distinct(self) -> int:
        """Distinct decisions of the batch; each is delivered, quarantined, dead-lettered or withheld."""
        return self.predictions + len(self.quarantined)

    @property
    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(str(row["reason"]) for row in self.quarantined).items()))

    def rows(self) -> Iterator[tuple[str, Iterator[Sequence[bytes]]]]:
        """Each day of decisions that can be delivered, `yyyymmdd`, with its ledger rows in order of the spine.

        Rows are lines without their ends, some at once.
        """
        if self._form is None:
            return
        row = canonical_line(self._form.row)
        query = f"SELECT {row.sql} FROM decided WHERE day = ?"
        for (day,) in self._connection.execute("SELECT DISTINCT day FROM decided ORDER BY day").fetchall():
            yield day, _lines(self._connection, query, (*row.bound, day))

    def aside(self) -> Iterator[tuple[str, Iterator[Sequence[bytes]]]]:
        """The same of what was kept aside."""
        days = [day_of(row["decision_id"]) for row in self.quarantined]
        for day in sorted(set(days)):
            rows = [row for row, of in zip(self.quarantined, days, strict=True) if of == day]
            starts = range(0, len(rows), FETCHED)
            yield day, ([*map(canonical_json, rows[start : start + FETCHED])] for start in starts)

    def messages(self, form: Form) -> Iterator[Sequence[bytes]]:
        """Messages of a channel as lines of its outbox without their ends, some at once, in order of the spine."""
        if self._form is None:
            return iter(())
        line = canonical_line(
            {
                "attributes": dict(form.attributes(self._form.prediction)),
                "body": Within(self._form.said),
                "decision_id": plain_member("decision_id"),
                "revision": self._form.said["revision"],
            }
        )
        return _lines(self._connection, f"SELECT {line.sql} FROM decided", line.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What the messages and the ledger rows of a batch have in common; members stand for what differs.

    Args:
        prediction: a message as a channel asks it for attributes.
        said: its values.
        row: a ledger row.
    """

    prediction: AnyPrediction
    said: Mapping[str, Any]
    row: Mapping[str, Any]


def compose(
    connection: DuckDBPyConnection,
    context: ScoringContext,
    *,
    line: Line,
    dataset_id: str,
    dataset: Path,
    answers: Iterable[str],
    scales: Mapping[str, float] | None = None,
) -> ComposedBatch:
    """Decide the batch and write it down, the same every time it is asked for.

    Decisions that are ranked against each other are decided group by group, as their scores compare with no others.
    A decision that cannot be sent (a key is empty or null, a field breaks the schema, its action has expired or would
    expire after the year 9999) is kept aside before the policy decides, so that it takes no place of another.

    Args:
        connection: without tables; it may read the dataset.
        line: whose policy decides, on the number that it cuts.
        dataset: a Parquet file with the keys and the baseline; repetitions of a decision are taken once.
        answers: lines, see `check_answers`.
        scales: of a forecast: series -> what its errors are measured by; kept beside each prediction.

    Raises:
        ScoringFailed: the answers are not those of the batch, or not one can be used.
        NotFound: the dataset lacks a column; the message names those there are.
    """
    keys = view_spine(connection, dataset, keys=list(line.decision.keys), baseline=context.champion.baseline_feature)
    checked = check_answers(connection, answers, kind=line.predicts)
    fits = " AND ".join(_fits(context, line.policy, keys))
    connection.execute(
        f'CREATE TABLE sendable AS SELECT *, coalesce({fits}, false) AS fits FROM asked JOIN usable USING ("offset")'
    )
    dropped(connection, "usable")
    example = _example(connection, context, line, keys)
    form, actions = None, dict.fromkeys(line.policy.actions, 0)
    aside = [*checked.quarantined, *_unsendable(connection, context, line, keys, none_fits=example is None)]
    aside.sort(key=lambda item: item.offset)
    if example is None:
        connection.execute("CREATE TABLE decided AS FROM sendable WHERE false")
    else:
        _decide(connection, context.line, line, keys, scales)
        form = _form(context, line, keys, example, dataset_id, scaled=scales is not None)
        found = connection.execute("SELECT acts, count(*) FROM decided GROUP BY acts").fetchall()
        actions |= {line.policy.act if acts else line.policy.otherwise: count for acts, count in found}
    return ComposedBatch(
        predictions=one_row(connection, "SELECT count(*) FROM decided")[0],
        quarantined=tuple(quarantine_row(context, item) for item in aside),
        repeated=checked.repeated,
        actions=actions,
        _connection=connection,
        _form=form,
    )


def _fits(context: ScoringContext, policy: Policy, keys: Mapping[str, KeyColumn]) -> Iterator[str]:
    """SQL of what a decision that can be sent has, beside what all of the batch have in common."""
    yield f"regexp_full_match(decision_id, '{_DECISION_ID}')"
    yield from (key.fits for key in keys.values())
    lasts = policy.expires_after // MICROSECOND
    yield f"decision_time BETWEEN {to_micros(context.instant) - lasts + 1} AND {LAST_MICROS - lasts}"


def _example(
    connection: DuckDBPyConnection, context: ScoringContext, line: Line, keys: Mapping[str, KeyColumn]
) -> AnyPrediction | None:
    """The first message; None where none can be sent, be it for what all have in common."""
    for decision in _decisions(connection, keys, where="fits LIMIT 1"):
        found = message_of(context, line, decision)
        return None if isinstance(found, Quarantined) else found
    return None


def _unsendable(
    connection: DuckDBPyConnection,
    context: ScoringContext,
    line: Line,
    keys: Mapping[str, KeyColumn],
    *,
    none_fits: bool,
) -> Iterator[Quarantined]:
    for decision in _decisions(connection, keys, where="true" if none_fits else "NOT fits"):
        found = message_of(context, line, decision)
        if not isinstance(found, Quarantined):
            raise ValueError(f"{decision.decision_id}: its message is valid, and its columns are not")
        yield found


def _decisions(connection: DuckDBPyConnection, keys: Mapping[str, KeyColumn], *, where: str) -> Iterator[OneDecision]:
    columns = ", ".join(key.sql for key in keys.values())
    rows = rows_of(
        connection, f'SELECT "offset", decision_id, decision_time, answer, {columns} FROM sendable WHERE {where}'
    )
    for offset, identifier, at, answer, *values in rows:
        yield OneDecision(offset, identifier, from_micros(at), dict(zip(keys, values, strict=True)), tuple(answer))


def _decide(
    connection: DuckDBPyConnection,
    name: str,
    line: Line,
    keys: Mapping[str, KeyColumn],
    scales: Mapping[str, float] | None,
) -> None:
    """The table `decided`: what can be delivered with its action, in order of the spine."""
    kind = line.predicts
    unit = kind.unit(DECISION_TIME, {name: key.sql for name, key in keys.items()})
    columns = "".join(f"{key.sql}, " for key in keys.values())
    connection.execute(
        f'CREATE VIEW decisions AS SELECT "offset", decision_id, decision_time, {columns}'
        f"{_score(kind).sql} AS score FROM sendable WHERE fits"
    )
    choose(connection, line.policy, line=name, unit=unit)
    joined = 'sendable JOIN chosen USING ("offset")'
    if isinstance(kind, Ranking):
        group = f"PARTITION BY {', '.join(unit)}"
        connection.execute(
            f'CREATE TABLE ranks AS SELECT "offset", rank() OVER ({group} ORDER BY score DESC) AS rank, '
            f"count(*) OVER ({group}) AS ranked FROM decisions"
        )
        joined += ' JOIN ranks USING ("offset")'
    if scales is not None:
        _keep_scales(connection, kind, keys, scales)
        joined += ' LEFT JOIN scales USING ("offset")'
    connection.execute(
        f'CREATE TABLE decided AS SELECT *, substr(decision_id, 4, 8) AS day FROM {joined} WHERE fits ORDER BY "offset"'
    )
    connection.execute("DROP VIEW decisions")
    dropped(connection, "sendable", "chosen")


def _keep_scales(
    connection: DuckDBPyConnection, kind: OutcomeKind, keys: Mapping[str, KeyColumn], scales: Mapping[str, float]
) -> None:
    connection.execute('CREATE TABLE scales ("offset" BIGINT, scale VARCHAR)')
    named = ((one.offset, kind.series(one.keys)) for one in _decisions(connection, keys, where="fits"))
    known = ((offset, json.dumps(scales[series])) for offset, series in named if series in scales)
    while some := list(islice(known, INSERTED)):
        insert(connection, "scales", *zip(("BIGINT", "VARCHAR"), zip(*some, strict=True), strict=True))


def _answer(kind: OutcomeKind) -> tuple[Number, ...]:
    return tuple(Number(f"answer[{place}]") for place in range(1, kind.width + 1))


def _score(kind: OutcomeKind) -> Number:
    """The kind picks columns as it picks the numbers of one answer."""
    return cast("Number", kind.score(cast("Any", _answer(kind))))


def _form(
    context: ScoringContext,
    line: Line,
    keys: Mapping[str, KeyColumn],
    example: AnyPrediction,
    dataset_id: str,
    *,
    scaled: bool,
) -> _Form:
    kind, policy = line.predicts, line.policy
    differing = {
        "decision_id": plain_member("decision_id"),
        "decision_time": instant_member("decision_time"),
        "keys": {name: key.member for name, key in keys.items()},
        "score": _score(kind),
        "action": plain_member(f"CASE WHEN acts THEN {literal(policy.act)} ELSE {literal(policy.otherwise)} END"),
        "propensity": Member("propensity"),
        "expires_at": instant_member(f"decision_time + {policy.expires_after // MICROSECOND}"),
        "detail": {"rank": Member("rank::VARCHAR"), "of": Member("ranked::VARCHAR")}
        if isinstance(kind, Ranking)
        else kind.detail(cast("Any", _answer(kind))),
    }
    said = overlaid(example.to_values(), differing)
    row = ledger_row(
        context,
        said,
        dataset_id=dataset_id,
        explored=Member("explored::VARCHAR"),
        offset=Member('"offset"::VARCHAR'),
        baseline=Member("baseline"),
    )
    scale = {"scale": Member("coalesce(scale, 'null')")} if scaled else {}
    in_message = {name: said[name] for name in differing if name in said}
    return _Form(prediction=example.model_copy(update=in_message), said=said, row=row | scale)


def _lines(connection: DuckDBPyConnection, query: str, bound: Sequence[str]) -> Iterator[Sequence[bytes]]:
    return ([line for (line,) in some] for some in chunks_of(connection, query, bound))
