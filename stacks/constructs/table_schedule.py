"""When a line's tables are materialised: a trigger of Glue for each declared moment."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_glue as glue
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.declarations.tables import DAYS, REFRESH
from assembly_line.names import TablesArgument, aws_name, line_resource, tables_job


class TableSchedule(Construct):
    """Tables with one refresh share a run of the job."""

    def __init__(self, scope: Construct, id_: str, *, line: Line, environment: str) -> None:
        super().__init__(scope, id_)
        moments: dict[str, list[str]] = {}
        for table in line.tables:
            if table.refresh is not None:
                moments.setdefault(table.refresh, []).append(table.name)
        for refresh, tables in moments.items():
            self._trigger(line.name, environment, refresh, tables)

    def _trigger(self, line: str, environment: str, refresh: str, tables: Sequence[str]) -> None:
        moment = aws_name(refresh.replace(" ", "-"))
        glue.CfnTrigger(
            self,
            f"At-{moment}",
            name=f"{line_resource(environment, line)}-tables-{moment}",
            type="SCHEDULED",
            schedule=cron_of(refresh),
            start_on_creation=True,
            actions=[
                glue.CfnTrigger.ActionProperty(
                    job_name=tables_job(environment),
                    arguments={f"--{TablesArgument.LINE}": line, f"--{TablesArgument.TABLES}": ",".join(tables)},
                )
            ],
        )


def cron_of(refresh: str) -> str:
    """A declared refresh as Glue's schedule, in UTC."""
    found = REFRESH.fullmatch(refresh)
    if found is None:
        raise ValueError(f"{refresh!r} is not a refresh")
    day, weekday = found["day"] or ("?" if found["weekday"] else "*"), "?"
    if found["weekday"]:
        # Sunday is 1.
        weekday = str((DAYS.index(found["weekday"]) + 1) % 7 + 1)
    return f"cron({int(found['minute'])} {int(found['hour'])} {day} * {weekday} *)"
