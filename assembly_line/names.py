"""Names that infrastructure and runtime code must agree on. Nothing else may spell them."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from enum import StrEnum

from assembly_line.errors import RequestRefused

PROJECT = "assembly-line"
# Every job and model carries it: by it a role tells those of its own environment from others.
ENVIRONMENT_TAG = f"{PROJECT}:environment"
EVENT_SOURCE = "assembly-line"
EVENT_DETAIL_TYPE = "Station event"
# What Step Functions tells EventBridge of an execution, and the ends and the new beginning that it cannot announce.
EXECUTION_SOURCE = "aws.states"
EXECUTION_DETAIL_TYPE = "Step Functions Execution Status Change"
STOPPED = ("ABORTED", "FAILED", "TIMED_OUT")
RUNNING = "RUNNING"
# The execution that builds the dataset of a run is called after the run.
CHILD_SUFFIX = "-dataset"
# How the names of such executions end, as a regular expression of Python and of JSONata alike.
CHILD_RUN = f"{CHILD_SUFFIX}(-[0-9]{{1,4}})?$"
# Of Step Functions' 80 characters for a name, what is left for a run beside the suffix and number of its dataset's.
RUN_NAME_LIMIT = 64
CODE_CHANNEL = "code"
TRAIN_CHANNEL = "train"
# On what a trial of a search reports. SageMaker's own name for such a channel.
VALIDATION_CHANNEL = "validation"
CONTAINER_CODE = "/opt/ml/input/data/code"
# Where a script keeps what it goes on from, and the variable that tells it so. Trials of a search have none.
CONTAINER_CHECKPOINTS = "/opt/ml/checkpoints"
CHECKPOINT_VARIABLE = "SM_CHECKPOINT_DIR"
CONTAINER_MODEL_CODE = "/opt/ml/model/code"
# Module that builds the scripts for pip where there is no network.
BUILD_BACKEND = "in_tree_backend"
JOB_NAME_LIMIT = 63
# A tuning job names its training jobs after itself, so it has fewer characters.
TUNING_NAME_LIMIT = 32
# What stands behind the run in a job's name: the longest step of a fit, and the number of an attempt.
_STEP_AND_ATTEMPT = len("-refit-holdout-9999")
_DIGITS = 12
# How a run, and so its execution, may be called.
RUN_ID = r"[A-Za-z0-9_-]{1,80}"
# How the run of one decision that an application asked for is called.
ASKED_RUN = "now-[0-9a-f]{40}"


# How the paths of the API begin for people, who bring a token in place of a signature.
PEOPLE = "/people"


class Phase(StrEnum):
    """The fits of a run: `judged` on later time, `final` on everything, which a line that refits delivers; and the
    `replica`, which repeats the judged one.

    Further ones look into the recipe: earlier `fold`s, one with planted `noise`, and those of a `part` of the rows.
    """

    JUDGED = "judged"
    FINAL = "final"
    REPLICA = "replica"
    FOLD = "fold"
    NOISE = "noise"
    PART = "part"


class ControlKey(StrEnum):
    """Key attributes of the control table and of that of champions, and the items they hold for a line."""

    PARTITION = "line"
    SORT = "item"
    CURRENT_RELEASE = "release#current"
    CHAMPION = "champion#current"
    # Whether the line's deliveries are paused, by whom and why.
    DELIVERY = "delivery#paused"
    # The release that a line had when it was removed.
    REMOVED = "release#removed"


class OnlineKey(StrEnum):
    """Key attributes of the online table, and the one by which its items expire."""

    PARTITION = "item"
    SORT = "chunk"
    EXPIRES = "expires_at"


def run_item(run_id: str) -> str:
    """Who asked for a run: written by the API only, so its author is verified."""
    return f"run#{run_id}"


def review_item(run_id: str) -> str:
    return f"review#{run_id}"


def approved_item(run_id: str) -> str:
    """The champion that a run became, or would have, when it was approved."""
    return f"approved#{run_id}"


def expired_item(run_id: str) -> str:
    """That an old run has gone, or goes."""
    return f"expired#{run_id}"


def delivered_item(until: str, run_id: str = "") -> str:
    """A run that went into delivery, in order of the end of its period; without a run what comes before all of that."""
    return f"delivered#{until}#{run_id}"


def decided_item(instant: str = "", run_id: str = "") -> str:
    """A run that decided, in order of its instant by the line's business clock; without both the prefix of all."""
    return f"decided#{instant}#{run_id}" if instant else "decided#"


