"""Account-wide choices of one environment, read from `settings/<environment>.toml`."""

from __future__ import annotations

import re
import tomllib
import types
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from assembly_line.errors import DeclarationError

# No hyphen: what is granted on `assembly-line-dev-*` would reach an environment `dev-eu` too.
ENVIRONMENT = re.compile(r"[a-z][a-z0-9]{1,15}")
# What CloudWatch Logs accepts, in days, with CDK's name for it.
RETENTIONS = {
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
    1827: "FIVE_YEARS",
    3653: "TEN_YEARS",
}

# How people sign in to the account, which decides what vouches for the name of their session.
SIGN_INS = ("iam_users", "identity_center", "federation", "unverified")
# A role's name, after the path that it may have.
ROLE = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
# What SageMaker takes for the settings of Studio.
STUDIO = (
    (
        "studio_people",
        re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){1,62}"),
        "a name of 2 to 63 letters, digits or hyphens, under which somebody signs in",
    ),
    ("studio_vpc", re.compile(r"vpc-[0-9a-f]{8,17}"), "the id of a VPC, such as 'vpc-0123456789abcdef0'"),
    ("studio_subnets", re.compile(r"subnet-[0-9a-f]{8,17}"), "the id of a subnet, such as 'subnet-0123456789abcdef0'"),
    ("studio_instances", re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+"), "an instance type, such as 'ml.t3.medium'"),
    ("studio_repository", re.compile(r"https://([.\-_a-zA-Z0-9]+/?){3,64}"), "an address that begins with 'https://'"),
)
ISSUER = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[\w.~/-]*)?", re.ASCII)
# What one function sends to a topic a second, in four calls of ten messages at once.
PUBLISHER_MESSAGES_PER_SECOND = 500
# Beside them, other functions of the account need room.
MOST_PUBLISHERS = 40
# Capacity of one worker in DPUs.
WORKER_TYPES = {"G_1X": 1, "G_2X": 2, "G_4X": 4, "G_8X": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one environment. A setting without a default must stand in its file.

    Args:
        keep_data: whether buckets, tables and keys stay when the stacks are deleted.
        log_retention_days: how long logs are kept: 7, 14, 30, 60, 90, 180, 365, 731, 1827 or 3653 days.
        access_log_days: how long the access logs of the buckets are kept, 1 to 3653 days.
        sign_in: how people sign in to the account, so that nobody reviews under another's name. `iam_users`: the
            session carries the name of the IAM user. `identity_center`: it carries the name of the user in IAM Identity
            Center. `federation`: it carries the source identity that a SAML or OIDC provider gave. `unverified`: any
            identity of the account may use any name.
        batch_window_seconds: how long feedback and station events are gathered before a function is called, 1 to 300.
            Longer is cheaper, shorter is fresher.
        queue_consumers: how many functions work on one queue at once, at most, 2 to 1000. A new account may run ten
            functions at once.
        schedules: whether schedules run: the daily tables of the ledger, and the moments that lines declare for their
            tables and online features.
        mlflow: whether the account has an MLflow app, SageMaker's serverless one, in which every run is recorded.
        federated_roles: the roles of the account that people open by SAML or OIDC, each by its name. A path stands
            before the name, as in `["people/Analysts"]`. Only `sign_in = "federation"` takes them, and needs one.
        studio: whether data scientists get SageMaker Studio. It needs a VPC of yours, and costs while somebody works.
        studio_people: who has a profile in Studio, by the names of their sign-in: letters, digits, hyphens.
        studio_vpc: the VPC of Studio's apps.
        studio_subnets: its subnets.
        studio_isolated: whether all traffic of the apps stays in that VPC, which then needs endpoints. Else they reach
            the internet.
        studio_idle_minutes: after how long an idle app is shut down, 60 to 1440.
        studio_instances: the instance types that an app may have, beginning with the one that is offered.
        studio_repository: the git repository that Studio offers to clone, as an address that begins with `https://`.
        account: the AWS account, twelve digits in quotes. None means the one of the CLI.
        region: the AWS Region, such as `eu-central-1`. None means the one of the CLI.
        alarm_email: the address that receives every alarm. It must confirm the subscription once.
        function_memory_mib: the memory of every function that builds no datasets, 256 to 10240.
        function_scoring_mib: how large a batch a function scores, 0 to 4. A larger one is scored by a transform job.
        outbox_shard_messages: how many messages one call of a function sends, at most, 1 to 10000. A batch of more is
            sent by several calls.
        topic_messages_per_second: how many messages all topics together take a second, 20 to 30000. Say your
            Region's quota for standard topics. The least is 300.
        dataset_memory_mib: the memory of the functions that read sources, and that judge and shape datasets, 512 to
            10240. The plan sends larger datasets to Spark. A new account may not allow more than 3008.
        dataset_storage_mib: the disk of the same functions, 512 to 10240.
        online_days: how long published online features can be read, 1 to 365. Publish again before that.
        query_gib: how much one Athena query may read, 1 to 1000.
        spark_worker_type: the size of a Spark worker: `G_1X`, `G_2X`, `G_4X` or `G_8X`.
        spark_workers: the number of Spark workers of a large dataset, 2 to 299.
        spark_timeout_minutes: the time limit of a large dataset, 5 to 2880.
        people_issuer: who vouches for people that call the API with a JSON Web Token. It is the issuer of an OpenID
            Connect provider, an address that begins with `https://`. They call the routes of deciders below
            `/people`. None means that every caller signs.
        people_audience: for whom these tokens are: the client id that the provider gave to the API.
        api_requests_per_second: how many requests the API answers a second, on average.
        api_burst: how many requests the API answers at once.
    """

    keep_data: bool
    log_retention_days: int
    access_log_days: int
    sign_in: str
    batch_window_seconds: int
    queue_consumers: int = 2
    schedules: bool = True
    mlflow: bool = False
    federated_roles: tuple[str, ...] = ()
    studio: bool = False
    studio_people: tuple[str, ...] = ()
    studio_vpc: str | None = None
    studio_subnets: tuple[str, ...] = ()
    studio_isolated: bool = True
    studio_idle_minutes: int = 60
    studio_instances: tuple[str, ...] = ("ml.t3.medium", "ml.t3.xlarge", "ml.m5.xlarge")
    studio_repository: str | None = None
    account: str | None = None
    region: str | None = None
    alarm_email: str | None = None
    function_memory_mib: int = 1024
    function_scoring_mib: int = 4
    outbox_shard_messages: int = 10_000
    topic_messages_per_second: int = 300
    dataset_memory_mib: int = 3008
    dataset_storage_mib: int = 4096
    online_days: int = 14
    query_gib: int = 10
    spark_worker_type: str = "G_1X"
    spark_workers: int = 4
    spark_timeout_minutes: int = 120
    people_issuer: str | None = None
    people_audience: str | None = None
    api_requests_per_second: int = 20
    api_burst: int = 40

    def __post_init__(self) -> None:
        _require(
            self.log_retention_days in RETENTIONS,
            f"log_retention_days {self.log_retention_days}: expected one of {', '.join(map(str, RETENTIONS))}",
        )
        _require(self.sign_in in SIGN_INS, f"sign_in {self.sign_in!r}: expected one of {', '.join(SIGN_INS)}")
        self._check_federated_roles()
        self._check_studio()
        _require(
            (self.people_issuer is None) is (self.people_audience is None),
            "people_issuer and people_audience: expected both, or none",
        )
        _require(
            self.people_issuer is None or bool(ISSUER.fullmatch(self.people_issuer)),
            f"people_issuer {self.people_issuer!r}: expected an address that begins with 'https://'",
        )
        _require(
            self.spark_worker_type in WORKER_TYPES,
            f"spark_worker_type {self.spark_worker_type!r}: expected one of {', '.join(WORKER_TYPES)}",
        )
        for name, least, most in (
            ("access_log_days", 1, 3653),
            ("batch_window_seconds", 1, 300),
            ("queue_consumers", 2, 1000),
            ("studio_idle_minutes", 60, 1440),
            ("function_memory_mib", 256, 10240),
            ("function_scoring_mib", 0, 4),
            ("outbox_shard_messages", 1, 10_000),
            ("topic_messages_per_second", 20, 30_000),
            ("dataset_memory_mib", 512, 10240),
            ("dataset_storage_mib", 512, 10240),
            ("online_days", 1, 365),
            ("query_gib", 1, 1000),
            ("spark_workers", 2, 299),
            ("spark_timeout_minutes", 5, 2880),
            ("api_requests_per_second", 1, 10000),
            ("api_burst", 1, 5000),
        ):
            value = getattr(self, name)
            _require(least <= value <= most, f"{name} {value}: expected {least} to {most}")
        _require(
            self.account is None or bool(re.fullmatch(r"\d{12}", self.account)),
            f"account {self.account!r}: expected twelve digits in quotes",
        )

    def _check_federated_roles(self) -> None:
        given, federation = list(self.federated_roles), self.sign_in == "federation"
        expected = "at least one role that people open by SAML or OIDC" if federation else "none"
        _require(bool(given) is federation, f"federated_roles {given}: sign_in {self.sign_in!r} expects {expected}")
        for role in given:
            _require(
                bool(ROLE.fullmatch(role)),
                f"federated_roles {role!r}: expected the name of a role in the account, after its path if it has one",
            )

    def _check_studio(self) -> None:
        needed = {name: getattr(self, name) for name in ("studio_people", "studio_vpc", "studio_subnets")}
        for name, value in needed.items():
            expected = "a value, as studio is true" if self.studio else "none, as studio is false"
            _require(bool(value) is self.studio, f"{name} {value!r}: expected {expected}")
        for name, pattern, words in STUDIO:
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else filter(None, [value]):
                _require(bool(pattern.fullmatch(one)), f"{name} {one!r}: expected {words}")
        _require(bool(self.studio_instances), "studio_instances []: expected at least one type, such as 'ml.t3.medium'")

    @property
    def publishers(self) -> int:
        """How many functions send one outbox at once: as many as the topics keep busy."""
        return min(MOST_PUBLISHERS, -(-self.topic_messages_per_second // PUBLISHER_MESSAGES_PER_SECOND))

    @property
    def spark_dpus(self) -> int:
        """What a large dataset is billed by: the capacity of all workers."""
        return self.spark_workers * WORKER_TYPES[self.spark_worker_type]


def load_settings(folder: Path, environment: str) -> Settings:
    """Read `<folder>/<environment>.toml`.

    Raises:
        DeclarationError: there is no such environment, or a setting is missing, unknown, or of a wrong type or range.
    """
    if not ENVIRONMENT.fullmatch(environment):
        raise DeclarationError(f"environment {environment!r}: expected 2 to 16 lower-case letters or digits")
    file = folder / f"{environment}.toml"
    known = ", ".join(sorted(path.stem for path in folder.glob("*.toml")))
    if not file.is_file():
        raise DeclarationError(f"environment {environment!r} has no {file}; there are: {known}")
    try:
        return Settings(**_checked(tomllib.loads(file.read_text(encoding="utf-8"))))
    except (DeclarationError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(f"{file}: {error}") from error


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    kinds = get_type_hints(Settings)
    required = [field.name for field in fields(Settings) if field.default is MISSING]
    for name, value in values.items():
        _require(name in kinds, f"unknown setting {name}; there are {', '.join(kinds)}")
        kind = kinds[name]
        if kind == tuple[str, ...]:
            texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
            _require(texts, f"{name} = {value!r}: expected a list of texts in quotes")
            continue
        allowed = kind.__args__ if isinstance(kind, types.UnionType) else (kind,)
        _require(type(value) in allowed, f"{name} = {value!r}: expected {_named(allowed)}")
    missing = [name for name in required if name not in values]
    _require(not missing, f"missing: {', '.join(missing)}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _named(kinds: tuple[type, ...]) -> str:
    names = {bool: "true or false", int: "a whole number", str: "a text in quotes"}
    return " or ".join(names[kind] for kind in kinds if kind in names)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise DeclarationError(message)
