"""One decision scored by the champion, from online features: its ledger row, or why the line does not decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

from assembly_line.decision_ids import decision_id
from assembly_line.declarations.sagemaker.images import image_of
from assembly_line.delivery.alone import read_answer, row_alone
from assembly_line.delivery.answers import Quarantined
from assembly_line.delivery.context import DecidingModel, ScoringContext
from assembly_line.delivery.one_message import OneDecision, quarantine_row
from assembly_line.delivery.question import require_same_question
from assembly_line.delivery.run_standing import Standing, standing
from assembly_line.delivery.service.pausing import paused
from assembly_line.encoding import rule_number
from assembly_line.errors import (
    CannotDecide,
    JobFailed,
    ModelTookTooLong,
    NotFound,
    RequestRefused,
    RunFailed,
    ScoringFailed,
    TookTooLong,
)
from assembly_line.features import inputs_from_json, row_to_decide
from assembly_line.instants import MICROSECOND, format_instant, parse_instant
from assembly_line.names import LedgerKind
from assembly_line.outcome_kinds import Forecast
from assembly_line.requests import FeaturesRequest, ScoringRequest
from assembly_line.storage import runs
from assembly_line.training import answered, asked, function_bytes

if TYPE_CHECKING:
    from assembly_line.declarations.decisions import Policy
    from assembly_line.declarations.delivery.delivery import DecideNow
    from assembly_line.declarations.lines import Line
    from assembly_line.features import ModelInputs, OnlineRow
    from assembly_line.release import Release
    from assembly_line.requests import DecisionRequest
    from assembly_line.storage import Account
    from assembly_line.training import Champion

# Inputs of models that are kept, as they never change.
KEPT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OneAsked:
    """A decision that somebody asked for. Its run is this decision alone."""

    line: str
    request: DecisionRequest
    principal: str
    run_id: str


def row_of_one(account: Account, one: OneAsked, asked_at: datetime) -> tuple[LedgerKind, dict[str, Any]]:
    """The ledger row of a decision, or of one that is kept aside, which is not written yet; and its kind.

    Args:
        asked_at: real time; the decision's own instant where the request declares none.

    Raises:
        NotFound, RequestRefused, CannotDecide: see `decided_now`.
        ScoringFailed: the model gave no answer.
    """
    release = account.released.release(one.line)
    declared, policy = _declared(release.line)
    _require_keys(release.line, one.request.keys)
    champion = _champion(account, one.line)
    found = _Scoring(account, one, asked_at, release, champion)
    found.require_deciding()
    features = found.features()
    online = _standing_of(features, declared, release.line)
    row = found.row(features, policy)
    if isinstance(row, Quarantined):
        return LedgerKind.QUARANTINE, quarantine_row(found.run, row)
    return LedgerKind.PREDICTIONS, {**row, "online": online}


@dataclass(frozen=True)
class _Scoring:
    account: Account
    one: OneAsked
    asked_at: datetime
    release: Release
    champion: Champion

    @property
    def line(self) -> Line:
        return self.release.line

    @property
    def at(self) -> datetime:
        """The instant of the decision, by the line's business clock."""
        return self.asked_at if self.one.request.at is None else self.one.request.at

    @cached_property
    def learnt(self) -> Release:
        """What the champion was trained with."""
        return self.account.releases.read(self.champion.release)

    @cached_property
    def image(self) -> str:
        return image_of(self.learnt.line.training, self.account.client("s3").meta.region_name).serving_uri

    @cached_property
    def run(self) -> ScoringContext:
        return ScoringContext(
            run_id=self.one.run_id,
            line=self.line.name,
            release=self.release.digest,
            champion=DecidingModel.of(self.champion),
            as_of=self.at,
            since=self.at,
            until=self.at + MICROSECOND,
            started_at=self.asked_at,
            principal=self.one.principal,
            engine="online",
            instant=self.at,
            replayed=self.one.request.at is not None,
        )

    def require_deciding(self) -> None:
        """Refuse while the deliveries are paused, a champion that answers something else, and a backfill."""
        held = paused(self.account, self.line.name)
        if held is not None:
            raise CannotDecide(
                f"the deliveries of line {self.line.name} are paused since {held['at']} by {held['by']}: "
                f"{held['reason']}; resume them with `line delivery resume {self.line.name}`"
            )
        try:
            require_same_question(self.line, self.champion, self.learnt.line)
        except (RequestRefused, ScoringFailed) as error:
            raise CannotDecide(str(error)) from error
        if not function_bytes(self.image, most_mib=1) or self.learnt.packages:
            raise CannotDecide(
                f"line {self.line.name}: no function serves the champion {self.champion.run_id}: its image is "
                f"{self.image.rpartition('/')[2]}, and its release carries {len(self.learnt.packages)} packages; score "
                "batches with `line score`"
            )
        found = self._standing()
        if found.backfill:
            raise RequestRefused(
                f"at: {'; '.join(found.backfill.values())}; a backfill decides nothing; leave `at` out to decide now",
                where="at",
                value=format_instant(self.at),
                expected="an instant that the line has not passed",
            )

    def _standing(self) -> Standing:
        at = self.one.request.at
        period = {"from": format_instant(self.at), "to": format_instant(self.at + MICROSECOND)}
        told = {"line": self.line.name, **period, "as_of": format_instant(self.at)}
        if at is not None:
            request = ScoringRequest.parse({**told, "at": format_instant(at)})
            return self.account.scored_periods.standing(request, self.champion, now=self.asked_at)
        knows = _knows_until(self.account, self.line.name, self.champion.dataset_id)
        # Nothing that was scored before has a later instant than now.
        return standing(
            ScoringRequest.parse(told), now=self.asked_at, model_knows_until=knows, latest=None, overlapping=()
        )

    def features(self) -> OnlineRow:
        """What the champion reads of the decision."""
        names = dict.fromkeys((*self.champion.features, self.champion.baseline_feature))
        request = FeaturesRequest.parse(
            {"keys": dict(self.one.request.keys), "at": format_instant(self.at), "features": [*names]}
        )
        try:
            return row_to_decide(self.account, self.learnt.line, request, now=self.asked_at)
        except NotFound as error:
            raise CannotDecide(str(error)) from error

    def row(self, features: OnlineRow, policy: Policy) -> dict[str, Any] | Quarantined:
        """The ledger row, or why the decision is kept aside."""
        keys = {name: self.one.request.keys[name] for name in self.line.decision.keys}
        identifier = decision_id(self.line.name, list(keys.items()), self.at)
        plain = features.plain()
        answer = read_answer(self.line.predicts, identifier, self._asked_model(identifier, plain))
        if isinstance(answer, Quarantined):
            return answer
        row = row_alone(
            self.run,
            self.line,
            policy,
            OneDecision(0, identifier, self.at, keys, answer),
            dataset_id=features.generation.id,
            baseline=rule_number(plain[self.champion.baseline_feature][0]),
        )
        if isinstance(row, Quarantined) or not isinstance(self.line.predicts, Forecast):
            return row
        scales = self.account.store.read_json(runs.scales_key(self.champion.encoding_key))
        return {**row, "scale": scales.get(self.line.predicts.series(keys))}

    def _asked_model(self, identifier: str, plain: Mapping[str, list[Any]]) -> str:
        """What the champion answers, in the function whose role reads models and writes a log alone."""
        batch = _inputs(self.account, self.champion.encoding_key).csv(plain, first=[identifier])
        question = {
            "archive": self.account.store.key_of(self.champion.model_data_uri),
            "digest": self.champion.digest,
            "image": self.image,
            "program": self.learnt.line.training.inference,
            "rows": asked(batch).decode(),
        }
        try:
            said = self.account.functions.call(self.account.named("serving_function"), question)
            texts = answered(batch, str(said["answers"]).encode(), last_only=self.line.predicts.width == 1)
        except TookTooLong as error:
            raise ModelTookTooLong(f"model {self.champion.run_id}: {error}; nothing was decided") from error
        except (JobFailed, RunFailed) as error:
            raise ScoringFailed(f"model {self.champion.run_id}: {error}; nothing was decided") from error
        return texts.decode().strip().partition(",")[2]


