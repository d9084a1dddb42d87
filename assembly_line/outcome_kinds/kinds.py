"""What a kind of outcome is, and those whose outcome and score are one number or one class."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, ClassVar

# What the dataset and the ledger say of an outcome, and what a model answers: one or several numbers.
Value = int | float | str | Decimal
Answer = tuple[float, ...]
# What an answer is judged by: one number of its outcome, or several.
Truth = int | float | Sequence[float]
# What would be answered without features. Binary lines keep one number, others a list for each name.
Prior = float | Mapping[str, Sequence[float]]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
# How far from 1 probabilities may add up, as 32-bit floats do.
ROUNDING = 1e-4
LONGEST_SHOWN = 40
DECISION_TIME = "decision_time"
# Of a row that a transform job joins to its answer: the id in front and the one number behind.
ID_AND_LAST = "$[0,-1]"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of answers beside outcomes. `metrics.METRICS` computes it by `name`.

    Args:
        name: in stored figures.
        words: for people.
        higher: whether a higher figure is better.
        constant: which of `priors` is the same answer for everybody that it must beat; None if it only sees order.
        ranks: whether the one-feature rule has one.
    """

    name: str
    words: str
    higher: bool
    constant: str | None = None
    ranks: bool = False

    def beats(self, one: float, other: float) -> bool:
        """Whether one figure is better than the other."""
        return one > other if self.higher else one < other


AUC = Measure("auc", "AUC", higher=True, ranks=True)
MACRO_AUC = Measure("macro_auc", "macro AUC", higher=True)
LOG_LOSS = Measure("log_loss", "log loss", higher=False, constant="rate")
BRIER = Measure("brier", "Brier score", higher=False, constant="rate")
RMSE = Measure("rmse", "RMSE", higher=False, constant="mean")
MAE = Measure("mae", "MAE", higher=False, constant="median")
DEVIANCE = Measure("poisson_deviance", "Poisson deviance", higher=False, constant="mean")
PINBALL = Measure("pinball", "pinball loss", higher=False, constant="quantiles")
GINI = Measure("gini", "Gini correlation", higher=True, ranks=True)


