"""The decision, its outcome, and what follows from a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from assembly_line.declarations.checks import check_distinct, check_name, require
from assembly_line.declarations.features import Attribute
from assembly_line.declarations.sources import Entity, Source

# Column of training datasets: when the outcome beside it was mature.
OUTCOME_KNOWN_AT = "outcome_known_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One occasion to act. Its entities are its grain.

    Args:
        name: such as `mailing`.
        entities: whose key columns, in this order, and the decision time identify a decision.
        spine: the static source with one row for each decision; it carries every entity's keys.
        time: where the decision time stands: an attribute of one of the entities. A date means the START of that day in
            its source's zone, so that nothing of the day itself is known.
        history_since: decisions before this instant have no history behind them and are left out.
        boundary: whether an event at the very decision time counts.
    """

    name: str
    entities: tuple[Entity, ...]
    spine: Source
    time: Attribute
    history_since: datetime | None = None
    boundary: Literal["before", "at_or_before"] = "before"

    def __post_init__(self) -> None:
        check_name("Decision", self.name)
        place = f"Decision {self.name}"
        require(bool(self.entities), f"{place}: entities is empty; its grain needs at least one entity")
        require(
            self.spine.static, f"{place}: spine {self.spine.name} must be a static source, a table of who is decided on"
        )
        for source in (self.spine, self.time.source):
            require(source.sql is None, f"{place}: {source.name} is a view; decisions stand in loaded sources")
        check_distinct(f"{place}: key", [key for entity in self.entities for key in entity.keys])
        for entity in self.entities:
            require(
                entity in self.spine.entities, f"{place}: spine {self.spine.name} does not carry {entity.name}'s keys"
            )
        check_moment(place, "time", self.time, self.entities)
        require(
            self.history_since is None or self.history_since.tzinfo is not None,
            f"{place}: history_since {self.history_since} has no zone",
        )

    @property
    def keys(self) -> dict[str, str]:
        """Key column -> type, in the order that identifies a decision."""
        return {key: kind for entity in self.entities for key, kind in entity.keys.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened after the decision: an event of the source for the same entities, within the horizon.

    An event counts iff decision time < event time <= end of the horizon. The outcome is mature once the horizon's
    end and the source's delay have passed; where no event is there by then, the value is `absent`.

    Args:
        name: column of the outcome in training datasets.
        source: events that carry the keys of every entity in `by`.
        by: entities whose keys must match, normally all of the decision's.
        horizon: how long after the decision time; or
        until: an attribute that says when it ends (a date means the END of its day).
    """

    name: str
    source: Source
    by: tuple[Entity, ...]
    horizon: timedelta | None = None
    until: Attribute | None = None
    present: int = 1
    absent: int = 0

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
        require(self.present != self.absent, f"{place}: present and absent are both {self.present}")
        for entity in self.by:
            require(entity in self.source.entities, f"{place}: source {self.source.name} lacks {entity.name}'s keys")
        if self.until is not None:
            check_moment(place, "until", self.until, self.by)

    @property
    def columns(self) -> dict[str, str]:
        """Column -> type of what a training dataset says of the outcome, in order, behind the features."""
        return {self.name: "int64", OUTCOME_KNOWN_AT: "timestamp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What makes an action of a score.

    The highest scores of a batch, up to `capacity` of it, get `act`, all others `otherwise`. A share `exploration` of
    decisions is drawn by a hash of the decision and gets an action at random; the propensity of the action taken is
    recorded.

    Args:
        version: rises whenever the policy changes.
        act: the action for the highest scores.
        otherwise: the action for all others.
        capacity: share of a batch in (0, 1] that can be acted on; or
        threshold: the score from which on `act` is taken.
        exploration: share of decisions in [0, 1) decided at random.
        expires_after: how long after the decision time an action is still worth taking.
        values: action -> value in `currency` when the outcome is present, for later evaluation.
    """

    version: int
    act: str
    otherwise: str
    capacity: float | None = None
    threshold: float | None = None
    exploration: float = 0.0
    expires_after: timedelta
    values: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        place = f"Policy version {self.version}"
        require(self.version >= 1, f"{place}: expected 1 or more")
        check_name(f"{place}: action", self.act)
        check_name(f"{place}: action", self.otherwise)
        check_distinct(f"{place}: action", self.actions)
        require(
            (self.capacity is None) != (self.threshold is None), f"{place}: give capacity= or threshold=, exactly one"
        )
        require(self.capacity is None or 0 < self.capacity <= 1, f"{place}: capacity {self.capacity} is outside (0, 1]")
        require(0 <= self.exploration < 1, f"{place}: exploration {self.exploration} is outside [0, 1)")
        require(self.expires_after > timedelta(0), f"{place}: expires_after {self.expires_after} is not positive")
        for action in self.values:
            require(action in self.actions, f"{place}: values names {action!r}, expected one of {self.actions}")

    @property
    def actions(self) -> tuple[str, str]:
        return (self.act, self.otherwise)


def check_moment(place: str, role: str, moment: Attribute, entities: tuple[Entity, ...]) -> None:
    """Refuse an attribute that cannot say when: not a time, or of an entity that the decision does not have."""
    kind = moment.source.columns[moment.column]
    require(kind in ("date", "timestamp"), f"{place}: {role} {moment.column} is {kind}, expected date or timestamp")
    require(moment.by in entities, f"{place}: {role} belongs to {moment.by.name}, which is not one of its entities")
