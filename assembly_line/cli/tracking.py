"""Runs into MLflow, and its page: where they go, for the environment that a command acts on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from assembly_line.errors import TargetUnreachable
from assembly_line.names import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assembly_line.cli.session import Session

# The runs of an experiment as training shows them: MLflow's own default is the view of conversations with a model.
RUNS = "/#/experiments/{experiment}/runs?workflowType=machine_learning"
# How long the address of SageMaker's page can be opened, and how long a browser stays signed in, in seconds.
ADDRESS_SECONDS, SIGNED_IN_SECONDS = 300, 14_400


def record(session: Session, line: str | None, to: str | None = None) -> dict[str, Any]:
    """Record the runs of one line, or of all.

    Returns:
        `to`, the tracking URI; `runs`: line -> run -> what became of it; `experiments`: line -> id, where it has runs.

    Raises:
        NotFound: the line was never released, or MLflow is not installed.
        TargetUnreachable: MLflow does not answer.
    """
    from assembly_line.connectors.mlflow_runs import MlflowRuns
    from assembly_line.training import record_in

    target, profile = session.target, session.options.profile
    if profile is not None:
        # MLflow and its plugin look for credentials by themselves.
        os.environ["AWS_PROFILE"] = profile
    lines = target.control.lines() if line is None else [line]
    uri, files = _place(session, to)
    tracker = MlflowRuns(uri, artifacts=files)
    kept = {name: record_in(target, name, tracker) for name in lines}
    experiments = {name.rpartition("/")[2]: identifier for name, identifier in tracker.experiments.items()}
    return {"to": uri, "runs": kept, "experiments": experiments}


def show(session: Session, found: Mapping[str, Any], port: int | None) -> dict[str, Any]:
    """Where the recorded runs are seen: on SageMaker's page, or on that of a server on this machine.

    Returns:
        `page`, its address; `pages`: line -> address of its runs; `stop`: the command that ends the server.
    """
    from assembly_line.embedded import open_page

    app = _app(session)
    if app is not None:
        made = session.target.client("sagemaker").create_presigned_mlflow_app_url(
            Arn=app, ExpiresInSeconds=ADDRESS_SECONDS, SessionExpirationDurationInSeconds=SIGNED_IN_SECONDS
        )
        return {"page": made["AuthorizedUrl"], "pages": {}, "stop": None}
    url = open_page(session.state, port=port).url
    _tell(session, url)
    pages = {line: url + RUNS.format(experiment=identifier) for line, identifier in found["experiments"].items()}
    return {"page": url, "pages": pages, "stop": f"line{'' if session.embedded else ' --environment embedded'} down"}


def begin(session: Session) -> str | None:
    """Start MLflow beside the embedded AWS, where its runs are recorded from then on.

    Returns:
        Its address, at which it answers some seconds later; None where MLflow is not installed.
    """
    from assembly_line.embedded import has_mlflow, open_page

    if not has_mlflow():
        session.target.parameters.withdraw(Parameter.MLFLOW_APP)
        return None
    url = open_page(session.state, wait=False).url
    _tell(session, url)
    return url


def _tell(session: Session, url: str) -> None:
    """Let the function that records runs know where MLflow is."""
    if session.embedded:
        session.target.parameters.publish(Parameter.MLFLOW_APP, url)


def _place(session: Session, to: str | None) -> tuple[str, Path | None]:
    """The tracking URI, and where files go if the database is on this machine and no server is installed."""
    from assembly_line.embedded import has_mlflow, mlflow_store, open_page

    if (elsewhere := to or _app(session)) is not None:
        return elsewhere, None
    if not has_mlflow():
        return mlflow_store(session.state)
    # Not the database: the files of a run that the server recorded are reached through the server alone.
    url = open_page(session.state).url
    _tell(session, url)
    return url, None


def _app(session: Session) -> str | None:
    """ARN of the environment's MLflow app, if the setting `mlflow` makes one."""
    if session.embedded:
        return None
    try:
        return session.target.named(Parameter.MLFLOW_APP)
    except TargetUnreachable:
        return None
