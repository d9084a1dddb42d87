"""What each runtime needs from its environment. CDK writes these, handlers read them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from assembly_line.errors import SettingMissing


@dataclass(frozen=True)
class Environment:
    """Base contract: field `table_name` is the variable `TABLE_NAME`, in both directions."""

    assembly_environment: str

    @classmethod
    def from_process(cls, source: Mapping[str, str] = os.environ) -> Self:
        """Read the contract, or name every variable that is missing at once."""
        names = {field.name: field.name.upper() for field in fields(cls)}
        missing = [variable for variable in names.values() if not source.get(variable)]
        if missing:
            raise SettingMissing(cls.__name__, missing)
        return cls(**{name: source[variable] for name, variable in names.items()})

    def named(self, parameter: str) -> str:
        """The name, ARN or URL of what a stack made, under the word that commands look it up by.

        Raises:
            SettingMissing: this contract does not hold it.
        """
        word = parameter.replace("-", "_")
        found = next((value for end in ("", "_arn", "_url") if (value := getattr(self, word + end, None))), None)
        if found is None:
            raise SettingMissing(type(self).__name__, [word.upper()])
        return str(found)

    def to_variables(self) -> dict[str, str]:
        """Render for a CDK `environment=` argument. Values may be unresolved CDK tokens."""
        return {name.upper(): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class DatasetEnvironment(Environment):
    """lambdas/dataset and lambdas/dataset_request: plan, build, finish; explain, claim."""

    lake_bucket: str
    store_bucket: str
    control_table: str
    memory_mib: str
    spark_dpus: str


@dataclass(frozen=True)
class TrainingEnvironment(Environment):
    """lambdas/training: begin, prepare, package, evaluate."""

    account_id: str
    store_bucket: str
    ledger_bucket: str
    control_table: str
    champion_table: str
    function_scoring_mib: str


@dataclass(frozen=True)
class ModelsEnvironment(Environment):
    """lambdas/models: lets a function serve a model, and checks what it answers."""

    store_bucket: str
    serving_function: str


@dataclass(frozen=True)
class ServingEnvironment(Environment):
    """lambdas/serving: runs the code of lines, and reads packed models alone."""

    store_bucket: str


@dataclass(frozen=True)
class AttemptsEnvironment(Environment):
    """lambdas/attempts: what follows a job that did not end well."""

    dataset_machine_arn: str
    store_bucket: str


@dataclass(frozen=True)
class ReviewEnvironment(Environment):
    """lambdas/review: request, remind, conclude."""

    account_id: str
    store_bucket: str
    control_table: str
    champion_table: str


@dataclass(frozen=True)
class ExpiryEnvironment(Environment):
    """lambdas/expiry: lets old runs go."""

    store_bucket: str
    ledger_bucket: str
    control_table: str
    champion_table: str
    training_machine_arn: str


@dataclass(frozen=True)
class TrackingEnvironment(Environment):
    """lambdas/tracking: records training runs in MLflow."""

    store_bucket: str
    control_table: str
    champion_table: str
    training_machine_arn: str


@dataclass(frozen=True)
class ChampionsEnvironment(Environment):
    """lambdas/champions: alone writes who decides."""

    control_table: str
    champion_table: str


@dataclass(frozen=True)
class RefreshEnvironment(Environment):
    """lambdas/refresh: whether a line trains again."""

    store_bucket: str
    control_table: str
    champion_table: str
    training_machine_arn: str


@dataclass(frozen=True)
class SlotsEnvironment(Environment):
    """lambdas/slots: starts what is due, and fills in the past."""

    lake_bucket: str
    store_bucket: str
    control_table: str
    champion_table: str
    scoring_machine_arn: str


@dataclass(frozen=True)
class LedgerEnvironment(Environment):
    """lambdas/ledger: the ledger made tables, and figures of it for the dashboard."""

    store_bucket: str
    ledger_bucket: str
    control_table: str
    glue_database: str


@dataclass(frozen=True)
class ScoringEnvironment(Environment):
    """lambdas/scoring: begin, prepare, publish, deliver."""

    account_id: str
    store_bucket: str
    ledger_bucket: str
    control_table: str
    champion_table: str
    function_scoring_mib: str
    outbox_shard_messages: str
    topic_messages_per_second: str
    publishers: str


@dataclass(frozen=True)
class ApiEnvironment(Environment):
    """lambdas/api: feedback, datasets, training runs, reviews, champions and online features for authorised callers."""

    account_id: str
    store_bucket: str
    control_table: str
    champion_table: str
    online_table: str
    feedback_queue_url: str
    training_machine_arn: str
    dataset_machine_arn: str
    explain_function: str
    champions_function: str
    event_bus: str


@dataclass(frozen=True)
class DecisionsEnvironment(Environment):
    """lambdas/decisions: one decision at a time, and what the ledger knows of one."""

    store_bucket: str
    ledger_bucket: str
    control_table: str
    champion_table: str
    online_table: str
    serving_function: str


@dataclass(frozen=True)
class OnlineEnvironment(Environment):
    """lambdas/online: publish features for real-time decisions."""

    lake_bucket: str
    store_bucket: str
    control_table: str
    online_table: str
    online_days: str
    memory_mib: str


@dataclass(frozen=True)
class FeedbackCollectorEnvironment(Environment):
    """lambdas/feedback_collector: from the queue into the ledger.

    The role of `api_role_id` alone may send feedback in the name of another principal.
    """

    store_bucket: str
    ledger_bucket: str
    control_table: str
    api_role_id: str


@dataclass(frozen=True)
class OutcomesEnvironment(Environment):
    """lambdas/outcomes: mature outcomes from the sources into the ledger."""

    lake_bucket: str
    store_bucket: str
    ledger_bucket: str
    control_table: str


@dataclass(frozen=True)
class EventRecorderEnvironment(Environment):
    """lambdas/event_recorder: station events, and executions that were stopped, from their queue to S3.

    A machine's executions are the work of its station: that is how a stopped one is known.
    `machines`: `name=ARN` of every machine, separated by commas.
    """

    ledger_bucket: str
    machines: str
