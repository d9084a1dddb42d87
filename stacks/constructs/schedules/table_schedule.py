"""When a line's tables are materialised: a trigger of Glue for each declared moment."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_glue as glue
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.names import TablesArgument, aws_name, line_resource, tables_job
from stacks.constructs.schedules.moments import cron_of


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
