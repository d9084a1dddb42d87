"""The line's event bus, for station events of what no state machine does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.errors import SendingFailed
from assembly_line.names import EVENT_DETAIL_TYPE, EVENT_SOURCE

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

    from assembly_line.messages import StationEvent


class EventBus:
    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def announce(self, event: StationEvent) -> None:
        """Put an event onto the bus. Its id makes putting it again harmless.

        Raises:
            SendingFailed: the bus did not take it.
        """
        answer = self._client.put_events(
            Entries=[
                {
                    "EventBusName": self._name,
                    "Source": EVENT_SOURCE,
                    "DetailType": EVENT_DETAIL_TYPE,
                    "Detail": event.to_json(),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            said = answer["Entries"][0].get("ErrorCode", "no reason given")
            raise SendingFailed(f"station event {event.id}: the event bus did not take it: {said}")
