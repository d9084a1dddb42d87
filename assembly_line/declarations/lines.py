"""A line: everything about one decision, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, assert_never, cast

from assembly_line.declarations.checks import (
    LEFT_OUT_AT_DEFAULT,
    check_distinct,
    check_line_name,
    check_name,
    refuse,
    require,
)
from assembly_line.declarations.clock import Refresh, check_clock
from assembly_line.declarations.decisions import Decision, Policy
from assembly_line.declarations.delivery.delivery import Delivery
from assembly_line.declarations.delivery.subscribers import CONDITIONS, Subscriber
from assembly_line.declarations.derived import Expression, Ratio, parts_of
from assembly_line.declarations.entities import Entity, entities_of
from assembly_line.declarations.explore.wide_tables import Table, WideTable
from assembly_line.declarations.features import Feature
from assembly_line.declarations.kinds import kinds_of
from assembly_line.declarations.outcomes import MOST_STEPS, Outcome
from assembly_line.declarations.populations import Generated
from assembly_line.declarations.quality import QualityRule, check_quality
from assembly_line.declarations.sources import Source
from assembly_line.declarations.training.reviews import Review
from assembly_line.declarations.training.training import Training
from assembly_line.declarations.training.validation import Validation
from assembly_line.declarations.typed import typed
from assembly_line.errors import DeclarationError, RequestRefused
from assembly_line.instants import MICROSECOND
from assembly_line.outcome_kinds import (
    DECISION_TIME,
    Amount,
    Binary,
    Count,
    Forecast,
    Multiclass,
    OutcomeKind,
    Quantiles,
    Ranking,
    Survival,
)

RiskTier = Literal["low", "standard", "high"]
# A time to an event is predicted by the probabilities that it happened by so many equal parts of the horizon.
QUARTERS, DAY = 4, timedelta(days=1)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Everything about one decision: what is decided, what is known then, what is predicted, and what follows.

    Args:
        name: 2 to 24 lower-case letters, digits or `_`, beginning with a letter. The folder of the line has the same
            name.
        title: the question in one line, for people.
        owner: who answers for the line, for people.
        decision: `Decision(...)`.
        features: name -> feature, in the order of the columns of a dataset.
        outcome: `Outcome(...)`.
        training: `Training(...)`.
        policy: `Policy(...)`.
        delivery: `Delivery(...)`.
        risk: `"standard"` needs a reviewer other than the author, and verified names of both. `"high"` needs two such
            reviewers, who are two people, and a judged fit that was repeated. `"low"` lets the author approve.
        quality: a tuple of quality rules. A default rule goes on holding unless you declare one about the same subject.
        groups: name -> a tuple of features, so that a request can ask for them together.
        tables: a tuple of `aggregate(...)` and `wide(...)`: tables to explore. No dataset depends on them.
        online_refresh: when the features are published for decisions in real time, such as `daily at 06:00`, in UTC.
            None means only by hand.
        refresh: `Refresh(...)`: when the line trains again by itself. None means only by hand.
        validation: `Validation(...)`: segments to look at, and limits that the judged fit must keep.
        review: `Review(...)`: how long a run waits for its review, and who is reminded of it.
    """

    name: str
    title: str
    owner: str
    decision: Decision
    features: Mapping[str, Feature]
    outcome: Outcome
    training: Training
    policy: Policy
    delivery: Delivery
    risk: RiskTier = "standard"
    quality: tuple[QualityRule, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    online_refresh: str | None = None
    refresh: Refresh | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    validation: Validation = field(default=Validation(), metadata=LEFT_OUT_AT_DEFAULT)
    review: Review = field(default=Review(), metadata=LEFT_OUT_AT_DEFAULT)

    def __post_init__(self) -> None:
        check_line_name(self.name)
        place = f"Line {self.name}"
        require(bool(self.features), f"{place}: features is empty; a model needs at least one")
        reserved = {"decision_id", "decision_time", *self.outcome.columns, *self.decision.keys}
        check_distinct(f"{place}: column", [*self.features, *reserved])
        for name in self.features:
            check_name(f"{place}: feature", name)
            self._check_feature(f"{place}: feature {name}", name)
        self._check_groups(f"{place}: group")
        require(
            self.training.baseline in self.features,
            f"{place}: training.baseline {self.training.baseline!r} is not a feature; "
            f"there are {', '.join(self.features)}",
        )
        sampling = self.decision.sampling
        require(
            sampling is None or not sampling.by_class or self.outcome.has_classes,
            f"{place}: sampling by class, but the outcome is measured as {self.outcome.measure} and has no negatives",
        )
        self._check_own_outcome(place)
        self._check_answers(place)
        self._check_validation(place)
        for name in self.delivery.segments:
            require(
                name in self.decision.keys,
                f"{place}: delivery.segments: {name!r} is no key column; there are {', '.join(self.decision.keys)}",
            )
        for consumer in self.delivery.consumers.values():
            self.check_consumer(consumer, place)
        for entity in self.outcome.by:
            require(
                entity in self.decision.entities, f"{place}: outcome is by {entity.name}, which is not decided about"
            )
        check_clock(f"{place}: online_refresh", self.online_refresh)
        check_distinct(f"{place}: table", [table.name for table in self.tables])
        for table in self.tables:
            if isinstance(table, WideTable):
                table.check_features(f"{place}: table {table.name}", self.features)
        by_name: dict[str, Source] = {}
        for source in self._all_sources():
            known = by_name.setdefault(source.name, source)
            require(known == source, f"{place}: two different sources are named {source.name}")
        check_distinct(f"{place}: source", by_name)
        self._check_due(place)
        self._check_entities(place)
        check_quality(place, self.quality, features=self.features, sources=self.sources.values())

    def _check_feature(self, place: str, name: str) -> None:
        feature = self.features[name]
        if not isinstance(feature, Ratio | Expression):
            for entity in entities_of(feature.by):
                require(entity in self.decision.entities, f"{place}: is by {entity.name}, which is not decided about")
            return
        try:
            kinds_of(self.features, (name,))
        except DeclarationError as error:
            raise DeclarationError(f"{place}: {error}") from error

    def _check_due(self, place: str) -> None:
        after = None if self.delivery.due is None else self.delivery.due.after
        require(
            after is None or after in self.sources.values(),
            f"{place}: delivery: due after {after and after.name}, which the line does not read; "
            f"expected one of {', '.join(self.sources)}",
        )

    def check_consumer(self, consumer: Subscriber, place: str = "") -> None:
        """Refuse a consumer that filters by what no message of the line has.

        Raises:
            DeclarationError: names the condition, the value and what there is.
        """
        told = f"{place or f'Line {self.name}'}: subscriber {consumer.name}: where"
        known = (*CONDITIONS, *self.delivery.segments)
        for name, values in consumer.where.items():
            require(name in known, f"{told}: {name!r} is none of {', '.join(known)}")
            if name == "action":
                actions = (self.policy.act, self.policy.otherwise)
                for value in values:
                    require(value in actions, f"{told}['action']: {value!r} is none of {', '.join(map(repr, actions))}")
        require(
            consumer.receives == "predictions" or bool(self.delivery.files),
            f"{told[:-7]}: receives is {consumer.receives!r}, but the line delivers no files; declare "
            'Delivery(files=("jsonl",))',
        )

    def _check_own_outcome(self, place: str) -> None:
        spine, source = self.decision.spine, self.outcome.source
        name = "generated" if isinstance(spine, Generated) else spine.name
        require(
            self.outcome.value is None or spine == source,
            f"{place}: outcome {self.outcome.name} is a value of rows of {source.name}, which are not the decisions; "
            f"the spine is {name}",
        )

    def _check_answers(self, place: str) -> None:
        """Refuse what is declared of a script's answers and does not fit the outcome."""
        outcome, training, cuts = self.outcome, self.training, self.policy.cuts
        numeric = not outcome.has_classes and not outcome.classes
        said = f"{place}: the outcome {outcome.name} is {'of classes' if outcome.classes else 'present or absent'}"
        require(numeric or not training.quantiles, f"{said}; training.quantiles are of a count or amount")
        require(numeric or training.score_range is None, f"{said}; training.score_range is of a count or amount")
        if training.ranked_within:
            self._check_ranking(place)
        self._check_forecast(place)
        self._check_decide_now(place)
        steps = tuple(range(1, outcome.steps + 1)) if outcome.steps > 1 else ()
        choices = outcome.classes or training.quantiles or steps
        require(
            (cuts in choices) if choices else (cuts is None),
            f"{place}: policy.cuts is {cuts!r}; expected "
            + (f"one of {', '.join(map(repr, choices))}" if choices else "None, as an answer is one number"),
        )

    def _check_ranking(self, place: str) -> None:
        outcome, training, known = self.outcome, self.training, (*self.decision.keys, DECISION_TIME)
        said = f"{place}: training.ranked_within"
        for name in training.ranked_within:
            require(name in known, f"{said}: {name!r} is none of {', '.join(known)}")
        check_distinct(said, training.ranked_within)
        require(
            not outcome.classes and outcome.measure != "time_to_event",
            f"{said}: the outcome {outcome.name} is no relevance; declare whether it happened, a count or a number",
        )
        require(not training.quantiles, f"{said}: a rank has no quantiles; leave training.quantiles out")
        require(training.score_range is None, f"{said}: scores say only order; leave training.score_range out")
        require(self.policy.capacity is not None, f"{said}: scores say only order; declare policy.capacity")

    def _check_decide_now(self, place: str) -> None:
        if self.delivery.decide_now is None:
            return
        said = f"{place}: delivery.decide_now"
        require(
            not self.training.ranked_within,
            f"{said}: a rank is one of a group, and one decision has none; leave decide_now out",
        )
        require(
            self.policy.one_at_a_time is not None,
            f"{said}: policy.capacity is a share of a batch, which one decision is not part of; declare "
            "policy.threshold_now too: the score from which on a decision gets the action when it is asked for alone",
        )

    def _check_forecast(self, place: str) -> None:
        outcome, training = self.outcome, self.training
        if training.season is None:
            require(outcome.steps == 1, f"{place}: the outcome {outcome.name} has steps; declare training.season")
            return
        said = f"{place}: training.season"
        require(1 <= training.season <= MOST_STEPS, f"{said} {training.season} is outside 1 to {MOST_STEPS}")
        require(
            outcome.horizon is not None and not outcome.has_classes,
            f"{said}: a forecast is of a number with a horizon; declare horizon=, and a measure such as count",
        )
        require(not training.quantiles, f"{said}: leave training.quantiles out, as a forecast has steps")
        require(not training.ranked_within, f"{said}: leave training.ranked_within out, as numbers are no order")

    def _check_validation(self, place: str) -> None:
        """Refuse segments and limits of what the line does not have."""
        validation = self.validation
        require(
            self.risk != "high" or validation.replicate,
            f"{place}: risk is high, so a run must be repeated; declare validation=Validation(replicate=True)",
        )
        validation.check_names(place, features=self.features, keys=self.decision.keys)
        if validation.limits_measures:
            try:
                kind = self.predicts
            except RequestRefused as error:
                raise DeclarationError(f"{place}: validation: {error}; declare no limits") from error
            validation.check_measures(place, kind.measures, kind=kind.name)
            require(
                validation.calibration is None or kind.calibrated,
                f"{place}: validation.calibration: a {kind.name} outcome has no calibration error; leave it out",
            )
        if validation.segment_thresholds and self.training.ranked_within:
            self._check_whole_groups(place)

    def _check_whole_groups(self, place: str) -> None:
        """Refuse limits for the parts of a segment that holds some decisions of a group and leaves out others.

        An order of some of them is not the order of all, so such a part has no figure and its limit would never hold.
        """
        within = self.training.ranked_within
        for name in self.validation.segments:
            cut = sorted(self._keys_of(name) - set(within))
            refuse(
                bool(cut),
                f"{place}: validation.segment_thresholds: the segment {name!r} has a value for each {', '.join(cut)}, "
                f"so it cuts groups apart that are ranked within {', '.join(within)}, and its parts have no figures; "
                "leave it out of the segments, or declare no segment_thresholds",
                where="validation.segments",
                value=repr(name),
                expected=f"a key or a feature that is the same for all decisions of a group: {', '.join(within)}",
            )

    def _keys_of(self, name: str) -> set[str]:
        """The key columns that a key or a feature has a value for."""
        feature = self.features.get(name)
        if feature is None:
            return {name}
        if isinstance(feature, Ratio | Expression):
            return set().union(*(self._keys_of(one) for one in parts_of(feature)))
        return {key for entity in entities_of(feature.by) for key in entity.keys}

    @property
    def predicts(self) -> OutcomeKind:
        """What the line's script learns and answers.

        Raises:
            RequestRefused: nothing is trained for such an outcome.
        """
        outcome, training = self.outcome, self.training
        low, high = training.score_range or (None, None)
        if training.ranked_within:
            return self._ranking
        if training.season is not None:
            return self._forecast(training.season, low, high)
        match outcome.measure:
            case "happened":
                return Binary(present=outcome.present, absent=outcome.absence)
            case "value" if outcome.classes:
                return Multiclass(classes=outcome.classes, cut=cast("str | int", self.policy.cuts))
            case "count" | "sum" | "mean" | "min" | "max" | "value" if training.quantiles:
                cut = cast("float", self.policy.cuts)
                return Quantiles(quantiles=training.quantiles, cut=cut, lowest=low, highest=high)
            case "count":
                return Count(lowest=0.0 if low is None else low, highest=high)
            case "sum" | "mean" | "min" | "max" | "value":
                return Amount(lowest=low, highest=high)
            case "time_to_event" if outcome.horizon is not None:
                return Survival(days=tuple(outcome.horizon / QUARTERS * part / DAY for part in range(1, QUARTERS + 1)))
            case "time_to_event":
                raise RequestRefused(
                    f"line: the outcome {outcome.name} of {self.name} is measured as {outcome.measure} until a time of "
                    "each decision's own. Training, delivery and judgement need horizon=, one span for all. Datasets "
                    "of the line can be built all the same"
                )
            case _:
                assert_never(outcome.measure)

    @property
    def _ranking(self) -> Ranking:
        there = {"present": self.outcome.present, "absent": self.outcome.absence} if self.outcome.has_classes else {}
        return Ranking(
            within=tuple(name for name in self.training.ranked_within if name != DECISION_TIME),
            capacity=cast("float", self.policy.capacity),
            **cast("Any", there),
        )

    def _forecast(self, season: int, low: float | None, high: float | None) -> Forecast:
        outcome = self.outcome
        lowest = 0.0 if low is None and outcome.measure == "count" else low
        return Forecast(
            steps=outcome.steps,
            season=season,
            span=cast("timedelta", outcome.horizon) // MICROSECOND,
            keys=tuple(self.decision.keys),
            cut=cast("int", self.policy.cuts or 1),
            lowest=lowest,
            highest=high,
        )

    def _check_entities(self, place: str) -> None:
        """Refuse two entities of one name, and another case of one: sources and features refer to them by name."""
        known: dict[str, Entity] = {}
        for entity in self._all_entities():
            one = known.setdefault(entity.name, entity)
            require(one == entity, f"{place}: two different entities are named {entity.name}")
        check_distinct(f"{place}: entity", known)

    def _check_groups(self, place: str) -> None:
        check_distinct(place, self.groups)
        for name, members in self.groups.items():
            check_name(place, name)
            require(bool(members), f"{place} {name}: is empty")
            require(len(set(members)) == len(members), f"{place} {name}: names a feature twice: {', '.join(members)}")
            for member in members:
                require(
                    member in self.features,
                    f"{place} {name}: {member!r} is not a feature; there are {', '.join(self.features)}",
                )

    def _all_sources(self) -> list[Source]:
        from_features = [
            feature.source for feature in self.features.values() if not isinstance(feature, Ratio | Expression)
        ]
        until = [self.outcome.until.source] if self.outcome.until else []
        from_tables = [source for table in self.tables for source in table.sources]
        inputs = [source for view in (*from_features, *from_tables) for source in view.inputs]
        decided = [self.decision.source, self.decision.time_source]
        return [*decided, self.outcome.source, *until, *from_features, *from_tables, *inputs]

    @property
    def sources(self) -> dict[str, Source]:
        """Every source that the line reads, by name, in order of name."""
        return dict(sorted({source.name: source for source in self._all_sources()}.items()))

    @property
    def entities(self) -> dict[str, Entity]:
        """Every entity of the line's sources and decision, by name, in order of name."""
        return dict(sorted({entity.name: entity for entity in self._all_entities()}.items()))

    def _all_entities(self) -> list[Entity]:
        return [*self.decision.entities, *(entity for source in self._all_sources() for entity in source.entities)]
