"""A run as an experiment tracker takes it: parameters, figures, tags and files, made of what the line keeps alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from assembly_line.canonical import digest, digest_bytes
from assembly_line.errors import NotFound
from assembly_line.instants import parse_instant, to_micros
from assembly_line.training.page.packet_page import packet_page
from assembly_line.training.review import UNKNOWN

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
# States of `history` that are not those of a run that trained to its end.
STATUSES: Mapping[str, Status] = {
    "running": "RUNNING",
    "failed": "FAILED",
    "timed out": "FAILED",
    "aborted": "KILLED",
}
RUN, REVIEW = "run.json", "review.json"
PAID = "paid_seconds"
# What a tracker allows in a name, without the slash that would make folders of it.
_STRANGE = re.compile(r"[^\w.\- :]")
_OF_THE_REVIEW = ("reviewer", "decision", "reason", "decided_at", "author_verified", "risk")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """One run for a tracker.

    Args:
        key: environment, line and run: equal for what is the same run.
        experiment: environment and line.
        name: the run's id.
        params: text by name. A name with a dot is the line's, others are hyperparameters.
        metrics: finite figures by name.
        tags: text by name; among them the figures that are not computable or not finite.
        notes: what a reviewer should not overlook, one sentence each.
        dataset_id, dataset_rows: None where no dataset was built.
        started, ended: microseconds since 1970; None where unknown.
        files: name -> content.
    """

    key: str
    experiment: str
    name: str
    status: Status
    author: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    notes: tuple[str, ...]
    dataset_id: str | None
    dataset_rows: int | None
    started: int | None
    ended: int | None
    files: Mapping[str, bytes]

    @property
    def pages(self) -> dict[str, bytes]:
        """The review as a page with its plots, drawn from the files when they are written; none where nothing draws."""
        review = json.loads(self.files.get(REVIEW, b"{}"))
        if "decision" not in review.get("packet", {}):  # a review of an earlier version
            return {}
        try:
            return {"review.html": packet_page(review).encode()}
        except NotFound:
            return {}

    @property
    def forgotten(self) -> bool:
        """Whether nobody knows any more how it ended: an earlier recording may have known."""
        return self.tags.get("run.state") == UNKNOWN

    @property
    def paid(self) -> dict[str, float]:
        """The metrics that say how long its jobs were paid for; empty for a recorder who may not see jobs."""
        return {name: value for name, value in self.metrics.items() if name.split(".")[0] == PAID}

    @property
    def digest(self) -> str:
        """Changes with anything that the tracker would be told, but for what only some recorders may see: `paid`."""
        files = {name: digest_bytes(content) for name, content in self.files.items()}
        seen = {name: value for name, value in self.metrics.items() if name not in self.paid}
        return digest({**asdict(replace(self, metrics=seen, files={})), "files": files})


def experiment_of(environment: str, line: str) -> str:
    return f"{environment}/{line}"


def key_of(environment: str, line: str, run_id: str) -> str:
    """By this a tracker finds a run again."""
    return f"{experiment_of(environment, line)}/{run_id}"


def tracked(
    environment: str,
    line: str,
    found: Mapping[str, Any],
    *,
    record: Mapping[str, Any] | None,
    review: Mapping[str, Any] | None,
    seconds: Mapping[str, int],
    ended: str | None,
    files: Mapping[str, bytes],
) -> TrackedRun:
    """A run of `history` as a tracker takes it.

    Args:
        found: of `history`: `run_id`, `state`, `author`, `asked_at`.
        record: the run's; None where its training did not end well, or goes on.
        review: as others may see it; None without one.
        seconds: step and attempt -> how long its instance was paid for.
        ended: the instant at which it had trained, or failed; None where unknown.
        files: name -> content.
    """
    known = record or {}
    told = dict(_leaves("", _at(known, "evaluation.metrics") or {}))
    told |= dict(_leaves("validation", known.get("validation") or {}))
    told |= _sizes(known) | _paid(seconds)
    metrics = {_legal(name): float(value) for name, value in told.items() if _is_figure(value)}
    beside = {f"figure.{_legal(name)}": _text(value) for name, value in told.items() if not _is_figure(value)}
    started = _at(known, "context.started_at") or found["asked_at"]
    return TrackedRun(
        key=key_of(environment, line, found["run_id"]),
        experiment=experiment_of(environment, line),
        name=found["run_id"],
        status=STATUSES.get(found["state"]) or ("FINISHED" if record else "FAILED"),
        author=(found["author"] or "").rsplit("/", 1)[-1],
        params=_params(known),
        metrics=metrics,
        tags=_tags(found, known, review or {}) | beside,
        notes=tuple(_at(review or {}, "packet.notes") or ()),
        dataset_id=_at(known, "dataset.dataset_id"),
        dataset_rows=_at(known, "dataset.rows"),
        started=_micros(started),
        ended=_micros(ended),
        files=files,
    )


def _params(record: Mapping[str, Any]) -> dict[str, str]:
    named = {
        "request.as_of": "context.as_of",
        "release.digest": "release",
        "dataset.id": "dataset.dataset_id",
        "dataset.engine": "dataset.engine",
        "image.framework": "image.framework",
        "image.version": "image.version",
        "split.holdout_from": "split.holdout_from",
        "training.instance": "instance.type",
        "scoring.instance": "instance.transform_type",
    }
    hyperparameters = _at(record, "context.hyperparameters") or {}
    return {_legal(name): _text(value) for name, value in hyperparameters.items()} | _those(record, named)


def _tags(found: Mapping[str, Any], record: Mapping[str, Any], review: Mapping[str, Any]) -> dict[str, str]:
    scripts = {f"script.{name}": digest for name, digest in (record.get("scripts") or {}).items()}
    versions = {f"measured_with.{name}": found for name, found in (record.get("measured_with") or {}).items()}
    named = {
        "image.uri": "image.uri",
        "model.judged": "judged.archive.digest",
        "model.delivered": "delivered.archive.digest",
        "model.package": "evaluation.model_package_arn",
        "encoding.delivered": "delivered.encoding",
    }
    judged = {f"review.{name}": review[name] for name in _OF_THE_REVIEW if review.get(name) is not None}
    told = {"run.state": found["state"], "run.author": found["author"], **scripts, **versions, **judged}
    return {_legal(name): _text(value) for name, value in told.items() if value is not None} | _those(record, named)


def _sizes(record: Mapping[str, Any]) -> dict[str, Any]:
    named = {
        "rows.delivered": "delivered.rows",
        "rows.judged": "judged.rows",
        "rows.holdout": "split.holdout_rows",
        "rows.purged": "split.purged_rows",
    }
    return {name: value for name, path in named.items() if (value := _at(record, path)) is not None}


def _paid(seconds: Mapping[str, int]) -> dict[str, int]:
    """The whole, and each of its jobs."""
    each = {f"{PAID}.{job}": paid for job, paid in seconds.items()}
    return {PAID: sum(seconds.values()), **each} if seconds else {}


def _those(record: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, str]:
    return {name: _text(value) for name, path in named.items() if (value := _at(record, path)) is not None}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Figures and words of a document by their path; an interval as its two ends, and tables left out."""
    match value:
        case Mapping():
            for name, inner in value.items():
                yield from _leaves(f"{path}.{name}" if path else str(name), inner)
        case [low, high] if path.endswith("interval"):
            yield from ((f"{path}_low", low), (f"{path}_high", high))
        case list() | tuple():
            return
        case _:
            yield path, value


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _is_figure(value: object) -> bool:
    """MLflow reads an infinite metric back as the largest number that there is: that would be a figure, and wrong."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _legal(name: str) -> str:
    """A name that trackers take: one that begins with a dot would be a path to them."""
    return _STRANGE.sub("_", f"_{name}" if name.startswith(".") else name)


def _text(value: object) -> str:
    return "not computable" if value is None else str(value)


def _micros(instant: str | None) -> int | None:
    return None if instant is None else to_micros(parse_instant(instant, field="instant"))
