"""Athena's results lie where the query says that they lie, with or without a slash at the end of the location."""

from __future__ import annotations

from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    athena = ministack("services.athena", "_start_query_execution", "_save_query_results", "_executions", "_workgroups")
    _end_location_with_slash(athena)
    _write_where_reported(athena)


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