def _declared(line: Line) -> tuple[DecideNow, Policy]:
    declared = line.delivery.decide_now
    if declared is None:
        raise NotFound(
            f"line {line.name} decides nothing one at a time; declare "
            f"Delivery(decide_now=DecideNow(oldest=hours(24))), and release it with `line release {line.name}`"
        )
    # A line that declares the one has the other.
    return declared, cast("Policy", line.policy.one_at_a_time)


def _champion(account: Account, line: str) -> Champion:
    try:
        return account.control.champion(line)
    except NotFound as error:
        raise CannotDecide(str(error)) from error


def _require_keys(line: Line, keys: Mapping[str, Any]) -> None:
    wanted = ", ".join(line.decision.keys)
    missing = [name for name in line.decision.keys if name not in keys]
    if missing:
        raise RequestRefused.about(f"keys: {', '.join(missing)}", "missing", f"every key of a decision: {wanted}")
    for name, value in keys.items():
        if value == "":
            raise RequestRefused.about(f"keys.{name}", "''", "a key that is not empty")


def _standing_of(features: OnlineRow, declared: DecideNow, line: Line) -> dict[str, Any]:
    """What the ledger keeps of the features, and the answer says.

    Raises:
        CannotDecide: they are too old, and the line refuses then.
    """
    until, empty = features.known_until, ", ".join(features.empty)
    stale = bool(empty) or (until is not None and features.at - until > declared.oldest)
    shown = None if until is None else format_instant(until)
    if stale and declared.stale == "refuse":
        old = f"know the world until {shown}, more than {declared.oldest} before {format_instant(features.at)}"
        raise CannotDecide(
            f"line {line.name}: the published features {f'know no event of {empty}' if empty else old}; load the "
            f"sources and run `line features publish {line.name}`"
        )
    return {"generation": features.generation.id, "known_until": shown, "stale": stale}


@lru_cache(KEPT)
def _inputs(account: Account, key: str) -> ModelInputs:
    return inputs_from_json(account.store.read_json(key))


@lru_cache(KEPT)
def _knows_until(account: Account, line: str, dataset_id: str) -> datetime:
    return parse_instant(account.datasets.manifest(line, dataset_id).as_of, field="as_of")
