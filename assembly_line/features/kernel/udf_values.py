"""Values of UDFs: each gets the events that decisions may see, and nothing else; its answers are checked.

A function sees whole batches for speed, but a value belongs to one decision: everything is asked again in other
batches, and a function whose answers differ is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assembly_line.declarations.udfs import DECISION, DECISION_TIME, EVENT_TIME, UdfFeature
from assembly_line.errors import FeatureFunctionFailed
from assembly_line.features.kernel.point_in_time import History
from assembly_line.features.kernel.reductions import Windows, chunks
from assembly_line.features.values.columns import Column, Integers, column_of, null_column
from assembly_line.features.values.isolation import isolated_call
from assembly_line.features.values.plain_values import column_of_plain, plain_values, unequal
from assembly_line.features.values.released_scripts import Isolated, Scripts, cause, function_of

if TYPE_CHECKING:
    import pyarrow as pa

# Into how many batches one is cut when its decisions are asked for again, and how many are asked for alone.
SMALLER, ALONE = 3, 6


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows of a history that decisions may look back on.

    Args:
        columns: those of the rows, in the order of the history.
        windows: positions of each decision's rows, known or not.
        times: decision times; only rows known by then are handed over.
    """

    history: History
    columns: Mapping[str, Column]
    windows: Windows
    times: Integers

    def events(self, feature: UdfFeature, decisions: Integers) -> tuple[dict[str, Column], Integers]:
        """The visible rows of these decisions as a function gets them, and which of the decisions have any."""
        windows, times = self.windows.take(decisions), self.times[decisions]
        positions, owner = self.history.known_rows(windows, times)
        some, number = np.unique(owner, return_inverse=True)
        return {
            DECISION: _whole("int64", number.astype(np.int64)),
            DECISION_TIME: _whole("timestamp", times[owner]),
            EVENT_TIME: _whole("timestamp", self.history.times[positions]),
            **{name: self.columns[name].take(positions) for name in feature.columns},
        }, some


def udf_values(name: str, feature: UdfFeature, asked: Asked, scripts: Scripts) -> Column:
    """The value for each decision; null where it sees no event, for which the function is not asked.

    Args:
        scripts: if they are `Isolated`, the function is asked for each decision alone and reaches nothing beside its
            events; its value is null where it then fails.

    Raises:
        FeatureFunctionFailed: the function is not there, fails, answers in another form than declared, or differently
            when asked again or for other decisions beside.
    """
    if isinstance(scripts, Isolated):
        return _in_isolation(name, feature, asked, scripts)
    call = _Call(name, feature, function_of(scripts, feature.script, feature.function))
    decisions = len(asked.times)
    found = null_column(feature.returns, decisions)
    for chunk in chunks(asked.windows.sizes):
        _put(found, asked, call, np.arange(decisions)[chunk])
    _check_again(found, asked, call)
    return found


def _in_isolation(name: str, feature: UdfFeature, asked: Asked, scripts: Isolated) -> Column:
    found = null_column(feature.returns, len(asked.times))
    for decision in np.flatnonzero(asked.windows.sizes > 0):
        try:
            with isolated_call():
                call = _Call(name, feature, function_of(scripts, feature.script, feature.function))
                _put(found, asked, call, np.array([decision]))
        except FeatureFunctionFailed:
            continue
    return found


def value_of_events(
    name: str,
    feature: UdfFeature,
    scripts: Scripts,
    *,
    at: int,
    times: Sequence[int],
    rows: Sequence[Mapping[str, Any]],
) -> Any:
    """The plain value that the function gives for one decision; None without events.

    Args:
        at: the decision time; `times` those of the events, in order; microseconds.
        rows: plain values of the events.
    """
    if not rows:
        return None
    call = _Call(name, feature, function_of(scripts, feature.script, feature.function))
    kinds = feature.source.columns
    events = {
        DECISION: column_of("int64", [0] * len(rows)),
        DECISION_TIME: column_of("timestamp", [at] * len(rows)),
        EVENT_TIME: column_of("timestamp", times),
        **{column: column_of_plain(kinds[column], [row[column] for row in rows]) for column in feature.columns},
    }
    return plain_values(call.answers(events))[0]


