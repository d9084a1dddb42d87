"""What a judged fit must keep to before a reviewer sees it, as declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assembly_line.declarations.checks import LEFT_OUT_AT_DEFAULT, check_finite, check_name, require
from assembly_line.declarations.sagemaker.instance_types import check_instance_type
from assembly_line.declarations.typed import typed
from assembly_line.outcome_kinds import Measure

# The packet of a run is one item of a table, and holds every figure of every part.
MOST_SEGMENTS = 10
# Each is a training job. A job's name has room for one digit.
MOST_FOLDS = 9
MOST_PARTS = 5
# They wait for each other, so that they take no more instances than the other fits of a run.
FURTHER_AT_ONCE = 3
NOISE_LIMIT = 0.2
# The additional feature of the fit with planted noise.
PLANTED = "planted_noise"


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How the judged fit is looked into, and the limits that it must keep. By default a constant feature alone is
    refused.

    Args:
        segments: names of features or of key columns. Each measure is shown for each value of these, too. A number or
            a time is cut into quarters of the held-out decisions.
        thresholds: measure -> limit, such as `{"auc": 0.7, "log_loss": 0.3}`. It is the least figure where higher is
            better, else the greatest.
        segment_thresholds: likewise, for each part of each segment.
        segment_rows: parts with fewer held-out decisions are shown together, and no limit holds for them.
        calibration: the greatest calibration error. It is a share of the decisions for probabilities and quantiles, and
            a share of the mean outcome for counts and amounts.
        stability: the greatest change of scores when numbers among the inputs change a little, as a share of the
            scores' standard deviation.
        may_be_constant: names of features that may have one value only in the training part. Others are refused then.
        replicate: the judged fit is repeated by jobs of its own, beside it. Its answers must be the same.
        tolerance: how far an answer of the repeated fit may lie from the first, as a share of the answers' standard
            deviation.
        replicate_on: the instance type of the repeated fit. None means that of the first.
        block: a run that misses a limit ends before its review. False shows the reviewer a note in its place.
        folds: how many earlier fits of the same recipe, 2 to 9, are judged. Each learns from the decisions before its
            fold and is judged on the fold. Each costs a training job. 0 means none.
        fold_thresholds: measure -> limit, which the worst of the folds must keep.
        importance: how much worse the judged fit gets when the values of one feature are exchanged among held-out
            decisions. The model is asked in the same job. False asks nothing.
        planted_noise: one more fit learns from an additional feature of random numbers. That must not matter.
        noise_limit: the greatest change of scores when the planted numbers are exchanged, as a share of the scores'
            standard deviation.
        learning_curve: shares of the training part, ascending, such as `(0.25, 0.5)`. One more fit learns from each.
    """

    segments: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    segment_thresholds: Mapping[str, float] = field(default_factory=dict)
    segment_rows: int = 50
    calibration: float | None = None
    stability: float | None = None
    may_be_constant: tuple[str, ...] = ()
    replicate: bool = False
    tolerance: float = 1e-6
    replicate_on: str | None = None
    block: bool = True
    folds: int = field(default=0, metadata=LEFT_OUT_AT_DEFAULT)
    fold_thresholds: Mapping[str, float] = field(default_factory=dict, metadata=LEFT_OUT_AT_DEFAULT)
    importance: bool = field(default=True, metadata=LEFT_OUT_AT_DEFAULT)
    planted_noise: bool = field(default=False, metadata=LEFT_OUT_AT_DEFAULT)
    noise_limit: float = field(default=NOISE_LIMIT, metadata=LEFT_OUT_AT_DEFAULT)
    learning_curve: tuple[float, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)

    def __post_init__(self) -> None:
        for part, names in (("segments", self.segments), ("may_be_constant", self.may_be_constant)):
            for name in names:
                check_name(f"Validation: {part}", name)
            require(len(set(names)) == len(names), f"Validation: {part} names one twice: {', '.join(names)}")
        require(
            len(self.segments) <= MOST_SEGMENTS,
            f"Validation: segments: {len(self.segments)} are declared; expected at most {MOST_SEGMENTS}",
        )
        require(self.segment_rows >= 2, f"Validation: segment_rows {self.segment_rows} is below 2")
        for part, limits in self._limits_on_measures.items():
            for name, limit in limits.items():
                check_finite(f"Validation: {part}[{name!r}]", limit)
        for part, greatest in (("calibration", self.calibration), ("stability", self.stability)):
            require(greatest is None or greatest > 0, f"Validation: {part} {greatest} is not positive")
        require(self.tolerance >= 0, f"Validation: tolerance {self.tolerance} is negative")
        require(self.replicate or self.replicate_on is None, "Validation: replicate_on needs replicate=True")
        if self.replicate_on is not None:
            check_instance_type("Validation: replicate_on", self.replicate_on, "training")
        require(
            bool(self.segments) or not self.segment_thresholds,
            "Validation: segment_thresholds are declared, but no segments; name at least one",
        )
        self._check_further_fits()

    def _check_further_fits(self) -> None:
        require(
            self.folds == 0 or 2 <= self.folds <= MOST_FOLDS,
            f"Validation: folds {self.folds}: expected 2 to {MOST_FOLDS}, or 0 for none",
        )
        require(
            bool(self.folds) or not self.fold_thresholds,
            "Validation: fold_thresholds are declared, but no folds; declare folds=3, for instance",
        )
        require(self.noise_limit > 0, f"Validation: noise_limit {self.noise_limit} is not positive")
        require(
            self.planted_noise or self.noise_limit == NOISE_LIMIT,
            "Validation: noise_limit needs planted_noise=True",
        )
        shares = self.learning_curve
        for share in shares:
            require(0 < share < 1, f"Validation: learning_curve: share {share} is outside (0, 1)")
        require(list(shares) == sorted(set(shares)), f"Validation: learning_curve {shares} is not ascending")
        require(
            len(shares) <= MOST_PARTS,
            f"Validation: learning_curve: {len(shares)} shares are declared; expected at most {MOST_PARTS}",
        )

    @property
    def _limits_on_measures(self) -> dict[str, Mapping[str, float]]:
        names = ("thresholds", "segment_thresholds", "fold_thresholds")
        return {name: getattr(self, name) for name in names}

    @property
    def limits_measures(self) -> bool:
        """Whether a limit is declared on a figure that only some kinds of outcome have."""
        return any(self._limits_on_measures.values()) or self.calibration is not None

    def check_names(self, place: str, *, features: Iterable[str], keys: Iterable[str]) -> None:
        """Refuse segments and features that the line does not have."""
        features = list(features)
        known = [*features, *keys]
        for name in self.segments:
            require(
                name in known,
                f"{place}: validation.segments: {name!r} is neither a feature nor a key of the decision; "
                f"there are {', '.join(known)}",
            )
        require(
            not (self.planted_noise and PLANTED in features),
            f"{place}: validation.planted_noise: a feature is named {PLANTED!r}, as the planted one is; name yours "
            "otherwise",
        )
        for name in self.may_be_constant:
            require(
                name in features,
                f"{place}: validation.may_be_constant: {name!r} is not a feature; there are {', '.join(features)}",
            )

    def check_measures(self, place: str, measures: Iterable[Measure], *, kind: str) -> None:
        """Refuse limits on measures that the line's outcome does not have."""
        known = [measure.name for measure in measures]
        for part, limits in self._limits_on_measures.items():
            for name in limits:
                require(
                    name in known,
                    f"{place}: validation.{part}: {name!r} is no measure of a {kind} outcome; "
                    f"there are {', '.join(known)}",
                )
