"""A dataset in three steps: plan a request, build it on this machine, and finish whatever engine built it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.errors import RequestRefused
from assembly_line.features import (
    audit_knowledge,
    built_from_json,
    columns_to_fetch,
    comparable,
    estimate_to_json,
    examine,
    figures_of,
    in_state,
    manifest_of,
    opened_dataset,
    require_memory_to_finish,
    require_passed,
    require_passed_again,
    resolve,
    result_of,
)
from assembly_line.features import build_on_duckdb as build_on_this_machine
from assembly_line.model_types import ModelSpecBase
from assembly_line.requests import DatasetRequest
from lambdas.dataset.account import account, machinery

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="dataset")


@logger.inject_lambda_context
def plan(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check a request and say which dataset it means, whether that exists, and which engine would build it."""
    request = DatasetRequest.parse(event)
    if request.explain:
        raise RequestRefused("explain: true asks for no dataset; the machine answers it before anything is planned")
    made = resolve(account(), request, memory_mib=machinery().memory_mib).plan
    found = account().datasets.find_manifest(made.line.name, made.dataset_id)
    logger.info("planned", extra={"dataset_id": made.dataset_id, "engine": made.engine, "exists": found is not None})
    return {
        "dataset_id": made.dataset_id,
        "line": made.line.name,
        "plan_key": account().datasets.write_plan(made),
        "engine": made.engine,
        "reason": made.reason,
        "exists": found is not None,
        "estimate": estimate_to_json(made.estimate),
        "manifest": None if found is None else result_of(found, exists=True),
        "model": request.model.resolved().to_json() if isinstance(request.model, ModelSpecBase) else None,
    }


@logger.inject_lambda_context
def build(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Build a planned dataset with DuckDB. The answer says where the whole report is, and carries its beginning."""
    began = time.monotonic()
    planned = account().datasets.read_plan(event["plan_key"])
    with tempfile.TemporaryDirectory(prefix="dataset-") as place:
        folder = Path(place)
        files = {
            name: account().lake.fetch_objects(name, part.objects, folder, columns=columns_to_fetch(planned, name))
            for name, part in planned.inputs.items()
        }
        target = folder / "data.parquet"
        built = build_on_this_machine(planned, files, target, memory_mib=machinery().memory_mib)
        if planned.with_outcome:
            earlier = account().lake.fetch_earlier(comparable(planned), folder / "earlier")
            audited = audit_knowledge(planned, files, target, memory_mib=machinery().memory_mib, earlier=earlier)
            built = replace(built, findings=(*built.findings, *audited))
        data_key = account().datasets.write_data(planned.line.name, planned.dataset_id, target)
    seconds = round(time.monotonic() - began, 3)
    attempt = {"data_key": data_key, "seconds": seconds, **built.to_json()}
    built_key = account().datasets.write_attempt(attempt)
    logger.info("built", extra={"dataset_id": planned.dataset_id, "rows": built.rows, "seconds": seconds})
    return {"data_key": data_key, "built_key": built_key, "seconds": seconds, **in_state(built)}


@logger.inject_lambda_context
def finish(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Judge a built dataset and make it exist, unless another attempt did so first; then by other rules, if it must."""
    datasets = account().datasets
    planned = datasets.read_plan(event["plan_key"])
    found = datasets.find_manifest(planned.line.name, planned.dataset_id)
    if found is not None:
        require_passed_again(account(), planned, found)
        return result_of(found, exists=True)
    reported = event.get("built")
    attempt = datasets.read_attempt(reported["built_key"]) if reported else datasets.read_spark_attempt(planned)
    built = built_from_json(attempt)
    require_memory_to_finish(built.rows, memory_mib=machinery().memory_mib)
    created = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="dataset-") as place:
        path = Path(place) / "data.parquet"
        datasets.read_data(attempt["data_key"], path)
        with opened_dataset(path) as columns:
            findings = examine(planned, built, columns, history=datasets.history(planned))
            datasets.write_quality(attempt["data_key"], [finding.to_json() for finding in findings])
            require_passed(planned.dataset_id, findings)
            manifest = manifest_of(
                planned,
                built,
                columns,
                findings,
                data_uri=datasets.uri(attempt["data_key"]),
                manifest_uri=datasets.manifest_uri(planned),
                seconds=attempt["seconds"],
                created=created,
            )
            figures = figures_of(planned, columns)
    first = datasets.add_manifest(manifest)
    if first is None:
        datasets.add_to_history(planned, figures, created=created)
    logger.info("finished", extra={"dataset_id": planned.dataset_id, "rows": built.rows, "first": first is None})
    return result_of(manifest if first is None else first, exists=first is not None)
