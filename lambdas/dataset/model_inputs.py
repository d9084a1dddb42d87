"""The step after a dataset is finished: prepare the model inputs that its request asks for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.features import facts_of, read_dataset, require_memory, require_rows
from assembly_line.model_types import model_spec_from_json
from lambdas.dataset.account import account, machinery

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="dataset")


@logger.inject_lambda_context
def prepare_inputs(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the dataset with its model inputs; those that exist are not prepared again."""
    datasets, inputs = account().datasets, account().inputs
    planned = datasets.read_plan(event["plan_key"])
    manifest = datasets.manifest(planned.line.name, planned.dataset_id)
    facts, spec = facts_of(planned, manifest), model_spec_from_json(event["model"])
    found = inputs.find(facts, spec)
    if found is None:
        require_memory(spec, facts, memory_mib=machinery().memory_mib)
        with tempfile.TemporaryDirectory(prefix="inputs-") as place:
            path = Path(place) / "data.parquet"
            datasets.download(facts.line, facts.dataset_id, path)
            columns = read_dataset(path)
            require_rows(manifest, columns)
            path.unlink()
            found = inputs.make(columns, facts, spec, Path(place), memory_mib=machinery().memory_mib)
    logger.info("prepared model inputs", extra={"dataset_id": facts.dataset_id, "shape_id": found["shape_id"]})
    return {**event["dataset"], "shape": found}