def slot_item(instant: str = "") -> str:
    """What became of a slot, in order of its instant; without one what comes before all of them."""
    return f"slot#{instant}"


def slot_clock_item(*, told: bool) -> str:
    """Since when a line looks for slots: by real time, or by a clock that is told."""
    return f"slots#{'told' if told else 'real'}"


def load_item(source: str, version: str) -> str:
    """The slot of a load: the version of the source's snapshot."""
    return f"load#{source}#{version}"


def consumer_item(consumer: str) -> str:
    """Whether a consumer of the line is live, and since when."""
    return f"consumer#{consumer}"


def dataset_item(dataset_id: str) -> str:
    """Who builds a dataset now, so that equal requests build once."""
    return f"dataset#{dataset_id}"


class ScriptMode(StrEnum):
    """Hyperparameters by which SageMaker finds a script: the line sets them, so nobody else may."""

    PROGRAM = "sagemaker_program"
    CODE = "sagemaker_submit_directory"


class GlueArgument(StrEnum):
    """Arguments of the dataset job, without the leading dashes that Glue adds."""

    LAKE_BUCKET = "LAKE_BUCKET"
    STORE_BUCKET = "STORE_BUCKET"
    PLAN_KEY = "PLAN_KEY"


class TablesArgument(StrEnum):
    """Arguments of the job that materialises tables, without the leading dashes that Glue adds."""

    LAKE_BUCKET = "LAKE_BUCKET"
    STORE_BUCKET = "STORE_BUCKET"
    CONTROL_TABLE = "CONTROL_TABLE"
    GLUE_DATABASE = "GLUE_DATABASE"
    LINE = "LINE"
    TABLES = "TABLES"


EVERY_TABLE = "*"


class Parameter(StrEnum):
    """What the CLI and applications look up: SSM parameters of an environment, beside one for each machine."""

    LAKE_BUCKET = "lake-bucket"
    STORE_BUCKET = "store-bucket"
    LEDGER_BUCKET = "ledger-bucket"
    LEDGER_FUNCTION = "ledger-function"
    GLUE_DATABASE = "glue-database"
    CONTROL_TABLE = "control-table"
    CHAMPION_TABLE = "champion-table"
    EVENT_BUS = "event-bus"
    ALARM_TOPIC = "alarm-topic"
    DATA_KEY = "data-key"
    DATASET_JOB = "dataset-job"
    TABLES_JOB = "tables-job"
    QUERY_WORKGROUP = "query-workgroup"
    ONLINE_TABLE = "online-table"
    FEEDBACK_QUEUE = "feedback-queue"
    FEEDBACK_DEAD_LETTERS = "feedback-dead-letters"
    API_URL = "api-url"
    MLFLOW_APP = "mlflow-app"
    SCIENTIST_ROLE = "scientist-role"
    REVIEWER_ROLE = "reviewer-role"
    DECIDER_ROLE = "decider-role"


def parameter_name(environment: str, parameter: str) -> str:
    return f"/{PROJECT}/{environment}/{parameter}"


def log_parameter(environment: str, function: str = "") -> str:
    """Holds the name of the log group of a function, such as `training.begin`; without one the folder of all."""
    return f"/{PROJECT}/{environment}/logs/{function}"


