"""Training again by itself: when a line looks, and whether its model is due then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.clock import last_moment, next_moment
from assembly_line.errors import Conflict, NotFound
from assembly_line.instants import format_instant, parse_instant
from assembly_line.names import ControlKey, aws_name
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import start_requested
from assembly_line.training.review import UNVERIFIED

if TYPE_CHECKING:
    from assembly_line.declarations.clock import Refresh
    from assembly_line.storage import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a line.

    Args:
        run_id: of the run that was started; None if none was.
        reason: why, or why not.
    """

    run_id: str | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAge:
    """How up to date a line's model is.

    Args:
        known: the instant of what the champion's training data knew.
        age: since then.
        limit: the declared one; None if the line does not train again by itself.
        next_look: when the line looks the next time.
    """

    known: datetime
    age: timedelta
    limit: timedelta | None
    next_look: datetime | None

    @property
    def is_due(self) -> bool:
        return self.limit is not None and self.age > self.limit

    def to_json(self) -> dict[str, Any]:
        return {
            "known": format_instant(self.known),
            "days": self.age.days,
            "limit_days": None if self.limit is None else self.limit / timedelta(days=1),
            "next_look": None if self.next_look is None else format_instant(self.next_look),
            "due": self.is_due,
        }


def model_age(account: Account, line: str, now: datetime) -> ModelAge | None:
    """How old the line's champion is at `now`; None without one.

    Raises:
        NotFound: the line was never released.
    """
    champion = account.control.read(line, ControlKey.CHAMPION)
    if champion is None:
        return None
    refresh = account.released.release(line).line.refresh
    known = parse_instant(_known(account, line, champion), field="as_of")
    return ModelAge(
        known=known,
        age=now - known,
        limit=None if refresh is None else refresh.model_age,
        next_look=None if refresh is None else next_moment(refresh.at, now),
    )


def _known(account: Account, line: str, champion: Mapping[str, Any]) -> str:
    """The instant of the champion's data; of one whose dataset is gone the instant of its promotion, which is later."""
    try:
        return account.datasets.manifest(line, champion["dataset_id"]).as_of
    except NotFound:
        return str(champion["promoted_at"])


def refreshed(account: Account, line: str, now: datetime) -> Look:
    """Start a training run if the line's model is older than declared at its latest declared moment.

    Its author is who released the line: nobody else chose what it learns.

    Called twice for one moment, it starts one run: the run is named after the moment.

    Raises:
        NotFound: the line was never released.
    """
    refresh = account.released.release(line).line.refresh
    if refresh is None:
        return Look(run_id=None, reason="the line declares no refresh any more")
    moment = last_moment(refresh.at, now)
    age = model_age(account, line, moment)
    if age is None:
        return Look(run_id=None, reason="there is no champion yet: the first model is trained by hand")
    if not age.is_due:
        return Look(run_id=None, reason=f"the model is {age.age} old; it may be {refresh.model_age}")
    if (run := _open_run(account, line)) is not None:
        return Look(run_id=None, reason=f"training run {run} has not ended yet")
    return _started(account, line, moment, age, refresh)


def _started(account: Account, line: str, moment: datetime, age: ModelAge, refresh: Refresh) -> Look:
    from assembly_line.requests import TrainingRequest  # with pydantic, which `line status` does without

    request = TrainingRequest(line=line, as_of=moment, margin=refresh.margin)
    run_id = f"{aws_name(line)}-refresh-{moment:%Y%m%d-%H%M}"
    author = account.control.released_by(line)
    try:
        start_requested(
            account, TRAINING_RUN, request, author=author or UNVERIFIED, verified=author is not None, run_id=run_id
        )
    except Conflict:
        return Look(run_id=None, reason=f"training run {run_id} was started before")
    return Look(run_id=run_id, reason=f"the model was {age.age} old; it may be {refresh.model_age}")


def _open_run(account: Account, line: str) -> str | None:
    """A training run of the line that goes on or waits for its review."""
    for arn in account.machines.running(account.named(TRAINING_RUN.parameter)):
        try:
            execution = account.machines.describe(arn)
        except NotFound:  # it was removed meanwhile
            continue
        if isinstance(execution.request, dict) and execution.request.get("line") == line:
            return execution.name
    return None
