"""Which decision of a dataset is meant: by its id, or by as many of its keys as name one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.plain_values import plain_values, shown_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.features.values.columns import Column

SHOWN = 5


def place_of(line: Line, columns: Mapping[str, Column], decision: str) -> int:
    """Where the decision stands in the dataset.

    Raises:
        NotFound: the dataset has no such decision.
        RequestRefused: a name is no key of the decisions, or several decisions have these keys.
    """
    ids = columns[DECISION_ID].values.tolist()
    if "=" not in decision:
        if decision in ids:
            return int(ids.index(decision))
        raise NotFound(
            f"decision {decision!r} is not in this dataset; expected a decision_id of it, or its keys such as "
            f"{','.join(f'{name}=...' for name in line.decision.keys)}"
        )
    given = dict(part.partition("=")[::2] for part in decision.split(","))
    unknown = [name for name in given if name not in line.decision.keys]
    if unknown:
        raise RequestRefused(
            f"decision {decision!r}: {', '.join(map(repr, unknown))} is no key of it; "
            f"expected some of {', '.join(line.decision.keys)}, each as name=value"
        )
    texts = [[_text(value) for value in plain_values(columns[name])] for name in given]
    found = [place for place, row in enumerate(zip(*texts, strict=True)) if row == tuple(given.values())]
    first = {ids[place]: place for place in reversed(found)}
    if not first:
        raise NotFound(f"decision {decision!r} is not in this dataset")
    if len(first) > 1:
        places = sorted(first.values())
        more = len(places) - SHOWN
        raise RequestRefused(
            f"decision {decision!r}: {len(places)} decisions have these keys; say which by its id or by more keys: "
            f"{'; '.join(_named(line, columns, places[:SHOWN]))}{f'; and {more} more' if more > 0 else ''}"
        )
    return found[0]


def _named(line: Line, columns: Mapping[str, Column], places: Sequence[int]) -> list[str]:
    named = []
    for place in places:
        row = {name: plain_values(columns[name].slice(place, place + 1))[0] for name in (DECISION_ID, DECISION_TIME)}
        keys = {name: plain_values(columns[name].slice(place, place + 1))[0] for name in line.decision.keys}
        said = ",".join(f"{name}={_text(value)}" for name, value in keys.items())
        named.append(f"{row[DECISION_ID]} ({said} at {shown_instant(row[DECISION_TIME])})")
    return named


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