def _put(found: Column, asked: Asked, call: _Call, decisions: Integers) -> None:
    """Fill in what a function answers for these decisions, asked together."""
    events, some = asked.events(call.feature, decisions)
    if len(some):
        answers = call.answers(events)
        found.values[decisions[some]], found.valid[decisions[some]] = answers.values, answers.valid


def _check_again(found: Column, asked: Asked, call: _Call) -> None:
    """Ask for everything once more in smaller batches, and for some decisions alone."""
    decisions = np.arange(len(found))
    smaller = [part for chunk in chunks(asked.windows.sizes) for part in np.array_split(decisions[chunk], SMALLER)]
    seeing = np.flatnonzero(asked.windows.sizes > 0)
    alone = [seeing[place : place + 1] for place in range(0, len(seeing), -(-max(len(seeing), 1) // ALONE))]
    for among, batches in (("fewer decisions", smaller), ("no other decision", alone)):
        repeated = null_column(found.kind, len(found))
        for batch in batches:
            _put(repeated, asked, call, batch)
        chosen = np.concatenate([decisions[:0], *batches])
        differing = unequal(found.take(chosen), repeated.take(chosen), rounded=True)
        if differing.any():
            place = int(chosen[np.flatnonzero(differing)[0]])
            raise call.failed(
                f"answers {_shown(found, place)}, and when asked again, beside {among}, {_shown(repeated, place)} for "
                "the same events; a value may depend on the decision's own events and time alone, not on chance, the "
                "clock, earlier questions, or which decisions are asked together"
            )


class _Call:
    """One UDF, called with checked answers."""

    def __init__(self, name: str, feature: UdfFeature, function: Callable[..., Any]) -> None:
        self.feature = feature
        self._name = name
        self._function = function

    def failed(self, problem: str) -> FeatureFunctionFailed:
        return FeatureFunctionFailed(
            f"feature {self._name}: {self.feature.function}() of {self.feature.script}: {problem}"
        )

    def answers(self, events: Mapping[str, Column]) -> Column:
        """One value for each decision, of the declared type."""
        table = self._table(events)
        expected = int(events[DECISION].values[-1]) + 1
        try:
            answer = self._function(table)
        except (Exception, SystemExit) as error:
            raise self.failed(cause(error, self.feature.script)) from error
        return self._checked(answer, expected)

    def _table(self, events: Mapping[str, Column]) -> pa.Table:
        try:
            import pyarrow as pa
        except ModuleNotFoundError as error:
            raise self.failed(
                "takes Arrow tables, and pyarrow is not installed here; install the extra `spark` or `explore`"
            ) from error
        from assembly_line.features.values.arrow_columns import to_logical

        return pa.table({name: to_logical(column) for name, column in events.items()})

    def _checked(self, answer: Any, expected: int) -> Column:
        import pyarrow as pa

        from assembly_line.features.values.arrow_columns import from_logical, logical_type

        kind = logical_type(self.feature.returns)
        if isinstance(answer, pa.ChunkedArray):
            answer = answer.combine_chunks()
        if not isinstance(answer, pa.Array):
            raise self.failed(f"answers a {type(answer).__name__}, expected a pyarrow Array of {kind}")
        if answer.type != kind:
            raise self.failed(f"answers an Array of {answer.type}, declared is {self.feature.returns}, which is {kind}")
        if len(answer) != expected:
            raise self.failed(f"answers {len(answer)} values for {expected} decisions, expected one for each")
        return from_logical(answer, self.feature.returns)


def _whole(kind: str, values: Integers) -> Column:
    return Column(kind, values, np.ones(len(values), np.bool_))


def _shown(column: Column, place: int) -> str:
    (value,) = plain_values(column.slice(int(place), int(place) + 1))
    return "null" if value is None else repr(value)
