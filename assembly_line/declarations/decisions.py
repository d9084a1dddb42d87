"""The decision, and what follows from a score."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from assembly_line.declarations.checks import (
    LARGEST_EXACT,
    LEFT_OUT_AT_DEFAULT,
    check_distinct,
    check_finite,
    check_name,
    refuse,
    require,
)
from assembly_line.declarations.entities import Entity, check_entities, key_columns
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.moments import check_moment, check_time_column
from assembly_line.declarations.populations import CalendarCadence, Generated
from assembly_line.declarations.sampling import Sampling
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed

CURRENCY = re.compile(r"[A-Z]{3}")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One occasion to act. Its keys and its time identify it.

    Args:
        name: such as `mailing`.
        entities: a tuple of entities. Their key columns, in this order, and the decision time identify a decision. A
            column that several share counts once.
        spine: the source with one row for each decision, or `Generated(...)`: a population at a cadence. Rows of an
            event source that were not known at the `as_of` of a dataset are left out.
        time: a time column of the spine, or a static feature such as `static(CAMPAIGNS, "start_date")`. A date counts
            as the START of its day in the zone of its source. A generated spine has its own times.
        history_since: decisions before this instant lack history and are left out of datasets (`before_history`).
        boundary: `"before"` leaves out an event at the very decision time. `"at_or_before"` counts it.
        sampling: `Sampling(...)`: which decisions a training dataset keeps, unless a request says otherwise. None keeps
            all.
    """

    name: str
    entities: tuple[Entity, ...]
    spine: Source | Generated
    time: StaticFeature | str | None = None
    history_since: datetime | None = None
    boundary: Literal["before", "at_or_before"] = "before"
    sampling: Sampling | None = None

    def __post_init__(self) -> None:
        check_name("Decision", self.name)
        place = f"Decision {self.name}"
        check_entities(f"{place}: entities", self.entities)
        require(bool(self.entities), f"{place}: entities is empty; its grain needs at least one entity")
        for source in (self.source, self.time_source):
            require(source.sql is None, f"{place}: {source.name} is a view; decisions stand in loaded sources")
        for entity in self.entities:
            require(
                entity in self.source.entities, f"{place}: spine {self.source.name} does not carry {entity.name}'s keys"
            )
        self._check_time(place)
        require(
            self.history_since is None or self.history_since.tzinfo is not None,
            f"{place}: history_since {self.history_since} has no zone",
        )

    def _check_time(self, place: str) -> None:
        if isinstance(self.spine, Generated):
            require(self.time is None, f"{place}: time is given, but a generated spine has the times of its cadence")
        elif isinstance(self.time, str):
            check_time_column(place, "time", self.spine, self.time)
        else:
            require(self.time is not None, f"{place}: time is missing: name a time column of the spine, or static(...)")
            if self.time is not None:
                check_moment(place, "time", self.time, self.entities)

    @property
    def source(self) -> Source:
        """The source that says who is decided on: the spine's table, or the population of a generated one."""
        return self.spine.population if isinstance(self.spine, Generated) else self.spine

    @property
    def time_source(self) -> Source:
        """The source that the decision times come from, or for a generated spine the population's."""
        return self.time.source if isinstance(self.time, StaticFeature) else self.source

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `source` that say when its rows are decisions, beside the keys."""
        found: list[str | None] = [self.source.event_time, self.source.known_time]
        if isinstance(self.spine, Generated):
            found += [self.spine.active_from, self.spine.active_until]
        elif isinstance(self.time, str):
            found.append(self.time)
        return tuple(dict.fromkeys(column for column in found if column is not None))

    @property
    def zone(self) -> str:
        """The zone in which decision times are days."""
        if isinstance(self.spine, Generated):
            return self.spine.cadence.zone if isinstance(self.spine.cadence, CalendarCadence) else "UTC"
        return self.time_source.zone or "UTC"

    @property
    def keys(self) -> dict[str, str]:
        """Key column -> type, in the order that identifies a decision."""
        return key_columns(self.entities)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a score becomes an action.

    The highest scores of a batch get `act`, up to `capacity` of it. For a ranking, each group is a batch. All others
    get `otherwise`. Chance decides a share `exploration` of the decisions, within the capacity. The ledger records the
    propensity of each action. See docs/delivery.md.

    Args:
        version: a whole number from 1 on. Raise it whenever the policy changes. The ledger keeps it beside each action.
        act: the action for the highest scores, such as `remind`.
        otherwise: the action for all others, such as `leave`.
        capacity: the share of a batch that can be acted on, above 0 and at most 1. Give this or `threshold`.
        threshold: decisions with this score or a higher one get `act`, however many there are.
        exploration: the share of the decisions that chance decides instead of the score, from 0 to below 1.
        expires_after: how long after the decision time the action is worth taking. Consumers refuse it from then on.
        values: action -> its value when the outcome is present, in money. `line report` adds it up.
        costs: action -> what taking it costs, whatever the outcome, in money.
        currency: of `values` and `costs`, as three capital letters such as `USD`.
        cuts: which number of an answer is the score: a class of the outcome, a quantile that the training declares, or
            a step, from 1 on. You need it for these three, and leave it out for all others.
        threshold_now: beside `capacity`, for decisions that applications ask for one at a time: from this score on such
            a decision gets `act`. A share of a batch says nothing about one decision, and these take no place of it.
    """

    version: int
    act: str
    otherwise: str
    capacity: float | None = None
    threshold: float | None = None
    exploration: float = 0.0
    expires_after: timedelta
    values: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict, metadata=LEFT_OUT_AT_DEFAULT)
    currency: str | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    cuts: str | int | float | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    threshold_now: float | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)

    def __post_init__(self) -> None:
        place = f"Policy version {self.version}"
        require(
            1 <= self.version <= LARGEST_EXACT,
            f"Policy: version is {self.version}; expected a whole number from 1 to {LARGEST_EXACT}, such as 1",
        )
        check_name(f"{place}: action", self.act)
        check_name(f"{place}: action", self.otherwise)
        check_distinct(f"{place}: action", self.actions)
        require(
            (self.capacity is None) != (self.threshold is None), f"{place}: give capacity= or threshold=, exactly one"
        )
        require(
            self.threshold_now is None or self.capacity is not None,
            f"{place}: threshold_now stands beside capacity=; threshold= decides one at a time by itself",
        )
        for name in ("capacity", "threshold", "threshold_now", "exploration"):
            check_finite(f"{place}: {name}", getattr(self, name) or 0.0)
        require(self.capacity is None or 0 < self.capacity <= 1, f"{place}: capacity {self.capacity} is outside (0, 1]")
        require(0 <= self.exploration < 1, f"{place}: exploration {self.exploration} is outside [0, 1)")
        require(self.expires_after > timedelta(0), f"{place}: expires_after {self.expires_after} is not positive")
        for name in ("values", "costs"):
            for action, value in getattr(self, name).items():
                require(action in self.actions, f"{place}: {name} names {action!r}, expected one of {self.actions}")
                check_finite(f"{place}: {name}: {action}", value)
        for action, cost in self.costs.items():
            require(cost >= 0, f"{place}: costs: {action} is {cost}; expected what it costs, 0 or more")
        refuse(
            self.currency is not None and not CURRENCY.fullmatch(self.currency),
            f"{place}: currency {self.currency!r}: expected three capital letters, such as USD",
            where=f"{place}: currency",
            value=repr(self.currency),
            expected="three capital letters, such as USD",
        )
        require(
            self.currency is None or bool(self.values or self.costs),
            f"{place}: currency is {self.currency}, but neither values nor costs are declared; declare some, or leave "
            "it out",
        )

    @property
    def actions(self) -> tuple[str, str]:
        return (self.act, self.otherwise)

    @property
    def one_at_a_time(self) -> Policy | None:
        """The policy for a decision that is no part of a batch; None if nothing is declared for one."""
        if self.capacity is None or self.capacity >= 1:
            return self
        return (
            None
            if self.threshold_now is None
            else replace(self, capacity=None, threshold=self.threshold_now, threshold_now=None)
        )
