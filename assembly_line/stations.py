"""The registry of stations: a new station is an entry here and a package of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from assembly_line.environments import (
    ApiEnvironment,
    DatasetEnvironment,
    Environment,
    EventRecorderEnvironment,
    FeedbackCollectorEnvironment,
    OnlineEnvironment,
    OutcomesEnvironment,
    ReviewEnvironment,
    ScoringEnvironment,
    TrainingEnvironment,
)

if TYPE_CHECKING:
    from assembly_line.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A state machine of a station.

    Args:
        request: the model in `assembly_line.requests` of what it takes.
        jobs: the service whose jobs its runs start, beside functions.
    """

    name: str
    request: str
    jobs: Literal["glue", "sagemaker"] | None = None

    @property
    def parameter(self) -> str:
        """The SSM parameter that holds its ARN."""
        return f"{self.name}-machine"

    @property
    def request_model(self) -> type[Request]:
        """Imported when asked for: the models cost a command that starts nothing 60 ms."""
        from assembly_line import requests

        model: type[Request] = getattr(requests, self.request)
        return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One stage of the line.

    Args:
        name: the word of its events, and of the board.
        handlers: package in `lambdas` -> the contract of its functions.
        commands: command -> the module in `cli/commands` that registers it.
        measures: it measures the other stations, and takes no part in the work.
    """

    name: str
    machines: tuple[Machine, ...] = ()
    handlers: Mapping[str, type[Environment]] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    measures: bool = False


DATASET = Machine(name="dataset", request="DatasetRequest", jobs="glue")
ONLINE = Machine(name="online", request="OnlineRequest")
TRAINING_RUN = Machine(name="training", request="TrainingRequest", jobs="sagemaker")
SCORING = Machine(name="scoring", request="ScoringRequest", jobs="sagemaker")
OUTCOMES = Machine(name="outcomes", request="OutcomesRequest")

FEATURES = Station(
    name="features",
    machines=(DATASET, ONLINE),
    handlers={"dataset": DatasetEnvironment, "dataset_request": DatasetEnvironment, "online": OnlineEnvironment},
    commands={"sources": "data", "features": "features", "dataset": "data", "tables": "tables"},
)
TRAINING = Station(
    name="training",
    machines=(TRAINING_RUN,),
    handlers={"training": TrainingEnvironment, "review": ReviewEnvironment},
    commands={"train": "training", "review": "training", "champion": "training"},
)
DELIVERY = Station(
    name="delivery",
    machines=(SCORING,),
    handlers={"scoring": ScoringEnvironment},
    commands={"score": "delivery"},
)
FEEDBACK = Station(
    name="feedback",
    machines=(OUTCOMES,),
    handlers={
        "api": ApiEnvironment,
        "feedback_collector": FeedbackCollectorEnvironment,
        "outcomes": OutcomesEnvironment,
    },
    commands={"outcomes": "delivery", "decision": "decisions", "feedback": "feedback", "performance": "feedback"},
)
THROUGHPUT = Station(
    name="throughput",
    handlers={"event_recorder": EventRecorderEnvironment},
    commands={"board": "board"},
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


def commands() -> dict[str, str]:
    """The commands of every station, in the order of the line."""
    return {command: module for station in STATIONS for command, module in station.commands.items()}