def subscriber_queue_parameter(environment: str, line: str, subscriber: str) -> str:
    """Holds the URL of the queue that a subscriber of the line reads."""
    return f"/{PROJECT}/{environment}/lines/{line}/subscribers/{subscriber}/queue-url"


def subscriber_dead_letters_parameter(environment: str, line: str, subscriber: str) -> str:
    return f"/{PROJECT}/{environment}/lines/{line}/subscribers/{subscriber}/dead-letters-url"


def subscriber_declaration_parameter(environment: str, line: str, subscriber: str) -> str:
    """Holds what a subscriber is, as JSON. Only one that was added beside the declaration of its line has it."""
    return f"/{PROJECT}/{environment}/lines/{line}/subscribers/{subscriber}/declaration"


def stack_name(environment: str, stack: str = "") -> str:
    """Name of a stack of the environment, such as `Foundation`; without one how the names of all begin."""
    return f"AssemblyLine-{environment}-{stack}"


def line_stack(line: str) -> str:
    """The stack of what one line alone owns."""
    return f"Line-{aws_name(line)}"


def consumer_stack(line: str, consumer: str = "") -> str:
    """The stack of one consumer that was added beside its line's declaration; without one how all names begin."""
    return f"{line_stack(line)}-Consumer-{aws_name(consumer)}"


def aws_name(name: str) -> str:
    """A declared name as AWS takes it everywhere: lower case, `-` for `_`, which SageMaker does not allow."""
    return re.sub(r"[^a-z0-9-]", "-", name.lower())


def line_resource(environment: str, line: str) -> str:
    """Physical name of what one line alone owns: its topic and its model package group."""
    return f"{PROJECT}-{aws_name(environment)}-{aws_name(line)}"


def review_topic(environment: str, line: str) -> str:
    """Physical name of the topic by which a line reminds its reviewers. No name of a line gives one with `_`."""
    return f"{line_resource(environment, line)}_reviews"


def job_role(environment: str, line: str) -> str:
    """Physical name of the role that the line's training and transform jobs run under."""
    return f"{line_resource(environment, line)}-jobs"


def readers_role(environment: str, line: str) -> str:
    """Physical name of the role by which other accounts read what messages of the line point to."""
    return f"{line_resource(environment, line)}-readers"


def tables_machine(environment: str) -> str:
    """Physical name of the machine that materialises the lines' tables, so that a line's own schedule can name it."""
    return f"{PROJECT}-{aws_name(environment)}-tables"


def online_machine(environment: str) -> str:
    """Physical name of the machine that publishes online features, so that a line's own schedule can name it."""
    return f"{PROJECT}-{aws_name(environment)}-online"


def refresh_function(environment: str) -> str:
    """Physical name of the function that looks whether a line trains again, so that a line's schedule can name it."""
    return f"{PROJECT}-{aws_name(environment)}-refresh"


def expire_function(environment: str) -> str:
    """Physical name of the function that lets old runs go, so that a line's own schedule can name it."""
    return f"{PROJECT}-{aws_name(environment)}-expire"


def slots_function(environment: str) -> str:
    """Physical name of the function that starts what is due, so that a line's own schedule can name it."""
    return f"{PROJECT}-{aws_name(environment)}-slots"


def query_workgroup(environment: str) -> str:
    """Name of the Athena workgroup in which people explore."""
    return f"{PROJECT}-{aws_name(environment)}"


def run_name(line: str, step: str | None, at: datetime) -> str:
    """A name for one execution, unlike any other: `coupon-redemption-score-20170712-5f0c1a2b`."""
    return "-".join(filter(None, (aws_name(line), step, f"{at:%Y%m%d}", secrets.token_hex(4))))


def job_name(line: str, run_id: str, step: str, attempt: int) -> str:
    """A legal SageMaker job or model name from line, run, step and attempt; other than of any other four."""
    return f"{jobs_of_run(line, run_id)}-{step}-{attempt}"


