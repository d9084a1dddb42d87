"""The outcome: what is said of a decision once its horizon has passed, or once its own row states it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal, cast

from assembly_line.declarations.checks import LEFT_OUT_AT_DEFAULT, NUMERIC, check_name, require
from assembly_line.declarations.entities import Entity, check_entities
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.moments import check_moment, check_time_column
from assembly_line.declarations.predicates import Predicate, checked
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed

# Column of training datasets: when the outcome beside it was mature.
OUTCOME_KNOWN_AT = "outcome_known_at"
Measure = Literal["happened", "count", "sum", "mean", "min", "max", "time_to_event", "value"]
OF_A_COLUMN = ("sum", "mean", "min", "max")
OF_CLASSES = ("happened", "time_to_event")
# Of a column that names classes: its type, and that of its values.
CLASS_TYPES: dict[str, type] = {"string": str, "int64": int}
# What a sum without events is needs no saying; what a mean without events is does.
ABSENT_BY_DEFAULT = ("happened", "count", "sum", "time_to_event")

MOST_STEPS = 100

# So that `by` of an outcome of events is not forgotten, and of an own value need not be said.
UNSAID = cast("tuple[Entity, ...]", None)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The consequence of a decision. Later events state it (`by` and a horizon), or the decision's own row does
    (`value` and `known`).
    An event counts if it carries the keys of the decision and falls within the horizon. That is after decision time +
    gap, and at or before the end of the horizon. The outcome is mature once that end and the delay of the source have
    passed. If no event is there by then, the value is `absent`.

    A value of the decision's own row counts from its known time on. A decision whose row states none has no outcome. It
    is scored, and is no row of a training dataset.

    Args:
        name: the column of training datasets.
        source: the events. For a value of the own row, the source that is the spine.
        by: a tuple of entities whose keys an event must carry, normally all that are decided about. You need it for
            events, and leave it out for a value of the own row.
        horizon: how long events count after the decision and the gap. Give this or `until`.
        until: a static feature that says when the horizon ends. A date counts as the END of its day.
        present: the value where it happened.
        absent: the value where it did not. It is 0 by default for `happened`, `count` and `sum`. You must give it for
            `mean`, `min` and `max`.
        gap: how long after the decision the horizon begins. Events in between count for nothing.
        measure: `happened` gives `present` if there is an event. `count` counts events. `sum`, `mean`, `min` and `max`
            aggregate `column` and ignore nulls. `time_to_event` is 1 if the first event came within the horizon, and 0
            otherwise. Beside it stands `<name>_days`: days from decision time + gap to that event, or to the end of
            observation. Decisions that are not mature are rows of it, too, if anything of them was observed. `value`
            stands for a number of the own row and is set by itself.
        column: a number of the events, for `sum`, `mean`, `min` and `max`.
        value: a column of the decision's own row, or a predicate over its columns such as `column("arrival_delay") >
            15`. A number is the outcome as it stands. A boolean or predicate gives `present` where it is true, and
            `absent` where it is false. Null gives no outcome.
        known: the column of that row that says when the value is known. A date counts as the END of its day. Null means
            never.
        delay: how long after `known` the value is known.
        where: a predicate that says which decisions have an outcome at all, such as `~column("cancelled").is_true()`.
            None means all.
        classes: a tuple of the values of the column `value`, as in `("low", "middle", "high")`, if each names a class.
            The column is then text or whole numbers. A row with another value fails the dataset.
        steps: how many horizons follow one another, each with a number of its own. The column of step 2 is
            `<name>_2`. It is for `count`, `sum`, `mean`, `min` and `max`.
    """

    name: str
    source: Source
    by: tuple[Entity, ...] = UNSAID
    horizon: timedelta | None = None
    until: StaticFeature | None = None
    present: int = 1
    absent: int | float | None = None
    gap: timedelta = timedelta(0)
    measure: Measure = "happened"
    column: str | None = None
    value: str | Predicate | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    known: str | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    delay: timedelta = field(default=timedelta(0), metadata=LEFT_OUT_AT_DEFAULT)
    where: Predicate | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    classes: tuple[str | int, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)
    steps: int = field(default=1, metadata=LEFT_OUT_AT_DEFAULT)

    def __post_init__(self) -> None:
        check_name("Outcome", self.name)
        place = f"Outcome {self.name}"
        if self.by is UNSAID:
            require(self.value is not None, f"{place}: say by= whose events count, normally every entity decided about")
            object.__setattr__(self, "by", ())
        check_entities(f"{place}: by", self.by)
        require(1 <= self.steps <= MOST_STEPS, f"{place}: steps {self.steps} is outside 1 to {MOST_STEPS}")
        require(
            self.steps == 1 or (self.horizon is not None and self.measure in ("count", *OF_A_COLUMN)),
            f"{place}: steps= is for numbers of one horizon after the other; declare horizon=, and count or such",
        )
        if self.value is None:
            self._check_events(place)
        else:
            self._check_own_value(place, self.value)

    def _check_events(self, place: str) -> None:
        given = {
            "known": self.known, "where": self.where, "delay": self.delay or None, "classes": self.classes or None
        }  # fmt: skip
        for role, content in given.items():
            require(content is None, f"{place}: {role}= is for an outcome of the decision's own row; declare value=")
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

    def _check_own_value(self, place: str, value: str | Predicate) -> None:
        given = {"by": self.by, "horizon": self.horizon, "until": self.until, "gap": self.gap, "column": self.column}
        for role, content in given.items():
            require(not content, f"{place}: {role}= is for events; value= is of the decision's own row")
        require(self.source.sql is None, f"{place}: {self.source.name} is a view; decisions stand in loaded sources")
        require(self.known is not None, f"{place}: say when the value is known: known=<a time column of the spine>")
        check_time_column(place, "known", self.source, self.known or "")
        require(self.delay >= timedelta(0), f"{place}: delay {self.delay} is negative")
        object.__setattr__(self, "where", checked(f"{place}: where", self.source, self.where))
        kind = "boolean"
        if isinstance(value, str):
            kind = self.source.check_column(f"{place}: value", value)
        else:
            object.__setattr__(self, "value", checked(f"{place}: value", self.source, value))
        number = kind.startswith(NUMERIC) or bool(self.classes)
        require(
            number or kind == "boolean",
            f"{place}: value {value} is {kind}, expected a number or a boolean; text needs classes=, its values",
        )
        self._check_named_classes(place, kind)
        require(self.measure in ("happened", "value"), f"{place}: measure {self.measure} is of events, not of a value")
        object.__setattr__(self, "measure", "value" if number else "happened")
        if number:
            require(
                self.present == 1 and self.absent is None,
                f"{place}: present= and absent= are for true and false; a number is the outcome as it stands",
            )
        else:
            self._check_classes(place)

    def _check_named_classes(self, place: str, kind: str) -> None:
        if not self.classes:
            return
        # A text is a sequence of letters too; the comma of a tuple of one is easily forgotten.
        require(isinstance(self.classes, tuple), f"{place}: classes: expected a tuple of values, got {self.classes!r}")
        require(kind in CLASS_TYPES, f"{place}: value {self.value} is {kind}; classes are of text or whole numbers")
        for value in self.classes:
            require(
                type(value) is CLASS_TYPES[kind], f"{place}: classes: {value!r} is no value of {self.value}, as {kind}"
            )
        require(len(set(self.classes)) == len(self.classes), f"{place}: classes names one twice: {self.classes}")
        require(len(self.classes) >= 2, f"{place}: classes has {len(self.classes)} value; expected two or more")

    def _check_classes(self, place: str) -> None:
        require(self.present != self.absence, f"{place}: present and absent are both {self.present}")
        require(isinstance(self.absence, int), f"{place}: absent {self.absence} is no integer, as {self.name} is")

    def _check_measure(self, place: str) -> None:
        needs = self.measure in OF_A_COLUMN
        known = (*OF_CLASSES, "count", *OF_A_COLUMN)
        require(self.measure in known, f"{place}: measure {self.measure!r} is none of {', '.join(known)}")
        require(
            needs == (self.column is not None), f"{place}: {self.measure} {'needs' if needs else 'takes no'} column="
        )
        if self.column is not None:
            kind = self.source.check_column(f"{place}: column", self.column)
            require(kind.startswith(NUMERIC), f"{place}: column {self.column} is {kind}, expected a number")
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
    def stated_by(self) -> tuple[str, ...]:
        """Columns of the decision's own row that tell the outcome: those of the value, and when it is known."""
        if self.value is None or self.known is None:
            return ()
        own = (self.value,) if isinstance(self.value, str) else self.value.columns
        return tuple(dict.fromkeys((*own, self.known)))

    @property
    def own_columns(self) -> tuple[str, ...]:
        """Columns of the decision's own row that say whether it has an outcome, which, and when it is known."""
        chosen_by = () if self.where is None else self.where.columns
        return tuple(dict.fromkeys((*self.stated_by, *chosen_by)))

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
        if self.measure == "value" and isinstance(self.value, str):
            return self.source.columns[self.value]
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
    def span(self) -> timedelta | None:
        """How long events count after the decision and the gap, in all steps together; None where `until` says it."""
        return None if self.horizon is None else self.horizon * self.steps

    @property
    def of_steps(self) -> tuple[str, ...]:
        """The column of each step."""
        return (self.name, *(f"{self.name}_{step}" for step in range(2, self.steps + 1)))

    @property
    def stated(self) -> tuple[str, ...]:
        """Columns of a training dataset that say what came of a decision."""
        return tuple(name for name in self.columns if name != OUTCOME_KNOWN_AT)

    @property
    def columns(self) -> dict[str, str]:
        """Column -> type of what a training dataset says of the outcome, in order, behind the features."""
        days = {self.days: "float64"} if self.measure == "time_to_event" else {}
        return {**dict.fromkeys(self.of_steps, self.kind), **days, OUTCOME_KNOWN_AT: "timestamp"}
