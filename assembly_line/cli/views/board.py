"""The board as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assembly_line.cli.output import Render, duration, fields, percent, rows
from assembly_line.throughput import KindMeasure, LineBoard, OpenItem, StationMeasure

if TYPE_CHECKING:
    from rich.console import Console

KINDS = ("began in", "items", "done", "failed", "sent back", "open", "lead time", "longest", "first pass")
STATIONS = ("station", "visits", "failed", "sent back", "open", "in work", "waiting", "median visit")
OPEN = ("open item", "began in", "now in", "state", "age", "in this state")


def draw_boards(found: Sequence[LineBoard], *, nothing: str) -> Render:
    def draw(console: Console) -> None:
        if not found:
            console.print(nothing, markup=False)
        for board in found:
            draw_board(board)(console)

    return draw


def draw_board(board: LineBoard) -> Render:
    def draw(console: Console) -> None:
        rows(KINDS, [_kind(kind) for kind in board.kinds], title=f"{board.line}: work items")(console)
        rows(STATIONS, [_station(station) for station in board.stations], title="Stations")(console)
        if board.open_items:
            rows(OPEN, [_open(item) for item in board.open_items], title="Work in progress")(console)
        fields(
            {
                "First-pass yield": percent(board.first_pass_yield),
                "Rework tax": f"{percent(board.rework_tax)} of all time in work ({duration(board.rework_seconds)})",
                "Time in work": duration(board.work_seconds),
                "Time waiting": duration(board.waiting_seconds),
                "Most time in": board.most_time_in,
            }
        )(console)

    return draw


def _kind(kind: KindMeasure) -> tuple[object, ...]:
    return (
        kind.began_in,
        kind.items,
        kind.finished,
        kind.failed,
        kind.sent_back,
        kind.in_progress,
        duration(kind.lead_seconds_median),
        duration(kind.lead_seconds_longest),
        percent(kind.first_pass_yield),
    )


def _station(station: StationMeasure) -> tuple[object, ...]:
    return (
        station.station,
        station.visits,
        station.failed,
        station.sent_back,
        station.in_progress,
        duration(station.work_seconds),
        duration(station.waiting_seconds),
        duration(station.median_seconds),
    )


def _open(item: OpenItem) -> tuple[object, ...]:
    return (
        item.item,
        item.began_in,
        item.station,
        item.state if item.cause is None else f"{item.state}: {item.cause}",
        duration(item.age_seconds),
        duration(item.state_seconds),
    )
