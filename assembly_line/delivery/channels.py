"""How predictions leave: what each channel takes, and what it says of each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from assembly_line.declarations.delivery.subscribers import SCORE, segment_attribute
from assembly_line.delivery.shards import SHARD_MESSAGES
from assembly_line.messages import AnyPrediction

if TYPE_CHECKING:
    from assembly_line.declarations.delivery.delivery import Delivery
    from assembly_line.delivery.outbox import OutboundMessage


@dataclass(frozen=True, slots=True)
class Form:
    """What a channel takes.

    Args:
        channel: its name: in the outbox, in delivery rows and in reports.
        largest_body: bytes of a body that still travels by itself; a larger one is replaced by a pointer to it.
        attributes: what travels beside the body, for subscribers that filter.
        together: how many messages are sent and recorded together. So many are sent again at most if a run dies before
            it wrote their record.
    """

    channel: str
    largest_body: int
    attributes: Callable[[AnyPrediction], Mapping[str, str | bool | int | float]]
    together: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message: the channel's message id, or the code of its failure.

    `retriable`: the failure may pass; it was tried as often as allowed.
    """

    message_id: str | None
    reason: str | None = None
    retriable: bool = False


class Channel(Protocol):
    """Takes messages to their subscribers."""

    @property
    def form(self) -> Form: ...

    def publish(self, messages: Sequence[OutboundMessage], *, part: str) -> list[Sent]:
        """Publish every message; one result for each, in order.

        Args:
            part: a name of these messages within their run. A repetition gives the same name to the same messages.
        """

    def finish(self) -> None:
        """Tell subscribers that they have the whole batch. A repetition tells it again, or does nothing."""


def _sns_attributes(prediction: AnyPrediction) -> dict[str, str | float]:
    return {
        "schema": prediction.schema_,
        "version": str(prediction.version),
        "line": prediction.line,
        "action": prediction.action,
        "arm": prediction.arm,
        "model": prediction.model.run_id,
        SCORE: prediction.score,
    }


def _with_segments(prediction: AnyPrediction, *, segments: Sequence[str]) -> dict[str, Any]:
    """The same with the values of key columns, which stay of their own types in an outbox."""
    return _sns_attributes(prediction) | {segment_attribute(name): prediction.keys[name] for name in segments}


# The channel of every delivery before there was another one.
SNS_CHANNEL = "sns"
# SNS takes 256 KiB with attributes and envelope, and at most ten attributes.
SNS = Form(SNS_CHANNEL, largest_body=200 * 1024, attributes=_sns_attributes, together=200)
# A file holds a whole shard, and S3 puts up to 5 GiB at once. Nobody filters by what stands beside it.
FILES = Form("files", largest_body=5 * 1024**3, attributes=lambda _: {}, together=SHARD_MESSAGES)
FORMS = {form.channel: form for form in (SNS, FILES)}


def channels_of(delivery: Delivery) -> tuple[Form, ...]:
    """What a line delivers through: its topic always, and files if it declares some."""
    topic = SNS
    if delivery.segments:
        topic = replace(SNS, attributes=partial(_with_segments, segments=delivery.segments))
    return (topic, FILES) if delivery.files else (topic,)
