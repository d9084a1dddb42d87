"""What the line allows people: starting machines, reading results, looking resources up."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.access.grants import allow, arn_for
from stacks.constructs.access.reasons import acknowledge_wildcards
from stacks.constructs.machine import Machine

_EXECUTIONS = "Executions get their names when they start"
_TABLES = "The tables of the catalog are the lines' sources, loaded at run time"


class Permission(Construct):
    """What one stack allows some of the people: a policy of that stack, attached to their roles."""

    def __init__(self, scope: Construct, id_: str, *roles: iam.Role) -> None:
        super().__init__(scope, id_)
        self._policy = iam.Policy(self, "Policy", roles=list(roles))

    def allow(self, actions: Sequence[str], resources: Sequence[str], *, because: str | None = None) -> Permission:
        """Add a statement. A resource with a wildcard needs the reason `because`."""
        self._policy.add_statements(iam.PolicyStatement(actions=list(actions), resources=list(resources)))
        acknowledge_wildcards(self._policy, resources, because=because)
        return self


def let_start(machine: Machine, *roles: iam.Role) -> None:
    """Start the machine; watch and stop its executions, and let one that failed go on."""
    watching = (
        "states:DescribeExecution",
        "states:GetExecutionHistory",
        "states:RedriveExecution",
        "states:StopExecution",
    )
    permission = Permission(machine, "Starters", *roles)
    permission.allow(("states:ListExecutions", "states:StartExecution"), (machine.arn,))
    permission.allow(watching, (machine.executions_for(machine),), because=_EXECUTIONS)


def let_see_executions(machine: Machine, role: iam.Role) -> None:
    """Ask whether an execution of the machine still runs.

    A policy beside the role's own: that one exists before the function, the function before the machine.
    """
    permission = Permission(machine, "Observers", role)
    permission.allow(("states:DescribeExecution",), (machine.executions_for(machine),), because=_EXECUTIONS)


def let_read_catalog(scope: Construct, database: glue.Database, *roles: iam.Role) -> None:
    """Look up the lake's tables and their partitions."""
    stack = Stack.of(scope)
    tables = stack.format_arn(service="glue", resource="table", resource_name=f"{database.database_name}/*")
    catalog = stack.format_arn(service="glue", resource="catalog", arn_format=ArnFormat.NO_RESOURCE_NAME)
    Permission(scope, "CatalogReaders", *roles).allow(
        ("glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"),
        (catalog, database.database_arn, tables),
        because=_TABLES,
    )


def let_write_catalog(role: iam.Role, database: glue.Database) -> None:
    """Register tables and their partitions; nobody may drop a table."""
    stack = Stack.of(role)
    name = arn_for(role, database, database.database_name)
    tables = stack.format_arn(service="glue", resource="table", resource_name=f"{name}/*")
    catalog = stack.format_arn(service="glue", resource="catalog", arn_format=ArnFormat.NO_RESOURCE_NAME)
    allow(
        role,
        (
            "glue:BatchCreatePartition",
            "glue:BatchUpdatePartition",
            "glue:CreateTable",
            "glue:DeletePartition",
            "glue:GetPartitions",
            "glue:GetTable",
            "glue:UpdatePartition",
            "glue:UpdateTable",
        ),
        (catalog, database.database_arn, tables),
        because=_TABLES,
    )


def let_run(scope: Construct, job: str, *roles: iam.Role) -> None:
    """Start a Glue job, and watch its runs."""
    actions = ("glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun")
    Permission(scope, "Starters", *roles).allow(actions, (_job_arn(scope, job),))


def let_watch(scope: Construct, job: str, *roles: iam.Role) -> None:
    """Look at a run of a Glue job whose id is known."""
    Permission(scope, "Watchers", *roles).allow(("glue:GetJobRun",), (_job_arn(scope, job),))


def _job_arn(scope: Construct, job: str) -> str:
    return Stack.of(scope).format_arn(service="glue", resource="job", resource_name=job)
