"""A search for hyperparameters before the fits of a run, as declared, in the words of SageMaker's tuning jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, assert_never

from assembly_line.declarations.checks import check_finite, check_name, require
from assembly_line.declarations.typed import typed

Scale = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]
Value = int | float | str
# Quotas of a tuning job: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
MOST_TRIALS, MOST_PARALLEL, MOST_RANGES, MOST_CATEGORIES = 500, 100, 30, 30
LONGEST_METRIC, LONGEST_PATTERN = 255, 500
# SageMaker's XGBoost image counts as an algorithm of its own, in script mode too. A tuning job takes no other figures
# for it than these, found by no other expression, and varies no other hyperparameters:
# https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html
ALGORITHM = "xgboost"
CHANNEL = "validation"
LOWER_IS_BETTER = (
    *("aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy"),
    *("logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle"),
    "tweedie-nloglik",
)
HIGHER_IS_BETTER = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision"),
    *("precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro"),
)
TUNED_WHOLE = ("max_depth", "num_round")
TUNED = (
    *("alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma", "lambda"),
    *("max_delta_step", "min_child_weight", "subsample", *TUNED_WHOLE),
)
# Beside a search, the machine's 28 days have room for its fits, for waits for capacity and for a review.
LONGEST_SEARCH = timedelta(days=4)


@typed
@dataclass(frozen=True, slots=True)
class ContinuousRange:
    """Numbers between two ends, for a hyperparameter that is declared as a fraction.

    Args:
        lowest: the least value that a trial may take.
        highest: the greatest value.
        scale: where the search looks. `Logarithmic` suits a range above 0 over several powers of ten.
            `ReverseLogarithmic` suits values close to 1, within 0 to 1. `Auto` leaves it to SageMaker.
    """

    lowest: float
    highest: float
    scale: Scale = "Auto"

    def __post_init__(self) -> None:
        _check_ends("ContinuousRange", self.lowest, self.highest, self.scale)


@typed
@dataclass(frozen=True, slots=True)
class IntegerRange:
    """Whole numbers between two ends, both included.

    Args:
        lowest: the least value that a trial may take.
        highest: the greatest value.
        scale: as of `ContinuousRange`. `ReverseLogarithmic` is for fractions.
    """

    lowest: int
    highest: int
    scale: Scale = "Auto"

    def __post_init__(self) -> None:
        require(self.scale != "ReverseLogarithmic", "IntegerRange: scale ReverseLogarithmic is for fractions below 1")
        _check_ends("IntegerRange", self.lowest, self.highest, self.scale)


@typed
@dataclass(frozen=True, slots=True)
class CategoricalRange:
    """Some values without an order.

    Args:
        values: a tuple of at least two values of one kind, such as `("gbtree", "dart")`.
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        place = "CategoricalRange: values"
        require(
            2 <= len(self.values) <= MOST_CATEGORIES,
            f"{place}: {len(self.values)} are given; expected 2 to {MOST_CATEGORIES}",
        )
        require(len(set(self.values)) == len(self.values), f"{place}: one stands twice: {self.values}")
        for value in self.values:
            if isinstance(value, float):
                check_finite(place, value)


