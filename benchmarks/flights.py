"""A table whose rows become known hours after they happen, as flights do once landed, and nine features of it.

Generated, the same every time: a year of departures, each of which is decided on a quarter of an hour before, by what
was known by then of other flights of its origin, its carrier and its destination.
"""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line import Decision, Entity, Feature, Source, count, distinct, hours, maximum, mean, total

FLIGHT = Entity("flight", keys={"flight_id": "int64"})
ORIGIN = Entity("origin", keys={"origin_id": "int64"})
CARRIER = Entity("carrier", keys={"carrier_id": "int64"})
DESTINATION = Entity("destination", keys={"destination_id": "int64"})
PLACES = {"origin_id": "int64", "carrier_id": "int64", "destination_id": "int64"}
FLIGHTS = Source(
    name="flights",
    entities=(ORIGIN, CARRIER, DESTINATION),
    columns={
        **PLACES,
        "tail_id": "int64",
        "miles": "int64",
        "minutes_late": "float64",
        "departed_at": "timestamp",
        "known_at": "timestamp",
    },
    event_time="departed_at",
    known_time="known_at",
    zone="UTC",
)
PLANNED = Source(
    name="planned",
    entities=(FLIGHT, ORIGIN, CARRIER, DESTINATION),
    columns={"flight_id": "int64", **PLACES, "opens": "timestamp"},
    static=True,
    zone="UTC",
)
LATE: Mapping[str, Feature] = {
    "flights_from_origin_3h": count(FLIGHTS, by=ORIGIN, window=hours(3)),
    "mean_minutes_origin_6h": mean(FLIGHTS, "minutes_late", by=ORIGIN, window=hours(6)),
    "tails_origin_24h": distinct(FLIGHTS, "tail_id", by=ORIGIN, window=hours(24)),
    "flights_carrier_6h": count(FLIGHTS, by=CARRIER, window=hours(6)),
    "mean_minutes_carrier_12h": mean(FLIGHTS, "minutes_late", by=CARRIER, window=hours(12)),
    "max_minutes_carrier_24h": maximum(FLIGHTS, "minutes_late", by=CARRIER, window=hours(24)),
    "flights_to_destination_12h": count(FLIGHTS, by=DESTINATION, window=hours(12)),
    "miles_destination_24h": total(FLIGHTS, "miles", by=DESTINATION, window=hours(24)),
    "tails_destination_24h": distinct(FLIGHTS, "tail_id", by=DESTINATION, window=hours(24)),
}
TAKEOFF = Decision(name="takeoff", entities=(FLIGHT, ORIGIN, CARRIER, DESTINATION), spine=PLANNED, time="opens")
