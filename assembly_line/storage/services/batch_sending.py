"""Sending in batches as SNS and SQS take them: ten entries or 256 KiB a call; only what failed is sent again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from botocore import exceptions
from botocore.exceptions import ClientError

from assembly_line.declarations.delivery.subscribers import GREATEST_SCORE, SCORE, message_text
from assembly_line.delivery import Sent

ENTRIES = 10
BYTES = 256 * 1024
ATTEMPTS = 6
FIRST_PAUSE = 0.1  # seconds
LONGEST_PAUSE = 5.0  # seconds
SENDERS = 4
TRANSIENT = (
    "InternalError",
    "InternalFailure",
    "KMSThrottling",
    "KMSThrottlingException",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "OverLimit",
    "RequestTimeout",
)

Pause = Callable[[float], None]
Call = Callable[[list[dict[str, Any]]], Any]


class Sendable(Protocol):
    """A body, and attributes beside it."""

    @property
    def body(self) -> str: ...

    @property
    def attributes(self) -> Mapping[str, Any]: ...


Item = TypeVar("Item", bound=Sendable)


class BatchSender:
    """Sends entries through one batch operation, with bounded retries, full jitter and a few calls at once.

    Args:
        call: takes entries with `Id`, answers with the lists `Successful` and `Failed`.
        pause: waits so many seconds.
    """

    def __init__(self, call: Call, *, pause: Pause = time.sleep, attempts: int = ATTEMPTS) -> None:
        self._call = call
        self._pause = pause
        self._attempts = attempts

    def send(self, items: Sequence[Item], entry: Callable[[Item], dict[str, Any]]) -> list[Sent]:
        """One result for each item, in their order.

        Raises:
            ClientError, BotoCoreError: the call as a whole failed; at once for want of permission, after every attempt
                where the service is down or throttles. No entry is at fault: the same call may work later.
        """
        batches = list(_packed(items))
        with ThreadPoolExecutor(SENDERS) as senders:
            return [
                sent for batch in senders.map(lambda batch: self._send([*map(entry, batch)]), batches) for sent in batch
            ]

    def _send(self, entries: list[dict[str, Any]]) -> list[Sent]:
        results: dict[str, Sent] = {}
        waiting = {str(position): {**entry, "Id": str(position)} for position, entry in enumerate(entries)}
        for attempt in range(1, self._attempts + 1):
            try:
                results |= _results(self._call(list(waiting.values())), waiting)
            except (ClientError, exceptions.HTTPClientError, exceptions.ConnectionError) as error:
                if attempt == self._attempts or not _is_transient(error):
                    raise
            waiting = {id_: entry for id_, entry in waiting.items() if id_ not in results or results[id_].retriable}
            if not waiting:
                break
            if attempt < self._attempts:
                self._pause(secrets.SystemRandom().uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
        return [results[str(position)] for position in range(len(entries))]


def _results(answer: Any, asked: Iterable[str]) -> dict[str, Sent]:
    # What the answer does not mention was not confirmed.
    results = {id_: Sent(None, "not answered", retriable=True) for id_ in asked}
    results |= {done["Id"]: Sent(done["MessageId"]) for done in answer.get("Successful", [])}
    for failed in answer.get("Failed", []):
        lasting = bool(failed.get("SenderFault")) and failed["Code"] not in TRANSIENT
        results[failed["Id"]] = Sent(None, failed["Code"], retriable=not lasting)
    return results


def _is_transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    return error.response["Error"]["Code"] in TRANSIENT or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500


def _packed(items: Sequence[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) == ENTRIES or size + _size(item) > BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += _size(item)
    if batch:
        yield batch


def _size(item: Sendable) -> int:
    """Bytes that the services count: body, and names, types and values of the attributes."""
    attributes = sum(len(name) + len("String") + len(str(value).encode()) for name, value in item.attributes.items())
    return len(item.body.encode()) + attributes


def message_attributes(values: Mapping[str, str | bool | int | float]) -> dict[str, Any]:
    """As SNS and SQS take them. The score alone is a number, within what SNS compares; other values are texts."""
    found = {}
    for name, value in values.items():
        if name != SCORE:
            found[name] = {"DataType": "String", "StringValue": message_text(value)}
        elif abs(float(value)) <= GREATEST_SCORE:
            found[name] = {"DataType": "Number", "StringValue": f"{float(value):.5f}"}
    return found