class Unusable(ValueError):
    """An answer that cannot be delivered or judged. `reason` is one of delivery's words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeKind:
    """One kind of outcome, with what its line declares.

    Args:
        lowest, highest: the range of the score; None where it has no end.
    """

    name: ClassVar[str]
    label_words: ClassVar[str]
    answer_words: ClassVar[str]
    # What a part must hold, so that it teaches something and judges something.
    needs: ClassVar[str] = "outcomes that differ"
    # Whether answers are compared with what happened on average.
    calibrated: ClassVar[bool] = True
    # The first one that has a constant decides whether a model is worth its trouble.
    measures: ClassVar[tuple[Measure, ...]]
    # Whether the score is the whole answer, and a decision is judged by its own outcome alone.
    scalar: ClassVar[bool] = False

    lowest: float | None = None
    highest: float | None = None

    @property
    def width(self) -> int:
        """How many numbers an answer has."""
        return 1

    @property
    def levels(self) -> tuple[float, ...]:
        """What measures need to know beside answers and outcomes: levels of quantiles, a capacity, or days."""
        return ()

    @property
    def states(self) -> int:
        """How many values an outcome has in the ledger, see `stated`."""
        return 1

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that a script finds before the features."""
        return ("label",)

    @property
    def schema(self) -> dict[str, Any]:
        """What `schema.json` tells the script beside the label's name."""
        return {"kind": self.name}

    @property
    def question(self) -> dict[str, Any]:
        """What says which numbers an answer has, and what they are numbers of."""
        return {**self.schema, "kind": self.name}

    @property
    def figures(self) -> list[str]:
        """Names of all figures of this kind, in the order in which they are computed."""
        found = []
        for one in self.measures:
            beside = {"prior": one.constant is not None, "baseline": one.ranks}
            found += [one.name, f"{one.name}_interval", *(f"{of}_{one.name}" for of, has in beside.items() if has)]
        return found

    def label(self, value: Value, *_beside: Value) -> Any:
        """What the script learns of an outcome.

        Args:
            value: of the outcome.
            _beside: what stands beside it: the days of a time to an event, or the later steps.

        Raises:
            ValueError: it is not of this kind; the text continues `outcome ...`.
        """
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"is {value}; expected a finite number")
        return number

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """The key columns that `unit` reads."""
        return ()

    def unit(self, _decision_time: object, _keys: Mapping[str, Any], /) -> tuple[Any, ...]:
        """What decisions have in common that are compared with each other alone."""
        return ()

    def cluster(self, keys: Sequence[str]) -> str:
        """Which column says whose decisions resemble each other: a key, or the decision time."""
        return keys[0]

    @property
    def clusters(self) -> tuple[str, ...] | None:
        """The columns by which decisions may be resampled; None if by any key."""
        return None

    def scales(
        self, _labels: Sequence[Any], _units: Sequence[tuple[Any, ...]], _rows: Sequence[int], /
    ) -> dict[str, float]:
        """Series -> what its errors are measured by, from these rows alone; nothing but for a forecast."""
        return {}

    def series(self, _keys: Mapping[str, Any], /) -> str:
        """The name of a decision's series in `scales`."""
        return ""

    def truths(
        self, labels: Sequence[Any], _units: Sequence[tuple[Any, ...]], _scales: Sequence[float | None], /
    ) -> Sequence[Truth]:
        """What answers are judged by, from label, unit and scale of each decision, in their order."""
        return labels

    def fields(self, truth: Any) -> str:
        """What a script finds of it in front of the features."""
        return str(truth)

    def learnt(self, truths: Sequence[Truth], rows: Sequence[int]) -> list[int]:
        """These rows in the order in which a script finds them."""
        del truths
        return list(rows)

    def constant(self, truths: Sequence[Any]) -> str | None:
        """Why nothing can be learnt from these outcomes, or judged by them; None if it can."""
        return f"all {len(truths)} are {truths[0]:g}" if len(set(truths)) < 2 else None

    def counts(self, _truths: Sequence[Any], /) -> dict[str, int]:
        """What is counted of judged rows beside their number."""
        return {}

    def prior(self, truths: Sequence[Any]) -> Prior:
        """What would be answered without features, from the outcomes that are learnt from."""
        return {"mean": [sum(truths) / len(truths)], "median": [quantile(truths, 0.5)]}

    def constant_answer(self, prior: Prior, measure: Measure) -> Answer:
        """The one of these answers that this measure compares with."""
        return tuple(prior[measure.constant or ""]) if isinstance(prior, Mapping) else (prior,)

    def read(self, text: str) -> Answer:
        """One row of the script's answer, without the decision's id.

        Raises:
            Unusable: it is no answer of this kind.
        """
        fields = [field.strip() for field in text.split(",")]
        said = f"score {shown(text)}"
        if len(fields) != self.width or not all(map(NUMBER.fullmatch, fields)):
            raise Unusable("score_not_a_number", f"{said} is not {self._expected}")
        answer = tuple(map(float, fields))
        if not all(map(math.isfinite, answer)):
            raise Unusable("score_not_finite", f"{said} is not finite, expected {self._range}")
        if not all(self.in_range(number) for number in answer):
            raise Unusable("score_out_of_range", f"{said} is outside {self._range}")
        return self._checked(answer, said)

    def in_range(self, number: float) -> bool:
        """Whether a score may be this number."""
        return (self.lowest is None or number >= self.lowest) and (self.highest is None or number <= self.highest)

    def output_filter(self, features: int) -> str:
        """The id and the answer, of a row of id, features and answer, as a transform job picks columns."""
        return ID_AND_LAST if self.width == 1 else f"$[0,{1 + features}:]"

    def score(self, answer: Answer) -> float:
        """The number that the policy cuts."""
        return answer[0]

    def detail(self, _answer: Answer, /) -> dict[str, Any] | None:
        """What a message says beside the score; None where the score says it all."""
        return None

    def answer_of(self, prediction: Mapping[str, Any]) -> Answer:
        """The answer that a prediction or its ledger row was made of."""
        return (float(prediction["score"]),)

    def answers_like(self, other: OutcomeKind) -> bool:
        """Whether answers of both have the same numbers, so that one can stand for the other."""
        return self.question == other.question

    def judges(self, prediction: Mapping[str, Any], outcome: Sequence[Value]) -> bool:
        """Whether a prediction and an outcome of the ledger are of this kind, whatever the line declared before."""
        try:
            self.label(*outcome)
            self.unit(prediction[DECISION_TIME], prediction["keys"])
            answer, prior = self.answer_of(prediction), prediction["prior"]
            constants = [self.constant_answer(prior, one) for one in self.measures if one.constant is not None]
        except (IndexError, KeyError, TypeError, ValueError):
            return False
        return (
            len(outcome) == self.states
            and all(map(self.in_range, answer))
            and isinstance(prior, Mapping) != isinstance(self, Binary)
            and all(len(constant) == self.width for constant in constants)
        )

    def told(self, value: int, /) -> str | None:
        """Which outcomes an application may report, where `value` is none of them; None if it is one."""
        return None if self.in_range(value) else f"a whole number in {self._range}"

    def _checked(self, answer: Answer, _said: str, /) -> Answer:
        return answer

    @property
    def _range(self) -> str:
        low = "(-inf" if self.lowest is None else f"[{self.lowest:g}"
        return f"{low}, " + ("inf)" if self.highest is None else f"{self.highest:g}]")

    @property
    def _expected(self) -> str:
        return f"a number in {self._range}" if self.width == 1 else f"{self.width} numbers in {self._range}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(OutcomeKind):
    """Whether something happened. `present` and `absent` are the two values."""

    name = "binary"
    scalar = True
    label_words = "1 where the outcome is present, else 0"
    answer_words = "the probability that it is present"
    needs = "both outcomes"
    measures = (AUC, LOG_LOSS, BRIER)

    lowest: float | None = 0.0
    highest: float | None = 1.0
    present: int = 1
    absent: int | float = 0

    @property
    def schema(self) -> dict[str, Any]:
        return {}

    def label(self, value: Value, *_beside: Value) -> Any:
        return int(value == self.present)

    def constant(self, labels: Sequence[int | float]) -> str | None:
        if len(set(labels)) > 1:
            return None
        return f"{sum(labels)} of {len(labels)} decisions have the outcome {{outcome}} = {self.present}"

    def counts(self, labels: Sequence[int | float], /) -> dict[str, int]:
        return {"positives": int(sum(labels))}

    def prior(self, labels: Sequence[int | float]) -> Prior:
        return sum(labels) / len(labels)

    def told(self, value: int, /) -> str | None:
        return None if value in (self.present, self.absent) else f"{self.present} or {self.absent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiclass(OutcomeKind):
    """Which of several classes it is. `cut`: the class whose probability is the score."""

    name = "multiclass"
    label_words = "the position of the class among the declared ones, from 0"
    answer_words = "one probability for each class, in the declared order"
    needs = "every declared class"
    measures = (MACRO_AUC, LOG_LOSS)

    lowest: float | None = 0.0
    highest: float | None = 1.0
    classes: tuple[str | int, ...]
    cut: str | int

    @property
    def width(self) -> int:
        return len(self.classes)

    @property
    def schema(self) -> dict[str, Any]:
        return {"kind": self.name, "classes": list(self.classes)}

    def label(self, value: Value, *_beside: Value) -> Any:
        if value not in self.classes:
            raise ValueError(f"is {value!r}; declared classes are {', '.join(map(repr, self.classes))}")
        return self.classes.index(value)

    def constant(self, labels: Sequence[int | float]) -> str | None:
        there = set(labels)
        missing = [repr(name) for place, name in enumerate(self.classes) if place not in there]
        return f"no decision has the class {' or '.join(missing)}" if missing else None

    def prior(self, labels: Sequence[int | float]) -> Prior:
        counts = Counter(labels)
        return {"rate": [counts[place] / len(labels) for place in range(len(self.classes))]}

    def score(self, answer: Answer) -> float:
        return answer[self.classes.index(self.cut)]

    def detail(self, answer: Answer, /) -> dict[str, Any] | None:
        return {
            "kind": "class_probabilities",
            "score_of": str(self.cut),
            "probabilities": {str(name): number for name, number in zip(self.classes, answer, strict=True)},
        }

    def answer_of(self, prediction: Mapping[str, Any]) -> Answer:
        return tuple(float(prediction["detail"]["probabilities"][str(name)]) for name in self.classes)

    def told(self, value: int, /) -> str | None:
        return None if value in self.classes else "one of " + ", ".join(map(repr, self.classes))

    def _checked(self, answer: Answer, said: str, /) -> Answer:
        total = math.fsum(answer)
        if abs(total - 1) > ROUNDING:
            raise Unusable("score_out_of_range", f"{said} adds up to {total:.6g}, expected probabilities that do to 1")
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount(OutcomeKind):
    """A number of any size: a sum, a mean, an extreme, or a value of the decision's row."""

    name = "amount"
    scalar = True
    label_words = "the number"
    answer_words = "the expected number"
    measures = (RMSE, GINI, MAE)

    def told(self, _value: int, /) -> str | None:
        return "an outcome from the source alone, as feedback version 1 carries whole numbers only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(OutcomeKind):
    """How many events there are."""

    name = "count"
    scalar = True
    label_words = "the number of events"
    answer_words = "the expected number of events"
    measures = (DEVIANCE, GINI, RMSE, MAE)

    lowest: float | None = 0.0

    def label(self, value: Value, *_beside: Value) -> Any:
        number = float(value)
        if not (number >= 0 and number.is_integer()):
            raise ValueError(f"is {value}; expected a count, a whole number of at least 0")
        return int(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles(OutcomeKind):
    """A number, answered by several of its quantiles. `cut`: the level whose quantile is the score."""

    name = "quantiles"
    label_words = "the number"
    answer_words = "one number for each declared level, which the line puts in ascending order"
    measures = (PINBALL,)

    quantiles: tuple[float, ...]
    cut: float

    @property
    def width(self) -> int:
        return len(self.quantiles)

    @property
    def levels(self) -> tuple[float, ...]:
        return self.quantiles

    @property
    def schema(self) -> dict[str, Any]:
        return {"kind": self.name, "quantiles": list(self.quantiles)}

    def prior(self, labels: Sequence[int | float]) -> Prior:
        return {"quantiles": [quantile(labels, level) for level in self.quantiles]}

    def score(self, answer: Answer) -> float:
        return answer[self.quantiles.index(self.cut)]

    def detail(self, answer: Answer, /) -> dict[str, Any] | None:
        return {
            "kind": "quantiles",
            "score_of": repr(self.cut),
            "quantiles": {repr(level): number for level, number in zip(self.quantiles, answer, strict=True)},
        }

    def answer_of(self, prediction: Mapping[str, Any]) -> Answer:
        return tuple(float(prediction["detail"]["quantiles"][repr(level)]) for level in self.quantiles)

    def told(self, _value: int, /) -> str | None:
        return "an outcome from the source alone, as feedback version 1 carries whole numbers only"

    def _checked(self, answer: Answer, _said: str, /) -> Answer:
        # Quantiles that cross are put in order, which never makes the pinball loss worse: Chernozhukov,
        # Fernandez-Val and Galichon (2010), "Quantile and Probability Curves Without Crossing", Econometrica 78.
        return tuple(sorted(answer))


def quantile(labels: Sequence[int | float], level: float) -> float:
    """The smallest of the labels that at least this share of them does not exceed; it minimises the pinball loss."""
    ordered = sorted(labels)
    place = bisect_left(range(len(ordered)), True, key=lambda one: (one + 1) / len(ordered) >= level)
    return float(ordered[min(place, len(ordered) - 1)])


def stated(row: Mapping[str, Any]) -> tuple[Value, ...]:
    """What an outcome's ledger row says: its value, the days of a time to an event, or the later steps."""
    return (row["value"], *([row["days"]] if "days" in row else row.get("later", ())))


def places(capacity: float, decisions: int) -> int:
    """How many decisions can be acted on: capacity times decisions, in decimal, rounded down."""
    return int((Decimal(repr(capacity)) * decisions).to_integral_value(ROUND_FLOOR))


def shown(text: str) -> str:
    """A text of an answer, as an error quotes it."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")
