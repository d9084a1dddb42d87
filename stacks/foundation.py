"""The foundation: key, buckets, control table, event bus, alarms, and the roles that people take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Environment, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from assembly_line.errors import DeclarationError
from assembly_line.names import Folder, Parameter, stack_name
from stacks.constructs.access.people import People
from stacks.constructs.alarms import Alarms
from stacks.constructs.data.access_logs import AccessLogs
from stacks.constructs.data.control_table import ControlTable
from stacks.constructs.data.data_bucket import DataBucket
from stacks.constructs.data.data_key import DataKey
from stacks.constructs.parameters import Parameters
from stacks.settings import Settings

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What every stack of an environment knows: its name, its settings, the Lambda layers (archives or folders).

    Args:
        serving_layer: of the function that serves models.
        tracking_layer: of the function that records runs in MLflow, where the setting asks for it.
    """

    environment: str
    settings: Settings
    layer: Path
    serving_layer: Path
    tracking_layer: Path | None = None

    def __post_init__(self) -> None:
        if self.settings.mlflow and self.environment == EMBEDDED:
            raise DeclarationError(
                "mlflow = true: expected false in the embedded AWS, which has no MLflow app; `line up` and "
                "`line runs open` start MLflow on this machine"
            )
        if self.settings.mlflow and (self.tracking_layer is None or not _holds_packages(self.tracking_layer)):
            raise DeclarationError(
                f"mlflow = true: {self.tracking_layer} is no archive of packages: few need the packages of the "
                "function that records runs, so no other target fetches them; run `tools/install.sh tracking`"
            )
        for layer in (self.layer, self.serving_layer):
            if not _holds_packages(layer):
                raise DeclarationError(
                    f"{layer} is no archive of packages and holds no python/ folder: the functions' packages are "
                    "fetched by the installation; run "
                    "`make synth`, or `tools/install.sh demo` and then this command again"
                )
        if self.settings.studio and self.environment == EMBEDDED:
            raise DeclarationError(
                "studio = true: expected false in the embedded AWS, which has no Studio; open the notebook on this "
                "machine"
            )

    def stack_id(self, name: str) -> str:
        return stack_name(self.environment, name)

    @property
    def place(self) -> Environment:
        return Environment(account=self.settings.account, region=self.settings.region)


def _holds_packages(layer: Path) -> bool:
    return layer.is_file() or (layer / "python").is_dir()


class FoundationStack(Stack):
    """Exposes what all other stacks use: `key`, `lake`, `store`, `ledger`, `control`, `champions` and so on."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, deployment.stack_id("Foundation"), env=deployment.place)
        self.deployment = deployment
        settings = deployment.settings
        kept = RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY
        self.key = DataKey(self, "DataKey", removal_policy=kept).key
        logs = AccessLogs(self, "AccessLogs", days=settings.access_log_days, removal_policy=kept).bucket
        self.lake, self.ledger = (
            DataBucket(self, id_, key=self.key, access_logs=logs, removal_policy=kept, remade=remade)
            for id_, remade in (("Lake", ()), ("Ledger", (Folder.TABLES,)))
        )
        self.store = DataBucket(
            self,
            "Store",
            key=self.key,
            access_logs=logs,
            removal_policy=kept,
            remade=(Folder.TABLES,),
            passing=(Folder.QUERIES,),
        )
        self.control, self.champions = (
            ControlTable(self, id_, key=self.key, keep=settings.keep_data) for id_ in ("Control", "Champions")
        )
        # Without a policy of its own, so that only this account's identities may put events.
        self.bus = events.EventBus(self, "Bus", description="Station events of the assembly line")
        self.alarms = Alarms(self, "Alarms", key=self.key, email=settings.alarm_email)
        self.people = People(self, "People", sign_in=settings.sign_in, federated_roles=settings.federated_roles)
        if settings.studio:
            self.people.trust_studio()
        self._let_people_look()
        self._export_for_lines()
        Parameters(self, environment=deployment.environment, values=self._parameters())

    def _let_people_look(self) -> None:
        """Scientists read results, reviewers what a run rests on; nobody writes past the stations."""
        people, environment = self.people, self.deployment.environment
        people.let_look_up(environment)
        people.let_read_logs(environment)
        self.lake.grant_read(people.scientist, Folder.SNAPSHOTS, Folder.SOURCES)
        self.store.grant_read(
            people.scientist, Folder.RELEASES, Folder.DATASETS, Folder.RUNS, Folder.SCORING, Folder.TABLES
        )
        self.ledger.grant_read(people.scientist, Folder.LEDGER, Folder.TABLES, Folder.STATION_EVENTS)
        for table in (self.control, self.champions):
            table.grant_read(people.scientist)
        self.store.grant_read(people.reviewer, Folder.RELEASES, Folder.DATASETS, Folder.RUNS)

    def _export_for_lines(self) -> None:
        """What a LineStack imports is exported whether there is a line or not, so that the last line can go too."""
        for value in (self.key.key_arn, self.store.bucket.bucket_arn, self.alarms.topic.topic_arn):
            self.export_value(value)

    def _parameters(self) -> dict[str, str]:
        return {
            Parameter.LAKE_BUCKET: self.lake.name,
            Parameter.STORE_BUCKET: self.store.name,
            Parameter.LEDGER_BUCKET: self.ledger.name,
            Parameter.CONTROL_TABLE: self.control.name,
            Parameter.CHAMPION_TABLE: self.champions.name,
            Parameter.EVENT_BUS: self.bus.event_bus_name,
            Parameter.ALARM_TOPIC: self.alarms.topic.topic_arn,
            Parameter.DATA_KEY: self.key.key_arn,
            Parameter.SCIENTIST_ROLE: self.people.scientist.role_arn,
            Parameter.REVIEWER_ROLE: self.people.reviewer.role_arn,
            Parameter.DECIDER_ROLE: self.people.decider.role_arn,
        }