Range = ContinuousRange | IntegerRange | CategoricalRange


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A search for hyperparameters before the fits. Its trials see nothing of the held-out decisions.

    The decisions before the holdout are split once more: a trial learns from the earlier ones, and reports on the
    latest ones. Your script finds those in the channel `validation`, and prints a line with its figure. The values of
    the best trial go into the fits of the run.

    Args:
        metric: the name of the figure, such as `log_loss`. With the framework `xgboost` it is one of those that its
            image knows, such as `validation:logloss`.
        printed: a regular expression that finds the figure in a printed line, as its first group, such as
            `"validation log_loss=([0-9.e+-]+)"`. The last such line of a trial counts. With the framework `xgboost`
            SageMaker takes none: the line is such as `[0]#011validation-logloss:0.25`.
        direction: `Minimize`, or `Maximize` where higher is better.
        ranges: hyperparameter -> range. Each has a declared value in `Training.hyperparameters`, too.
        trials: how many training jobs the search has.
        parallel: how many of them run at once.
        strategy: `Bayesian` learns from the trials before. `Random` does not, so that trials cannot mislead it.
        seed: where the search begins. The same seed proposes the same first values again.
    """

    metric: str
    printed: str | None = None
    direction: Literal["Minimize", "Maximize"]
    ranges: Mapping[str, Range]
    trials: int = 10
    parallel: int = 2
    strategy: Literal["Bayesian", "Random"] = "Bayesian"
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            bool(self.metric.strip()) and len(self.metric) <= LONGEST_METRIC and self.metric.isprintable(),
            f"Tuning: metric {self.metric!r}: expected a name of 1 to {LONGEST_METRIC} characters, such as log_loss",
        )
        self._check_printed()
        require(bool(self.ranges), "Tuning: ranges is empty; declare what the trials vary")
        require(len(self.ranges) <= MOST_RANGES, f"Tuning: {len(self.ranges)} ranges; expected at most {MOST_RANGES}")
        for name in self.ranges:
            check_name("Tuning: range", name)
        require(1 <= self.trials <= MOST_TRIALS, f"Tuning: trials {self.trials} is outside 1 to {MOST_TRIALS}")
        most = min(self.trials, MOST_PARALLEL)
        require(1 <= self.parallel <= most, f"Tuning: parallel {self.parallel} is outside 1 to {most}")
        require(0 <= self.seed < 2**31, f"Tuning: seed {self.seed} is outside 0 to {2**31 - 1}")

    @property
    def pattern(self) -> str:
        """The expression that finds the figure in what a trial prints."""
        if self.printed is not None:
            return self.printed
        return rf".*\[[0-9]+\].*#011{CHANNEL}-{re.escape(self.metric.removeprefix(f'{CHANNEL}:'))}:(\S+)"

    def _check_printed(self) -> None:
        if self.printed is None:
            return
        expected = "expected one such as 'validation log_loss=([0-9.e+-]+)'"
        require(
            0 < len(self.printed) <= LONGEST_PATTERN,
            f"Tuning: printed has {len(self.printed)} characters, of 1 to {LONGEST_PATTERN}; {expected}",
        )
        try:
            groups = re.compile(self.printed).groups
        except re.error as error:
            require(False, f"Tuning: printed {self.printed!r} is no regular expression ({error}); {expected}")
        else:
            require(groups > 0, f"Tuning: printed {self.printed!r} has no group that captures the figure; {expected}")

    def rounds(self) -> int:
        """How many trials follow one another, at most."""
        return -(-self.trials // self.parallel)

    def check_values(self, place: str, declared: Mapping[str, Value]) -> None:
        """Refuse a range of a hyperparameter that is not declared, or whose declared value is of another kind."""
        for name, values in self.ranges.items():
            known = ", ".join(sorted(declared)) or "none"
            require(
                name in declared,
                f"{place}: tuning.ranges: {name!r} is not among the hyperparameters ({known}); declare its value for "
                "runs that do not search",
            )
            self._check_kind(f"{place}: tuning.ranges[{name!r}]", values, declared[name])

    def check_framework(self, place: str, framework: str) -> None:
        """Refuse what SageMaker would refuse of a tuning job for an image of this framework."""
        if framework != ALGORITHM:
            require(
                self.printed is not None,
                f"{place}: tuning.printed: expected an expression such as 'validation log_loss=([0-9.e+-]+)', by which "
                "the figure is found in what a trial prints",
            )
            return
        said = f"{place}: tuning: SageMaker's image of {framework}"
        name = self.metric.removeprefix(f"{CHANNEL}:")
        require(
            self.printed is None,
            f"{said} has expressions of its own and takes no others; leave printed out, and let train.py print a line "
            f"such as '[0]#011{CHANNEL}-{name}:0.25'",
        )
        known = {**dict.fromkeys(LOWER_IS_BETTER, "Minimize"), **dict.fromkeys(HIGHER_IS_BETTER, "Maximize")}
        require(
            self.metric.startswith(f"{CHANNEL}:") and name in known,
            f"{said} knows no metric {self.metric!r}; expected {CHANNEL}: and one of {', '.join(sorted(known))}",
        )
        require(
            self.direction == known[name], f"{said} wants {known[name]!r} for {self.metric}, not {self.direction!r}"
        )
        for hyperparameter, values in self.ranges.items():
            require(
                hyperparameter in TUNED,
                f"{said} lets no tuning job vary {hyperparameter!r}; it can vary {', '.join(TUNED)}; name that of your "
                "script so",
            )
            kind = IntegerRange if hyperparameter in TUNED_WHOLE else ContinuousRange
            require(isinstance(values, kind), f"{said} takes a {kind.__name__} for {hyperparameter}")

    def _check_kind(self, place: str, values: Range, declared: Value) -> None:
        match values:
            case ContinuousRange():
                fits, expected = isinstance(declared, float), "a fraction such as 0.1, or an IntegerRange"
            case IntegerRange():
                fits, expected = isinstance(declared, int | float), "a number"
            case CategoricalRange():
                kinds = {type(value) for value in values.values}
                fits, expected = kinds == {type(declared)}, "a value of their kind"
            case _:
                assert_never(values)
        require(fits, f"{place}: the declared value is {declared!r}; expected {expected}")


def _check_ends(place: str, lowest: float, highest: float, scale: Scale) -> None:
    for end in (lowest, highest):
        check_finite(place, end)
    require(lowest < highest, f"{place}: lowest {lowest} is not below highest {highest}")
    require(scale != "Logarithmic" or lowest > 0, f"{place}: scale Logarithmic needs lowest above 0; it is {lowest}")
    require(
        scale != "ReverseLogarithmic" or (lowest >= 0 and highest < 1),
        f"{place}: scale ReverseLogarithmic needs ends within 0 to 1, 1 left out; they are {lowest} and {highest}",
    )