def jobs_of_run(line: str, run_id: str) -> str:
    """How the names of all jobs of a run begin.

    A run that `run_name` names has jobs called after it. SageMaker's names cannot tell any other run: they know no
    underscore, no two dashes and fewer characters. A digest tells it from those that would be called alike.
    """
    room = JOB_NAME_LIMIT - _STEP_AND_ATTEMPT
    named = re.fullmatch(rf"{aws_name(line)}-(score-)?[0-9]{{8}}-[0-9a-f]{{8}}", run_id)
    # Runs of the line `a_score` may be called like the scoring runs of `a`.
    if named and len(run_id) <= room and (named[1] or not line.endswith("_score")):
        return run_id
    digest = hashlib.sha256(f"{line}/{run_id}".encode()).hexdigest()[:_DIGITS]
    name = re.sub(r"-+", "-", aws_name(run_id)).strip("-")
    if not name.startswith(aws_name(line)):
        name = f"{aws_name(line)}-{name}"
    return f"{name[: room - len(digest) - 1].rstrip('-')}-{digest}"


def tuning_name(line: str, run_id: str, attempt: int) -> str:
    """The name of a run's search for hyperparameters, with which the names of its trials begin."""
    return f"{trials_of_run(line, run_id)}{attempt}"


def trials_of_run(line: str, run_id: str) -> str:
    """How the names of a run's tuning jobs and of their trials begin."""
    digest = hashlib.sha256(f"{line}/{run_id}".encode()).hexdigest()[:_DIGITS]
    room = TUNING_NAME_LIMIT - len(f"-{digest}-9999")
    return f"{re.sub(r'-+', '-', aws_name(line))[:room].rstrip('-')}-{digest}-"


def is_job_of(name: str, line: str, run_id: str) -> bool:
    """Whether a job is one of the run's. Steps have words of at most seven characters, which no digest is."""
    return re.fullmatch(rf"{jobs_of_run(line, run_id)}(-[a-z]{{1,6}}[a-z0-9]?){{1,2}}-[0-9]+", name) is not None


def next_job_name(name: str, attempt: int) -> str:
    """The name of another attempt at the same step."""
    return f"{name.rpartition('-')[0]}-{attempt}"


def child_run(run_id: str, attempt: int) -> str:
    """The name of the execution that builds the dataset of a run."""
    end = CHILD_SUFFIX if attempt == 1 else f"{CHILD_SUFFIX}-{attempt}"
    return f"{run_id}{end}"


def require_run_name(run_id: str) -> None:
    """Refuse the name of a run after which nothing that it starts could be called.

    Raises:
        RequestRefused: it is too long, or that of another run's dataset.
    """
    if is_child(run_id):
        raise RequestRefused(
            f"execution {run_id!r}: its name ends like that of the dataset of run {work_item(run_id)!r}; expected "
            f"another end than {CHILD_SUFFIX!r}; start it under another name"
        )
    if len(run_id) > RUN_NAME_LIMIT:
        raise RequestRefused(
            f"execution {run_id!r}: its name has {len(run_id)} characters, expected at most {RUN_NAME_LIMIT}, because "
            "what it starts is called after it; start it under a shorter name"
        )


def is_child(run_id: str) -> bool:
    return re.search(CHILD_RUN, run_id) is not None


def work_item(run_id: str) -> str:
    """The work item of an execution: a dataset that is built for a run belongs to the run's."""
    return re.sub(CHILD_RUN, "", run_id)


# Keys in the buckets.


class Folder(StrEnum):
    """The folders at the top of the buckets, by which roles may read and write."""

    # Of the lake.
    SOURCES = "sources/"
    SNAPSHOTS = "snapshots/"
    # Of the store.
    RELEASES = "releases/"
    DATASETS = "datasets/"
    RUNS = "runs/"
    SCORING = "scoring/"
    DELIVERIES = "deliveries/"
    # Files that MLflow keeps of runs.
    MLFLOW = "mlflow/"
    # Where Athena leaves what queries answer.
    QUERIES = "queries/"
    # Of the ledger bucket: what must be kept.
    LEDGER = "ledger/"
    STATION_EVENTS = "station-events/"
    # Of the store and of the ledger bucket: what can be made again.
    TABLES = "tables/"


