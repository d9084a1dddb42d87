"""Which decision of a dataset is meant: by its id, or by as many of its keys as name one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assembly_line.decision_keys import decided_at, given_keys, key_text, keys_in_words, several
from assembly_line.errors import NotFound
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.plain_values import plain_values, shown_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.features.values.columns import Column


def place_of(line: Line, columns: Mapping[str, Column], decision: str, at: str | None = None) -> int:
    """Where the decision stands in the dataset.

    Args:
        decision: its id, or as many of its keys as name one.
        at: its decision time, or the day of it; None if the keys are enough.

    Raises:
        NotFound: the dataset has no such decision.
        RequestRefused: a name is no key of the decisions, or several decisions have these keys.
    """
    ids = columns[DECISION_ID].values.tolist()
    given = given_keys(line, decision)
    if given is None:
        if decision in ids:
            return int(ids.index(decision))
        raise NotFound(
            f"decision {decision!r} is not in this dataset; expected a decision_id of it, or its keys such as "
            f"{','.join(f'{name}=...' for name in line.decision.keys)}",
            where="decision",
            value=repr(decision),
            expected="a decision_id of the dataset, or its keys",
        )
    texts = [[key_text(value) for value in plain_values(columns[name])] for name in given]
    times = plain_values(columns[DECISION_TIME])
    found = [
        place
        for place, row in enumerate(zip(*texts, strict=True))
        if row == tuple(given.values()) and decided_at(shown_instant(times[place]), at)
    ]
    first = {ids[place]: place for place in reversed(found)}
    if not first:
        raise NotFound(
            f"decision {decision!r}{f' at {at}' if at else ''} is not in this dataset",
            where="decision",
            value=repr(decision),
            expected="the keys of a decision in the dataset",
        )
    if len(first) > 1:
        raise several(decision, _named(line, columns, sorted(first.values())))
    return found[0]


def _named(line: Line, columns: Mapping[str, Column], places: Sequence[int]) -> list[str]:
    named = []
    for place in places:
        row = {name: plain_values(columns[name].slice(place, place + 1))[0] for name in (DECISION_ID, DECISION_TIME)}
        keys = {name: plain_values(columns[name].slice(place, place + 1))[0] for name in line.decision.keys}
        named.append(f"{row[DECISION_ID]} ({keys_in_words(keys)} at {shown_instant(row[DECISION_TIME])})")
    return named
