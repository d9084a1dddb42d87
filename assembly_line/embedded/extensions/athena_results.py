"""Athena's results lie where the query says that they lie, and are kept as what Athena answers: text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    athena = ministack(
        "services.athena", "_start_query_execution", "_save_query_results", "_run_duckdb", "_executions", "_workgroups"
    )
    _keep_as_text(athena)
    _end_location_with_slash(athena)
    _write_where_reported(athena)


def _keep_as_text(athena: Any) -> None:
    """Stock keeps dates, instants and decimals as Python's: then nothing of the service's state could be saved."""
    stock = athena._run_duckdb

    async def run(*arguments: Any) -> Any:
        answer = await stock(*arguments)
        return {**answer, "rows": [[_plain(value) for value in row] for row in answer["rows"]]}

    replace(athena, "_run_duckdb", run)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat(sep=" ", timespec="milliseconds") if isinstance(value, datetime) else str(value)


def _end_location_with_slash(athena: Any) -> None:
    stock = athena._start_query_execution

    def start(request: dict[str, Any]) -> Any:
        group = athena._workgroups.get(request.get("WorkGroup", "primary"), {}).get("Configuration", {})
        given = request.get("ResultConfiguration") or {}
        location = given.get("OutputLocation") or (group.get("ResultConfiguration") or {}).get("OutputLocation")
        if not location:
            return stock(request)
        configuration = {**given, "OutputLocation": location.rstrip("/") + "/"}
        return stock({**request, "ResultConfiguration": configuration})

    replace(athena, "_start_query_execution", start)


def _write_where_reported(athena: Any) -> None:
    """Stock appends `/<id>.csv` to a location that already ends so."""
    stock = athena._save_query_results

    async def save(query_id: str) -> Any:
        execution = athena._executions[query_id]
        reported = execution["ResultConfiguration"]
        folder = reported["OutputLocation"].removesuffix(f"{query_id}.csv")
        execution["ResultConfiguration"] = {**reported, "OutputLocation": folder}
        try:
            return await stock(query_id)
        finally:
            execution["ResultConfiguration"] = reported

    replace(athena, "_save_query_results", save)
