"""What a run sends: messages with their exact bodies, written down before the first one leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field

from assembly_line.canonical import canonical_json, digest_bytes
from assembly_line.documents import parse_document, read_document
from assembly_line.messages import Count, DecisionId, Message
from assembly_line.request_fields import Digest, LineName

POINTER_SCHEMA: Literal["assembly-line/prediction-pointer"] = "assembly-line/prediction-pointer"


class PredictionPointer(Message):
    """Stands for a prediction whose body is too large for a message.

    `revision`: the revision of the prediction.
    `uri`: where the body lies.
    `digest`: the SHA-256 of the body.
    `size`: the size of the body in bytes.
    """

    schema_: Literal["assembly-line/prediction-pointer"] = Field(default=POINTER_SCHEMA, alias="schema")
    version: Literal[1] = 1
    line: LineName
    decision_id: DecisionId
    revision: Count
    uri: Annotated[str, Field(pattern=r"^s3://[a-z0-9.-]+/[!-~]+$")]
    digest: Digest
    size: Count


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message as it is sent: for which decision and revision, the body byte for byte, the channel's attributes.

    An attribute has the type that its value has in the body.
    """

    decision_id: str
    revision: int
    body: str
    attributes: dict[str, str | bool | int | float]


@dataclass(frozen=True, slots=True)
class OffloadedBody:
    """A body that is put to S3, `message` being the pointer to it."""

    message: OutboundMessage
    key: str
    content: bytes


def offload(message: OutboundMessage, *, line: str, store_prefix: str, bucket: str) -> OffloadedBody:
    """Take the body out of a message that is too large for its channel, and point to it."""
    content = message.body.encode()
    key = f"{store_prefix}bodies/{message.decision_id}.json"
    pointer = PredictionPointer(
        line=line,
        decision_id=message.decision_id,
        revision=message.revision,
        uri=f"s3://{bucket}/{key}",
        digest=digest_bytes(content),
        size=len(content),
    )
    attributes = {**message.attributes, "schema": pointer.schema_}
    return OffloadedBody(replace(message, body=pointer.to_json(), attributes=attributes), key, content)


def write_line(message: OutboundMessage) -> bytes:
    """A message as a line of an outbox, without its end."""
    return canonical_json(asdict(message))


def write_outbox(messages: Iterable[OutboundMessage]) -> bytes:
    """The messages as JSON Lines, in order; equal messages give equal bytes."""
    return b"".join(write_line(message) + b"\n" for message in messages)


def read_outbox(lines: Iterable[str | bytes]) -> Iterator[OutboundMessage]:
    """The messages that `write_outbox` wrote.

    Raises:
        DocumentUnreadable: a line is something else; names the member.
    """
    return (read_document(OutboundMessage, parse_document(line, of="outbox")) for line in lines)


def chunks(messages: Iterable[OutboundMessage], size: int) -> Iterator[Sequence[OutboundMessage]]:
    """The messages in pieces that are sent and recorded together."""
    remaining = iter(messages)
    while piece := list(islice(remaining, size)):
        yield piece
