"""The AWS that a command acts on: clients, and what the stacks published there. An account or the embedded one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.cli.aws_sessions import new_session
from assembly_line.cli.session import EMBEDDED
from assembly_line.errors import NotPermitted, RequestRefused, TargetUnreachable
from assembly_line.names import Parameter
from assembly_line.storage import Account, Parameters

if TYPE_CHECKING:
    from botocore.session import Session

    from assembly_line.cli.api import Api

ROLES = {
    "scientist": Parameter.SCIENTIST_ROLE,
    "reviewer": Parameter.REVIEWER_ROLE,
    "decider": Parameter.DECIDER_ROLE,
}
PERSISTENT = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=60)
# The SageMaker control plane of the embedded AWS answers faults with 500: trying again only hides them.
ONCE = Config(retries={"mode": "standard", "max_attempts": 1}, connect_timeout=5, read_timeout=60)
MACHINE_ACCOUNT = re.compile(r"\barn:[\w-]+:states:[\w-]+:(\d{12}):stateMachine:")
# What a session may be called.
NAMED = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
API_ID = re.compile(r"(?:execute-api/|//)([a-z0-9]+)(?:\.execute-api\.|/|$)")


class Target(Account):
    """Where a command acts: an account whose names the stacks published.

    Args:
        endpoints: service -> URL, and `""` -> URL of every other service; empty in an account.
    """

    def __init__(
        self, *, environment: str, session: Session, where: str = "", endpoints: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            environment,
            new_client=lambda service: session.create_client(service, **self._access(service)),
            named=self._published,
        )
        self.session, self.where, self.endpoints = session, where, dict(endpoints or {})

    @property
    def embedded(self) -> bool:
        return bool(self.endpoints)

    @property
    def region(self) -> str:
        return str(self.session.get_config_variable("region"))

    @cached_property
    def parameters(self) -> Parameters:
        return Parameters(self.client("ssm"), self.environment)

    def queue_url(self, published: str) -> str:
        """A queue's URL as it is reached from here: the embedded AWS may listen on another port than it did."""
        return f"{self.endpoints['']}{urlsplit(published).path}" if self.embedded else published

    def api(self, role: str | None) -> Api:
        """The line's API, with calls signed by the caller, or by one of the environment's roles."""
        from assembly_line.cli.api import Api

        # Who asks comes first: a role that does not exist is refused before anything is called.
        credentials = self._credentials(role)
        return Api(self._api_url(), credentials, self.region)

    def variables(self, role: str | None) -> dict[str, str]:
        """The variables by which AWS's own tools and libraries act here as the caller, or as one of the roles."""
        found = self._credentials(role)
        token = {"AWS_SESSION_TOKEN": found.token} if found.token else {}
        addresses = {f"AWS_ENDPOINT_URL_{name.upper()}".rstrip("_"): url for name, url in self.endpoints.items()}
        return {
            "AWS_ACCESS_KEY_ID": found.access_key,
            "AWS_SECRET_ACCESS_KEY": found.secret_key,
            **token,
            "AWS_DEFAULT_REGION": self.region,
            **addresses,
        }

    def _credentials(self, role: str | None) -> Any:
        credentials = self.assume(role) if role else self.session.get_credentials()
        if credentials is None:
            raise TargetUnreachable("no AWS credentials were found; choose them with --profile or AWS_PROFILE")
        return credentials.get_frozen_credentials()

    def assume(self, role: str) -> Any:
        """Credentials of a role of this environment. The session carries who asked: the user's own name in an account.

        Args:
            role: its name. In the embedded AWS, where one person plays all parts, a name may follow: `reviewer/ben`.

        Raises:
            RequestRefused: there is no such role, or the name is not the caller's to choose.
            NotPermitted: the caller may not take it, or not under this name.
        """
        from botocore.credentials import Credentials

        role, _, person = role.partition("/")
        if role not in ROLES:
            raise RequestRefused(
                f"--as {role!r}: there is no such role; there are {', '.join(ROLES)}",
                where="--as",
                value=repr(role),
                expected=f"one of {', '.join(ROLES)}",
            )
        if person and not (self.embedded and NAMED.fullmatch(person)):
            raise RequestRefused.about(
                f"--as {role}",
                repr(person),
                "a name of 2 to 64 letters, digits or any of +=,.@-, in the embedded AWS alone",
                "in an account, a session carries your own name",
            )
        name = (person or role) if self.embedded else self._user()
        arn = self.parameters.value(ROLES[role])
        try:
            found = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            raise NotPermitted(
                f"--as {role}: AWS lets {self.caller()} take no session {name!r} of {arn}: your permissions or the "
                f"role's trust policy do not allow it; `line --environment {self.environment} doctor` looks at the way "
                "in which you sign in"
            ) from error
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    @property
    def account_id(self) -> str:
        """From the state machines that the stacks published, which most commands read anyway; else AWS is asked."""
        try:
            published = " ".join(self.parameters.all.values())
        except ClientError:  # such as a caller who may not read them
            published = ""
        found = MACHINE_ACCOUNT.search(published)
        return found.group(1) if found else self.caller().split(":")[4]

    def caller(self) -> str:
        """ARN of whose credentials these are."""
        return str(self.client("sts").get_caller_identity()["Arn"])

    def _user(self) -> str:
        return re.sub(r"[^\w+=,.@-]", "-", self.caller().rsplit("/", 1)[-1].rsplit(":", 1)[-1])[:64]

    def _api_url(self) -> str:
        published = self.parameters.value(Parameter.API_URL).rstrip("/")
        if not self.embedded:
            return published
        found = API_ID.search(published)
        if found is None:
            raise TargetUnreachable(f"the parameter {Parameter.API_URL} holds {published!r}, not an API's address")
        return f"{self.endpoints['']}/_aws/execute-api/{found.group(1)}/$default"

    def _published(self, parameter: str) -> str:
        return self.parameters.value(parameter)

    def _access(self, service: str) -> dict[str, Any]:
        if not self.embedded:
            return {"config": PERSISTENT}
        url = self.endpoints.get(service, self.endpoints[""])
        return {"endpoint_url": url, "config": ONCE if service == "sagemaker" else PERSISTENT}


def embedded_target(state: Path) -> Target:
    """The embedded AWS of a state folder.

    Raises:
        EmbeddedAwsError: it does not run; the message names the command that starts it.
    """
    from assembly_line.embedded import ACCESS_KEY, REGION, SECRET_KEY, running

    runtime = running(state)
    session = new_session(region=REGION)
    session.set_credentials(ACCESS_KEY, SECRET_KEY)
    return Target(
        environment=EMBEDDED,
        session=session,
        where=f"the embedded AWS at {runtime.endpoint_url}",
        endpoints={"": runtime.endpoint_url, "sagemaker": runtime.sagemaker_url},
    )


def account_target(environment: str, *, region: str | None, profile: str | None) -> Target:
    """An environment in an AWS account, found by the usual chain of credentials.

    Raises:
        TargetUnreachable: no Region, no credentials, or the account does not answer.
    """
    try:
        session = new_session(profile=profile, region=region)
        if session.get_config_variable("region") is None:
            raise TargetUnreachable(f"environment {environment!r}: no Region is set; use --region or AWS_REGION")
        target = Target(environment=environment, session=session)
        target.where = f"environment {environment} in account {target.account_id}, {target.region}"
    except (BotoCoreError, ClientError) as error:
        raise TargetUnreachable(
            f"environment {environment!r}: {error}; choose credentials with --profile, or leave --environment out "
            "for the embedded AWS"
        ) from error
    return target
