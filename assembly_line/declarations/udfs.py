"""User-defined functions (UDFs) over an entity's events: where the vocabulary of features ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from assembly_line.declarations.checks import COLUMN_TYPE, SCRIPT, check_exact, require
from assembly_line.declarations.entities import By
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed

FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
# Columns of the table that a function gets, beside the declared ones.
DECISION, DECISION_TIME, EVENT_TIME = "decision", "decision_time", "event_time"
GIVEN = (DECISION, DECISION_TIME, EVENT_TIME)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class UdfFeature:
    """What a user-defined function makes of the events that a decision sees, in the trailing window.

    Args:
        columns: of the source, in the order in which the function gets them.
        function: name of a function in `script`: `def basket_entropy(events: pa.Table) -> pa.Array`.
        script: a file of the line's folder; its content is part of the release, and its digest of a dataset's id.
        returns: the type of its values.
        window: as for an aggregate.
    """

    source: Source
    columns: tuple[str, ...]
    function: str
    script: str
    returns: str
    window: timedelta
    by: By

    def __post_init__(self) -> None:
        place = f"{self.function} over {self.source.name}"
        require(not self.source.static, f"{place}: static facts have no events; use static(...)")
        require(self.window > timedelta(0), f"{place}: window {self.window} is not positive")
        require(bool(FUNCTION.fullmatch(self.function)), f"udf: {self.function!r} is not the name of a function")
        require(bool(SCRIPT.fullmatch(self.script)), f"{place}: {self.script!r} is not a file name such as features.py")
        require(bool(COLUMN_TYPE.fullmatch(self.returns)), f"{place}: returns the unknown type {self.returns!r}")
        check_exact(place, "its value", self.returns)
        require(len(set(self.columns)) == len(self.columns), f"{place}: columns names one twice: {self.columns}")
        for column in self.columns:
            require(column not in GIVEN, f"{place}: a column {column} is there anyway, beside the declared ones")
            self.source.check_column(place, column)
