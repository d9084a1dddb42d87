"""Serves packed models: the code of lines runs here, under a role that reads packed models and writes a log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assembly_line.environments import ServingEnvironment
from assembly_line.errors import JobFailed
from assembly_line.training import ModelProcess, rows_of
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

account = partial(account_of, ServingEnvironment)
# The model that was asked last, and its folder. Another line's model gets another process.
_serving: list[tuple[ModelProcess, TemporaryDirectory[str]]] = []


def answer(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, str]:
    """The model's answers to rows of CSV. `event` is a `lambdas.models.Question` with the `rows`."""
    try:
        answers = _model(event).answer(event["rows"].encode())
        return {"answers": answers.decode()}
    except UnicodeDecodeError as error:
        raise JobFailed("the model's answers are no UTF-8 text; inference.py must answer CSV") from error
    except JobFailed:
        _end()
        raise


def _model(event: Mapping[str, Any]) -> ModelProcess:
    if _serving and _serving[0][0].digest == event["digest"]:
        return _serving[0][0]
    _end()
    folder = TemporaryDirectory()
    process = ModelProcess(
        account().store.read(event["archive"]),
        event["digest"],
        Path(folder.name),
        program=event["program"],
        rows=rows_of(event["image"]),
    )
    _serving.append((process, folder))
    return process


def _end() -> None:
    while _serving:
        process, folder = _serving.pop()
        process.end()
        folder.cleanup()
