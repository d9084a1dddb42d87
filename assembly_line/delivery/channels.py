"""How predictions leave: what each channel takes, and what it says of each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from assembly_line.messages import AnyPrediction

if TYPE_CHECKING:
    from assembly_line.delivery.outbox import OutboundMessage


@dataclass(frozen=True, slots=True)
class Form:
    """What a channel takes.

    Args:
        channel: its name, in reports.
        largest_body: bytes of a body that still travels by itself; a larger one is replaced by a pointer to it.
        attributes: what travels beside the body, for subscribers that filter.
    """

    channel: str
    largest_body: int
    attributes: Callable[[AnyPrediction], Mapping[str, str]]


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

    def publish(self, messages: Sequence[OutboundMessage]) -> list[Sent]:
        """Publish every message; one result for each, in order."""


def _sns_attributes(prediction: AnyPrediction) -> dict[str, str]:
    return {
        "schema": prediction.schema_,
        "version": str(prediction.version),
        "line": prediction.line,
        "action": prediction.action,
        "arm": prediction.arm,
        "model": prediction.model.run_id,
    }


# SNS takes 256 KiB with attributes and envelope, and at most ten attributes.
SNS = Form("sns", largest_body=200 * 1024, attributes=_sns_attributes)
