"""How a line's own script is trained and judged, and on which machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from assembly_line.declarations.checks import LEFT_OUT_AT_DEFAULT, SCRIPT, check_finite, check_name, refuse, require
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.declarations.sagemaker.images import check_framework, check_image, check_processors
from assembly_line.declarations.sagemaker.instance_types import check_instance_type, local_storage_gb
from assembly_line.declarations.training.retention import Retention
from assembly_line.declarations.training.tuning import LONGEST_SEARCH, Tuning
from assembly_line.declarations.typed import typed
from assembly_line.names import ScriptMode

HOUR = timedelta(hours=1)
# Three such jobs, a search and a review have room in the 28 days of the machine.
LONGEST_SPOT = timedelta(days=3)
# What an account may have by default is less; SageMaker says so when a job starts.
MOST_INSTANCES = 20


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How the line's own script is trained and judged. See docs/training.md.

    Args:
        script: the training script in the folder of the line. It runs unchanged, in script mode.
        inference: the script with `model_fn` and the other functions that answer rows with scores.
        framework: the framework of SageMaker's prebuilt image, such as `xgboost`.
        framework_version: the version of that image, such as `3.2-0`. A version without an image is refused, and the
            message lists those with one. You need it unless you declare `image`.
        instance_type: the instance type of the training job.
        volume_gib: the size of the training job's volume. A type with local storage has its own disks instead.
        timeout: the time limit of the training job, and of the jobs that score.
        hyperparameters: passed to the script as `--name value`. A request may replace these, and no others.
        holdout: the share of the decisions that judges the fit, the latest ones. An instant is never split. An earlier
            decision teaches the judged fit only if its outcome was known when the first held-out decision was taken.
        baseline: the one feature that alone makes the rule to beat. A higher value means likelier. A missing value
            ranks below all others.
        minimum_rows: a training part with fewer decisions is refused.
        refit: after the judgement, the same recipe learns from all decisions, and that fit is delivered. The reviewer
            sees the figures of the judged fit. False delivers the judged fit itself.
        preprocessing: `Preprocessing(...)`: how features become numbers, fitted on the training part and applied the
            same way when scoring. None leaves numbers as they are, and turns a category into its index.
        transform_instance_type: the instance type of the jobs that score. None means `instance_type`.
        quantiles: a tuple of levels such as `(0.1, 0.5, 0.9)`, ascending and each in (0, 1), if the script answers
            these quantiles of a count or amount. The empty tuple means that it answers the expected number.
        score_range: the lowest and the highest score of a count or amount, as in `(0, 500)`. None stands for no end. A
            score outside of it is quarantined. By default a count is at least 0, and an amount may be any number.
        ranked_within: a tuple of key columns such as `("session_id",)`, if decisions are ranked against each other:
            those of one instant with equal values. `("decision_time",)` ranks all decisions of an instant. The empty
            tuple means that each decision is predicted by itself.
        season: after how many horizons a number is likely to come again, such as 7 for days with weekly habits, and 1
            without any. It makes a forecast of the outcome: the model is judged beside the number of a season ago. You
            need it where the outcome has several `steps`.
        instance_count: how many instances a training job has. With more than one, the script has to share the work.
        spot: training jobs use spare capacity, which costs less and may be taken away at any time. The script goes on
            from what it wrote to `/opt/ml/checkpoints`.
        spot_wait: how long such a job may take in all, with its waits for capacity. None means an hour more
            than `timeout`.
        tuning: `Tuning(...)`: a search for hyperparameters before the fits. None fits with the declared ones.
        retention: `Retention(...)`: when old runs, their models and files go. None keeps them all.
        image: an image of your own in Amazon ECR, by its digest, in place of the prebuilt one. It trains and serves in
            script mode. `framework` means nothing then.
        python: the Python of the image, such as `3.12`, where it is not published. You need it only beside a
            `requirements.txt`.
    """

    script: str = "train.py"
    inference: str = "inference.py"
    framework: str = "xgboost"
    framework_version: str | None = None
    instance_type: str = "ml.m5.large"
    volume_gib: int = 10
    timeout: timedelta = timedelta(hours=1)
    hyperparameters: Mapping[str, int | float | str] = field(default_factory=dict)
    holdout: float = 0.25
    baseline: str
    minimum_rows: int = 100
    refit: bool = True
    preprocessing: Preprocessing | None = None
    transform_instance_type: str | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    quantiles: tuple[float, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)
    score_range: tuple[float | None, float | None] | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    ranked_within: tuple[str, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)
    season: int | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    instance_count: int = field(default=1, metadata=LEFT_OUT_AT_DEFAULT)
    spot: bool = field(default=False, metadata=LEFT_OUT_AT_DEFAULT)
    spot_wait: timedelta | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    tuning: Tuning | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    retention: Retention | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    image: str | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    python: str | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)

    def __post_init__(self) -> None:
        for script in (self.script, self.inference):
            require(bool(SCRIPT.fullmatch(script)), f"Training: {script!r} is not a file name such as train.py")
        require(0 < self.holdout < 1, f"Training: holdout {self.holdout} is outside (0, 1)")
        require(self.timeout > timedelta(0), f"Training: timeout {self.timeout} is not positive")
        require(self.volume_gib >= 1, f"Training: volume_gib {self.volume_gib} is below 1")
        require(self.minimum_rows >= 1, f"Training: minimum_rows {self.minimum_rows} is below 1")
        check_image(self.image, framework_version=self.framework_version, python=self.python)
        if self.image is None:
            entry = check_framework(self.framework, self.framework_version)
            refuse(
                entry["python"] is not None and self.python not in (None, entry["python"]),
                f"Training: python {self.python!r}: the image of {self.framework} {self.framework_version} has Python "
                f"{entry['python']}; leave it out",
                where="Training.python",
                value=repr(self.python),
                expected=f"nothing, or {entry['python']!r}",
            )
        self._check_instances()
        for name, value in self.hyperparameters.items():
            self._check_hyperparameter(name, value)
        self._check_scores()
        self._check_spot()
        if self.tuning is not None:
            self._check_tuning(self.tuning)

    @property
    def scores_on(self) -> str:
        """The instance type of the jobs that score."""
        return self.transform_instance_type or self.instance_type

    @property
    def longest(self) -> timedelta:
        """How long a training job may take in all: its time limit, and a spot job's waits for capacity."""
        if not self.spot:
            return self.timeout
        return self.spot_wait or self.timeout + HOUR

    def _check_spot(self) -> None:
        require(
            1 <= self.instance_count <= MOST_INSTANCES,
            f"Training: instance_count {self.instance_count} is outside 1 to {MOST_INSTANCES}",
        )
        if self.spot:
            require(self.timeout < LONGEST_SPOT, f"Training: spot: timeout {self.timeout} is not below {LONGEST_SPOT}")
        if self.spot_wait is None:
            return
        require(self.spot, "Training: spot_wait needs spot=True")
        require(
            self.spot_wait >= self.timeout,
            f"Training: spot_wait {self.spot_wait} is below timeout {self.timeout}, and has to hold it and the waits",
        )
        require(self.spot_wait <= LONGEST_SPOT, f"Training: spot_wait {self.spot_wait} is above {LONGEST_SPOT}")

    def _check_tuning(self, tuning: Tuning) -> None:
        tuning.check_values("Training", self.hyperparameters)
        # An image of one's own is no algorithm of SageMaker.
        tuning.check_framework("Training", self.framework if self.image is None else "own")
        require(
            self.longest <= LONGEST_SEARCH / tuning.rounds(),
            f"Training: tuning: {tuning.trials} trials of up to {self.longest}, {tuning.parallel} at once, may take "
            f"more than {LONGEST_SEARCH}; run more at once, or lower trials, timeout or spot_wait",
        )

    def _check_hyperparameter(self, name: str, value: float | str) -> None:
        check_name("Training: hyperparameter", name)
        refuse(
            name in [*ScriptMode],
            f"Training: hyperparameter {name} is set by the line itself; leave it out, or name yours otherwise",
            where="Training: hyperparameters",
            value=name,
            expected=f"a name other than {' and '.join(ScriptMode)}",
        )
        if isinstance(value, float):
            check_finite(f"Training: hyperparameters[{name!r}]", value)

    def _check_scores(self) -> None:
        for level in self.quantiles:
            require(0 < level < 1, f"Training: quantiles: level {level} is outside (0, 1)")
        ascending = list(self.quantiles) == sorted(set(self.quantiles))
        require(ascending, f"Training: quantiles {self.quantiles} are not ascending")
        if self.score_range is None:
            return
        require(len(self.score_range) == 2, f"Training: score_range {self.score_range}: expected (lowest, highest)")
        low, high = self.score_range
        for end in (low, high):
            check_finite("Training: score_range", end or 0.0)
        require(low is None or high is None or low < high, f"Training: score_range: {low} is not below {high}")

    def _check_instances(self) -> None:
        if self.image is None and self.framework == "pytorch":
            check_processors(self.instance_type, self.scores_on)
        check_instance_type("Training: instance_type", self.instance_type, "training")
        if self.transform_instance_type is None:
            advice = (
                f"; declare one as transform_instance_type, and the line trains on {self.instance_type} all the same"
            )
            check_instance_type("Training: instance_type", self.instance_type, "transform", advice=advice)
        else:
            check_instance_type("Training: transform_instance_type", self.transform_instance_type, "transform")
        local = local_storage_gb(self.instance_type)
        require(
            local is None or self.volume_gib <= local,
            f"Training: volume_gib {self.volume_gib}: {self.instance_type} has {local} GB of local storage and no "
            "volume beside it; ask for at most that",
        )