def source_prefix(source: str) -> str:
    return f"{Folder.SOURCES}{source}/"


def snapshot_key(source: str) -> str:
    """The current snapshot of a source: which objects and versions make it up."""
    return f"{Folder.SNAPSHOTS}{source}.json"


def table_name(source: str) -> str:
    """The source's table in the Glue Data Catalog, which lowers its names."""
    return source.lower().replace("-", "_")


def release_prefix(release: str) -> str:
    return f"{Folder.RELEASES}{release}/"


def release_code_prefix(release: str) -> str:
    return f"{release_prefix(release)}code/"


def dataset_prefix(line: str, dataset_id: str) -> str:
    return f"{Folder.DATASETS}{line}/{dataset_id}/"


def dataset_history_prefix(line: str, kind: str) -> str:
    """Figures of finished datasets of one kind (purpose and features), the latest first."""
    return f"{Folder.DATASETS}{line}/history/{kind}/"


# Of a fit, below its run's folder or its own in that.
MODEL_ARCHIVE = "model/model.tar.gz"


def run_prefix(line: str, run_id: str) -> str:
    return f"{Folder.RUNS}{line}/{run_id}/"


def scoring_prefix(line: str, run_id: str) -> str:
    return f"{Folder.SCORING}{line}/{run_id}/"


def delivered_prefix(line: str, day: str = "", run_id: str = "") -> str:
    """Folder of a run's delivered files; without a run that of the line.

    Args:
        day: of the run by the line's business clock, `yyyymmdd`.
    """
    return f"{Folder.DELIVERIES}{line}/day={day}/{run_id}/" if day else f"{Folder.DELIVERIES}{line}/"


def line_table(line: str, table: str) -> str:
    """A materialised table's name in the Glue Data Catalog."""
    return table_name(f"{line}_{table}")


def tables_prefix(line: str, table: str) -> str:
    return f"{Folder.TABLES}{line}/{table}/"


class FeedbackKind(StrEnum):
    """What a feedback event tells of."""

    OVERRIDE = "override"
    OUTCOME = "outcome"
    RECEIPT = "receipt"


class LedgerKind(StrEnum):
    """Kinds of ledger rows, each an append-only folder of JSON Lines by day."""

    PREDICTIONS = "predictions"
    DELIVERIES = "deliveries"
    QUARANTINE = "quarantine"
    FEEDBACK = "feedback"
    OUTCOMES = "outcomes"


class DeliveryStatus(StrEnum):
    """What a delivery row of the ledger says of one message."""

    DELIVERED = "delivered"
    DEAD_LETTERED = "dead_lettered"


def ledger_prefix(line: str, kind: LedgerKind | None = None, day: str | None = None) -> str:
    """Folder of a line's rows; of one kind, and with `day` (`yyyymmdd`) of that day alone."""
    folder = f"{Folder.LEDGER}{line}/" if kind is None else f"{Folder.LEDGER}{line}/{kind}/"
    return folder if day is None else f"{folder}day={day}/"


def asked_key(line: str, run_id: str) -> str:
    """That a decision was asked for, under the run that it is: beside the ledger's rows, kept as long as they are."""
    return f"{ledger_prefix(line)}asked/{run_id}.json"


def ledger_tables_prefix(line: str) -> str:
    """Folder of what is compacted of a line's ledger."""
    return f"{Folder.TABLES}{line}/"


def station_events_prefix(day: str | None = None) -> str:
    return Folder.STATION_EVENTS if day is None else f"{Folder.STATION_EVENTS}day={day}/"


def s3_uri(bucket: str, key: str) -> str:
    return f"s3://{bucket}/{key}"
