"""A training run step by step: the handlers for real; in place of SageMaker's jobs, what these would have written."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assembly_line.names import line_resource, run_prefix
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.services.objects import ObjectStore
from lambdas.champions import handler as champions
from lambdas.review import handler as review
from lambdas.training import handler as training

LINE = "coupon_redemption"
DATASET = "a" * 64
GROUP = line_resource("test", LINE)
AUTHOR = "arn:aws:sts::123456789012:assumed-role/Scientist/anna"
REVIEWER = "arn:aws:sts::123456789012:assumed-role/Reviewer/ben"
STARTED = "2026-11-22T10:00:00.000000Z"


class Context:
    """What Lambda hands to a function beside its event."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "request"


def call(handler: Callable[[Any, Any], dict[str, Any]], event: dict[str, Any]) -> dict[str, Any]:
    return handler(event, Context())


@dataclass
class RunSoFar:
    """One execution: what its states have answered so far, by the names that the machine uses."""

    store: ObjectStore
    control: ControlTable
    dataset: dict[str, Any]
    run_id: str
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        return run_prefix(LINE, self.run_id)

    @property
    def judged(self) -> str:
        return f"{self.prefix}judged/"

    @property
    def event(self) -> dict[str, Any]:
        return {"dataset": self.dataset, **self.answers}

    def begin(self, **request: Any) -> dict[str, Any]:
        content = {"line": LINE, "as_of": "2017-07-01", **request}
        event = {"run_id": self.run_id, "input": content, "started_at": STARTED}
        answer = self.answers["context"] = call(training.begin, event)
        return answer

    def prepare(self, phase: str = "judged") -> dict[str, Any]:
        if "context" not in self.answers:
            self.begin()
        answer = self.answers["prepared"] = call(training.prepare, {**self.event, "phase": phase})
        return answer

    def write_artifact(self, files: dict[str, bytes]) -> str:
        """What a completed training job leaves, and where it says it is."""
        prepared = self.answers["prepared"]
        uri = f"{prepared['output_uri']}/{prepared['job_name']}/output/model.tar.gz"
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
        self.store.write(self.store.key_of(uri), content.getvalue())
        return uri

    def package(self, files: dict[str, bytes] | None = None, *, phase: str = "judged") -> dict[str, Any]:
        if "prepared" not in self.answers:
            self.prepare()
        uri = self.write_artifact(files or {"model.json": f'{{"trees":"{phase}"}}'.encode()})
        event = {**self.event, "phase": phase, "model_artifact": uri}
        answer = self.answers["packaged"] = call(training.package, event)
        return answer

    def batch(self) -> list[list[str]]:
        """The holdout's input, field by field."""
        key = self.store.key_of(self.answers["prepared"]["holdout_input_uri"]) + "batch.csv"
        return [row.split(",") for row in self.store.read(key).decode().splitlines()]

    def write_scores(self, lines: list[str]) -> None:
        """What a completed transform job leaves: the decision id and the score of each row."""
        key = self.store.key_of(self.answers["prepared"]["holdout_output_uri"]) + "/batch.csv.out"
        self.store.write(key, "".join(f"{line}\n" for line in lines).encode())

    def evaluate(self, lines: list[str] | None = None, *, phase: str = "judged") -> dict[str, Any]:
        if "packaged" not in self.answers:
            self.package()
        # The second field grows with what decides the outcome in this dataset.
        self.write_scores(lines or [f"{row[0]},{float(row[1]) / 10}" for row in self.batch()])
        answer = self.answers["evaluated"] = call(training.evaluate, {**self.event, "phase": phase})
        return answer

    def fit_side_by_side(self) -> str:
        """Both fits up to their archives, as the machine leaves them; the name of the final one's model."""
        self.prepare("final")
        final = str(self.package(phase="final")["model_name"])
        self.prepare()
        self.package()
        return final

    def fit_finally(self) -> None:
        """After the judged fit is evaluated: the final one, up to its archive."""
        if "evaluated" not in self.answers:
            self.evaluate()
        self.prepare("final")
        self.package(phase="final")

    def register(self, lines: list[str] | None = None) -> dict[str, Any]:
        self.fit_finally()
        return self.evaluate(lines, phase="final")

    def request_review(self, *, token: str = "first") -> dict[str, Any]:  # noqa: S107 - of a task, not of a person
        if self.answers.get("evaluated", {}).get("model_package_arn") is None:
            self.register()
        call(review.request, {**self.event, "task_token": token})
        return self.control.review(LINE, self.run_id)

    def conclude(self) -> dict[str, Any]:
        """The judgement takes effect, and what the machine does next: the run becomes champion."""
        said = {"decision": "approve", "reviewer": AUTHOR, "reason": "-"}
        concluded = call(review.conclude, {**self.event, "review": said})
        del concluded["reason"]  # what the station event says
        promotion = self.answers["promotion"] = concluded.pop("promotion")
        return {**concluded, **(call(champions.handle, promotion) if promotion else {})}
