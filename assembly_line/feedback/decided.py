"""Delivered decisions as columns, to be judged: what differs is looked at once, however many decisions share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from assembly_line.outcome_kinds import DECISION_TIME, Answer, OutcomeKind, Truth

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assembly_line.ledger import LedgerSession

DELIVERED = "delivered"
# Beside keys, what decisions can be grouped by. No key or feature has this name.
DECISION_MONTH = "decision_month"
_NUMBERS = ("score", "baseline", "scale")
_CODED = ("outcome", "prior", "cluster", "grouped")


class Coded(NamedTuple):
    """A column of few different values. `codes`: the place of each row's value among `values`, -1 where it has none."""

    values: Sequence[Any]
    codes: NDArray[np.int64]

    def used(self) -> Coded:
        """The same column without values that no row has; every row must have one."""
        import numpy as np

        there, codes = np.unique(self.codes, return_inverse=True)
        return Coded([self.values[code] for code in there.tolist()], codes)

    def of(self, function: Callable[[Any], Any]) -> NDArray[Any]:
        """What the function makes of each row's value; every row must have one."""
        import numpy as np

        values, codes = self.used()
        return np.array([function(value) for value in values])[codes] if len(values) else np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Decisions in order of time and id. All columns have their length.

    Args:
        in_force: whether a revision was in force, so that the outcome judges it.
        outcome: what is stated of the outcome: its value, and the days or later steps beside it.
        prior: what would have been answered without features.
        cluster: the value that rows share which belong together; groups of `grouped` likewise.
        score, baseline, scale: numbers, NaN where there is none.
        predictions: of each, `decision_time`, `keys` and `detail`; empty where a kind needs the score alone.
    """

    in_force: NDArray[np.bool_]
    outcome: Coded
    prior: Coded
    cluster: Coded
    grouped: Coded
    score: NDArray[np.float64]
    baseline: NDArray[np.float64]
    scale: NDArray[np.float64]
    predictions: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.score)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the outcome is known."""
        return self.outcome.codes >= 0

    def taken(self, which: NDArray[Any]) -> Decided:
        """These rows alone."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, Coded):
                chosen[field.name] = Coded(column.values, column.codes[which])
            else:
                chosen[field.name] = column[which] if len(column) else column
        return Decided(**chosen)

    def groups(self) -> list[tuple[Any, Decided]]:
        """Each value of `grouped` with its rows, in order of its first decision."""
        return [(value, self.taken(self.grouped.codes == code)) for code, value in enumerate(self.grouped.values)]

    def judged(self, kind: OutcomeKind) -> NDArray[np.bool_]:
        """Whether prediction and outcome are of this kind, see `OutcomeKind.judges`."""
        import numpy as np

        if not kind.scalar:
            found = [kind.judges(one, stated) for one, stated in zip(self._whole(), self._stated(), strict=True)]
            return np.array(found, np.bool_)
        least = next((bound for bound in (kind.lowest, kind.highest) if bound is not None), 0.0)
        width = max(len(self.prior.values), 1)
        pairs, which = np.unique(self.outcome.codes * width + self.prior.codes, return_inverse=True)
        usable = [
            kind.judges(
                {"score": least, DECISION_TIME: "", "keys": {}, "prior": self.prior.values[pair % width]},
                self.outcome.values[pair // width],
            )
            for pair in pairs.tolist()
        ]
        within = np.ones(len(self), np.bool_)
        if kind.lowest is not None:
            within &= self.score >= kind.lowest
        if kind.highest is not None:
            within &= self.score <= kind.highest
        return within & np.array(usable, np.bool_)[which] if len(self) else within

    def answers(self, kind: OutcomeKind) -> NDArray[np.float64] | Sequence[Answer]:
        """The answers that the predictions were made of."""
        return self.score if kind.scalar else [kind.answer_of(one) for one in self._whole()]

    def truths(self, kind: OutcomeKind) -> Sequence[Truth] | Any:
        """What the answers are judged by: an array where one number is the whole truth."""
        import numpy as np

        if kind.scalar:
            return self.outcome.of(lambda stated: kind.label(*stated))
        labels = [kind.label(*stated) for stated in self._stated()]
        units = [kind.unit(one[DECISION_TIME], one["keys"]) for one in self._whole()]
        scales = [None if np.isnan(scale) else scale for scale in self.scale.tolist()]
        return kind.truths(labels, units, scales)

    def _stated(self) -> list[Any]:
        return [self.outcome.values[code] for code in self.outcome.codes.tolist()]

    def _whole(self) -> list[dict[str, Any]]:
        priors = [self.prior.values[code] for code in self.prior.codes.tolist()]
        rows = zip(self.predictions.tolist(), self.score.tolist(), priors, strict=True)
        return [{**one, "score": score, "prior": prior} for one, score, prior in rows]


def read_decided(ledger: LedgerSession, *, cluster: str, by: str | None, whole: bool, where: str = "TRUE") -> Decided:
    """The delivered decisions that have the key `cluster`.

    Args:
        whole: with what kinds need for which one number does not tell all.
        where: a condition on columns of `decisions`.
    """
    import numpy as np

    more = ", coalesce(detail, 'null') AS detail, decision_time, keys" if whole else ""
    together, grouped = key_of(cluster), key_of(by) if by else "NULL::VARCHAR"
    ledger.execute(
        "CREATE OR REPLACE TEMP TABLE decided AS "
        "SELECT row_number() OVER (ORDER BY decision_time, decision_id) AS place, in_force, outcome, "
        f"coalesce(prior, 'null') AS prior, {together} AS cluster, {grouped} AS grouped, score, baseline, scale{more} "
        f"FROM decisions WHERE {DELIVERED} AND {together} IS NOT NULL AND ({where})"
    )
    for name in _CODED:
        ledger.execute(
            f"CREATE OR REPLACE TEMP TABLE coded_{name} AS SELECT {name} AS value, "
            f"row_number() OVER (ORDER BY min(place)) - 1 AS code FROM decided WHERE {name} IS NOT NULL GROUP BY {name}"
        )
    codes = ", ".join(f"coalesce({name}.code, -1) AS {name}" for name in _CODED)
    taken = ", detail, decision_time, keys" if whole else ""
    joins = " ".join(f"LEFT JOIN coded_{name} AS {name} ON {name}.value = decided.{name}" for name in _CODED)
    numbers = ", ".join(f"coalesce({name}, 'nan') AS {name}" for name in _NUMBERS)
    found = ledger.execute(
        f"SELECT in_force, {codes}, {numbers}{taken} FROM decided {joins} ORDER BY place"
    ).fetchnumpy()
    columns = {name: np.ma.getdata(column) for name, column in found.items()}
    values = {
        name: [json.loads(value) for (value,) in ledger.rows(f"SELECT value FROM coded_{name} ORDER BY code")]
        for name in _CODED
    }
    predictions = np.empty(len(columns["score"]) if whole else 0, np.object_)
    if whole:
        rows = zip(*(columns[name].tolist() for name in (DECISION_TIME, "keys", "detail")), strict=True)
        for place, (at, keys, detail) in enumerate(rows):
            predictions[place] = {DECISION_TIME: at, "keys": json.loads(keys), "detail": json.loads(detail)}
    return Decided(
        in_force=columns["in_force"].astype(np.bool_),
        predictions=predictions,
        **cast("dict[str, Any]", {name: Coded(values[name], columns[name]) for name in _CODED}),
        **cast("dict[str, Any]", {name: columns[name].astype(np.float64, copy=False) for name in _NUMBERS}),
    )


def key_of(name: str) -> str:
    """SQL of what decisions can be grouped by, as JSON text: their time, its month (UTC) or a key; null without it."""
    if name == DECISION_TIME:
        return "CAST(to_json(decision_time) AS VARCHAR)"
    if name == DECISION_MONTH:
        return "CAST(to_json(substr(decision_time, 1, 7)) AS VARCHAR)"
    pointer = "/" + name.replace("~", "~0").replace("/", "~1").replace("'", "''")
    return f"CAST(json_extract(keys, '{pointer}') AS VARCHAR)"


def keys_of(ledger: LedgerSession) -> list[str]:
    """The keys of delivered decisions, in order of the first decision that has each."""
    found = ledger.rows(
        f"SELECT coalesce(json_keys(keys), []) AS names FROM decisions WHERE {DELIVERED} GROUP BY names "
        "ORDER BY min(concat(decision_time, decision_id))"
    )
    return list(dict.fromkeys(name for (names,) in found for name in names))
