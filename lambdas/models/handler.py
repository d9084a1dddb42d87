"""Asking a model that a function serves: rows go in, and what comes out is checked before anybody uses it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from assembly_line.environments import ModelsEnvironment
from assembly_line.storage import UNTIL_ANSWERED, Functions
from assembly_line.training import answered, asked
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="models")
account = partial(account_of, ModelsEnvironment)
OF_THE_MODEL = ("digest", "image", "program")


@logger.inject_lambda_context
def ask(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Do a transform job's work: answer each object below `input_uri`, beside the ids of its decisions.

    The serving function gets neither these ids nor a way to write anything. `archive_uri`, `digest`, `image` and
    `program` say which model answers.
    """
    store = account().store
    source, target = (store.key_of(event[name]).strip("/") for name in ("input_uri", "output_uri"))
    question = {"archive": store.key_of(event["archive_uri"]), **{name: event[name] for name in OF_THE_MODEL}}
    rows = 0
    for item in store.list(f"{source}/"):
        batch = store.read(item.key)
        answer = _functions().call(account().named("serving_function"), {**question, "rows": asked(batch).decode()})
        answers = answered(batch, str(answer["answers"]).encode(), last_only=event["last_only"])
        store.write(f"{target}/{item.key.removeprefix(f'{source}/')}.out", answers, content_type="text/csv")
        rows += answers.count(b"\n")
    logger.info("a model answered", extra={"archive": question["archive"], "rows": rows})
    return {"rows": rows}


@cache
def _functions() -> Functions:
    return Functions(boto3.client("lambda", config=UNTIL_ANSWERED))
