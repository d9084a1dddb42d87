"""The registry of stations: a new station is an entry here and a package of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from assembly_line.environments import Environment
    from assembly_line.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A state machine of a station.

    Args:
        request: the model in `assembly_line.requests` of what it takes; None where the clock alone starts it.
        jobs: the service whose jobs its runs start, beside functions.
    """

    name: str
    request: str | None = None
    jobs: Literal["glue", "sagemaker"] | None = None

    @property
    def parameter(self) -> str:
        """The SSM parameter that holds its ARN."""
        return f"{self.name}-machine"

    @property
    def request_model(self) -> type[Request] | None:
        """Imported when asked for: the models cost a command that starts nothing 60 ms."""
        from assembly_line import requests

        if self.request is None:
            return None
        model: type[Request] = getattr(requests, self.request)
        return model


@dataclass(frozen=True, slots=True)
class Command:
    """A command or group of commands as help lists it, before its module is imported.

    Args:
        module: which module of `cli/commands` registers it.
        panel: the heading below which it is listed.
        help: for a group its whole help; for a command the first paragraph of its own.
    """

    module: str
    panel: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One stage of the line.

    Args:
        name: the word of its events, and of the board.
        handlers: package in `lambdas` -> the contract of its functions in `assembly_line.environments`.
        commands: of the command line, by name.
        measures: it measures the other stations, and takes no part in the work.
    """

    name: str
    machines: tuple[Machine, ...] = ()
    handlers: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    measures: bool = False

    @property
    def contracts(self) -> dict[str, type[Environment]]:
        """Package in `lambdas` -> the contract of its functions. Imported when asked for: no command needs them."""
        from assembly_line import environments

        return {package: getattr(environments, contract) for package, contract in self.handlers.items()}


# Headings of the command line.
DATA, TRAIN, SCORE = "2. Data", "3. Train and review", "4. Score and deliver"
RECORD, WATCH = "5. Feedback", "6. Watch"

DATASET = Machine(name="dataset", request="DatasetRequest", jobs="glue")
ONLINE = Machine(name="online", request="OnlineRequest")
TRAINING_RUN = Machine(name="training", request="TrainingRequest", jobs="sagemaker")
SCORING = Machine(name="scoring", request="ScoringRequest", jobs="sagemaker")
TABLES = Machine(name="tables", jobs="glue")
OUTCOMES = Machine(name="outcomes", request="OutcomesRequest")

FEATURES = Station(
    name="features",
    machines=(DATASET, ONLINE, TABLES),
    handlers={
        "dataset": "DatasetEnvironment",
        "dataset_request": "DatasetEnvironment",
        "online": "OnlineEnvironment",
        "attempts": "AttemptsEnvironment",
        "models": "ModelsEnvironment",
        "serving": "ServingEnvironment",
    },
    commands={
        "sources": Command("data", DATA, "Raw tables in the lake."),
        "features": Command("features", DATA, "What a line knows: its features, in words."),
        "dataset": Command(
            "data", DATA, "Datasets on demand: spine and features as they were known, reproducible by id."
        ),
        "tables": Command("tables", DATA, "Tables to explore with SQL, kept up to date on a schedule."),
    },
)
TRAINING = Station(
    name="training",
    machines=(TRAINING_RUN,),
    handlers={
        "training": "TrainingEnvironment",
        "review": "ReviewEnvironment",
        "champions": "ChampionsEnvironment",
        "refresh": "RefreshEnvironment",
        "tracking": "TrackingEnvironment",
        "expiry": "ExpiryEnvironment",
    },
    commands={
        "train": Command(
            "training",
            TRAIN,
            "Train on what was known then, evaluate on later time, and register. Then the run waits for a review.",
        ),
        "runs": Command(
            "runs", TRAIN, "What a line has tried: its training runs, one of them whole, and two compared."
        ),
        "review": Command("training", TRAIN, "Judge a training run: see what it did, approve or reject it."),
        "champion": Command("training", TRAIN, "See which run decides, and let an earlier one decide again."),
    },
)
DELIVERY = Station(
    name="delivery",
    machines=(SCORING,),
    handlers={"scoring": "ScoringEnvironment", "slots": "SlotsEnvironment"},
    commands={
        "score": Command(
            "delivery", SCORE, "Score decisions with the line's champion and deliver the actions to its subscribers."
        ),
        "delivery": Command("delivery", SCORE, "What is due, what left, and what is held back."),
        "consumers": Command("consumers", SCORE, "Who receives what a line delivers: add a consumer, and prove it."),
    },
)
FEEDBACK = Station(
    name="feedback",
    machines=(OUTCOMES,),
    handlers={
        "api": "ApiEnvironment",
        "decisions": "DecisionsEnvironment",
        "feedback_collector": "FeedbackCollectorEnvironment",
        "outcomes": "OutcomesEnvironment",
        "ledger": "LedgerEnvironment",
    },
    commands={
        "outcomes": Command(
            "delivery",
            SCORE,
            "Derive the outcome of every scored decision that is mature by then, from the line's sources.",
        ),
        "decision": Command("decisions", SCORE, "Decisions that need a look, and the story of one."),
        "feedback": Command("feedback", RECORD, "Overrides, outcomes and receipts, into the ledger."),
        "ledger": Command("ledger", RECORD, "Everything that was decided and said, as tables."),
        "performance": Command(
            "feedback",
            RECORD,
            "Judge the delivered predictions by their mature outcomes, beside the prior rate and the one-feature rule.",
        ),
        "dashboard": Command(
            "reporting",
            WATCH,
            "Write one HTML page of how a line stands: decisions, delivery, dead letters, outcomes, performance.",
        ),
        "report": Command(
            "reporting",
            WATCH,
            "Write one HTML page for those who decide once or quarterly: what was decided, what came of it, what goes "
            "along with it.",
        ),
    },
)
THROUGHPUT = Station(
    name="throughput",
    handlers={"event_recorder": "EventRecorderEnvironment"},
    commands={
        "board": Command(
            "board",
            WATCH,
            "Show where time goes: lead time, each station, waiting, work in progress, first-pass yield, rework tax.",
        ),
    },
    measures=True,
)
# In the order of the line.
STATIONS: tuple[Station, ...] = (FEATURES, TRAINING, DELIVERY, FEEDBACK, THROUGHPUT)


def machines() -> dict[str, Machine]:
    """Every machine of the line by its name."""
    return {machine.name: machine for station in STATIONS for machine in station.machines}


def station_of(machine: str) -> Station:
    """The station whose work the executions of a machine are.

    Raises:
        KeyError: no station has such a machine.
    """
    return {each.name: station for station in STATIONS for each in station.machines}[machine]


def commands() -> dict[str, Command]:
    """The commands of every station, in the order of the line."""
    return {name: command for station in STATIONS for name, command in station.commands.items()}
