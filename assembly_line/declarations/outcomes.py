"""The outcome: what is said of a decision once its horizon has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from assembly_line.declarations.checks import check_name, require
from assembly_line.declarations.entities import Entity
from assembly_line.declarations.features import Attribute
from assembly_line.declarations.moments import check_moment
from assembly_line.declarations.sources import Source

# Column of training datasets: when the outcome beside it was mature.
OUTCOME_KNOWN_AT = "outcome_known_at"
Measure = Literal["happened", "count", "sum", "mean", "min", "max", "time_to_event"]
OF_A_COLUMN = ("sum", "mean", "min", "max")
OF_CLASSES = ("happened", "time_to_event")
# What a sum without events is needs no saying; what a mean without events is does.
ABSENT_BY_DEFAULT = ("happened", "count", "sum", "time_to_event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened after the decision: events of the source for the same entities, within the horizon.

    An event counts iff decision time + gap < event time <= end of the horizon. The outcome is mature once the horizon's
    end and the source's delay have passed; where no event is there by then, the value is `absent`.

    Args:
        name: column of the outcome in training datasets.
        source: events that carry the keys of every entity in `by`.
        by: entities whose keys must match, normally all of the decision's.
        horizon: how long after the decision time and the gap; or
        until: an attribute that says when it ends (a date means the END of its day).
        gap: how long after the decision the horizon begins; what happens in between counts for nothing.
        measure: what is said of the events. `happened`: `present` if there is one. `count`: how many. `sum`, `mean`,
            `min`, `max`: of `column`, nulls ignored. `time_to_event`: 1 if the first came within the horizon, 0 if not
            or not yet, and beside it `<name>_days`: days from decision time + gap to that event, or to the end of what
            was observed. Decisions that are not mature are then rows as well, if anything of them was observed.
        column: a number of the source, for the measures that need one.
        present: the value of `happened` where an event is there.
        absent: the value where no event, or none with a value, is there. 0 by default for `happened`, `count` and
            `sum`; `mean`, `min` and `max` have none, and need it said.
    """

    name: str
    source: Source
    by: tuple[Entity, ...]
    horizon: timedelta | None = None
    until: Attribute | None = None
    present: int = 1
    absent: int | float | None = None
    gap: timedelta = timedelta(0)
    measure: Measure = "happened"
    column: str | None = None

    def __post_init__(self) -> None:
        check_name("Outcome", self.name)
        place = f"Outcome {self.name}"
        require(not self.source.static, f"{place}: source {self.source.name} is static; an outcome needs events")
        require(
            self.source.known_time is None, f"{place}: source {self.source.name} needs a delay, so maturity is certain"
        )
        for source in (self.source, *([self.until.source] if self.until else [])):
            require(source.sql is None, f"{place}: {source.name} is a view; an outcome comes from a loaded source")
        require((self.horizon is None) != (self.until is None), f"{place}: give horizon= or until=, exactly one")
        require(self.horizon is None or self.horizon > timedelta(0), f"{place}: horizon {self.horizon} is not positive")
        require(self.gap >= timedelta(0), f"{place}: gap {self.gap} is negative")
        for entity in self.by:
            require(entity in self.source.entities, f"{place}: source {self.source.name} lacks {entity.name}'s keys")
        if self.until is not None:
            check_moment(place, "until", self.until, self.by)
        self._check_measure(place)

    def _check_measure(self, place: str) -> None:
        needs = self.measure in OF_A_COLUMN
        known = (*OF_CLASSES, "count", *OF_A_COLUMN)
        require(self.measure in known, f"{place}: measure {self.measure!r} is none of {', '.join(known)}")
        require(
            needs == (self.column is not None), f"{place}: {self.measure} {'needs' if needs else 'takes no'} column="
        )
        if self.column is not None:
            kind = self.source.check_column(f"{place}: column", self.column)
            number = kind in ("int64", "float64") or kind.startswith("decimal")
            require(number, f"{place}: column {self.column} is {kind}, expected a number")
        require(
            self.absent is not None or self.measure in ABSENT_BY_DEFAULT,
            f"{place}: {self.measure} of no events has no value; declare absent=, the value where there are none",
        )
        require(
            self.measure not in OF_CLASSES or self.present != self.absence,
            f"{place}: present and absent are both {self.present}",
        )
        require(
            self.measure == "happened" or self.present == 1, f"{place}: present is for happened, not for {self.measure}"
        )
        require(
            self.measure != "time_to_event" or self.absence == 0, f"{place}: absent {self.absence} means nothing here"
        )
        if self.kind == "int64":
            require(isinstance(self.absence, int), f"{place}: absent {self.absence} is no integer, as {self.name} is")
        elif self.kind.startswith("decimal"):
            units = Decimal(str(self.absence)).scaleb(self._scale)
            require(units == int(units), f"{place}: absent {self.absence} has more digits than {self.kind}")

    @property
    def absence(self) -> int | float:
        """The value where no event counts."""
        return 0 if self.absent is None else self.absent

    @property
    def has_classes(self) -> bool:
        """Whether there are two values, of which one is the presence of an event."""
        return self.measure in OF_CLASSES

    @property
    def kind(self) -> str:
        """The type of its values."""
        if self.column is None:
            return "int64"
        kind = self.source.columns[self.column]
        if self.measure == "mean":
            return "float64"
        return f"decimal(38,{self._scale})" if self.measure == "sum" and kind.startswith("decimal") else kind

    @property
    def _scale(self) -> int:
        return int(self.source.columns[self.column or ""].rpartition(",")[2].rstrip(")"))

    @property
    def days(self) -> str:
        """Column of the time to the event, for that measure."""
        return f"{self.name}_days"

    @property
    def columns(self) -> dict[str, str]:
        """Column -> type of what a training dataset says of the outcome, in order, behind the features."""
        days = {self.days: "float64"} if self.measure == "time_to_event" else {}
        return {self.name: self.kind, **days, OUTCOME_KNOWN_AT: "timestamp"}
