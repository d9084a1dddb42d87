"""Calls of the `line` command, in processor time, beside a process that only imports what such a command is made of."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

from assembly_line.names import Parameter, parameter_name
from assembly_line.stations import machines
from benchmarks.processes import PROJECT
from benchmarks.stations.simulated import LINE, TABLE, account

ENVIRONMENT = "dev"
TURNS = 15
# A client of one service, a table on the terminal, options: nothing that asks AWS for something can do with less.
BARE = "import boto3, rich.table, typer\nboto3.client('s3')"
CALLS = {
    "--help": ("--help",),
    "status": ("status",),
    "features list": ("features", "list", LINE),
    "dataset list": ("dataset", "list"),
    "review list": ("review", "list", LINE),
    "performance": ("performance", LINE),
    "board": ("board",),
}
# A user's installation is compiled once. Under this setting each call would compile the project anew.
UNCOMPILED = "PYTHONDONTWRITEBYTECODE"
MACHINES = tuple(machine.parameter for machine in machines().values())


def main() -> None:
    commands = {
        "bare": [sys.executable, "-c", BARE],
        **{
            name: [sys.executable, "-m", "assembly_line.cli", "--environment", ENVIRONMENT, *call]
            for name, call in CALLS.items()
        },
    }
    least = dict.fromkeys(commands, float("inf"))
    with served():
        for _ in range(TURNS):
            for name, command in commands.items():
                least[name] = min(least[name], _processor_seconds(command))
    bare = least.pop("bare")
    print(json.dumps({"bare_cpu_seconds": bare, **{name: seconds / bare for name, seconds in least.items()}}))


def _processor_seconds(command: list[str]) -> float:
    inherited = {name: value for name, value in os.environ.items() if name != UNCOMPILED}
    process = subprocess.Popen(command, cwd=PROJECT, env=inherited, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complained = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: {complained.decode()[-2000:]}")
    return used.ru_utime + used.ru_stime


@contextmanager
def served() -> Iterator[None]:
    """An account on loopback in which the shipped line is released and nothing was done yet."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with account({}):
        ssm, machines = boto3.client("ssm"), boto3.client("stepfunctions")
        for parameter in (*Parameter, *MACHINES):
            value = {"control-table": TABLE, "champion-table": TABLE}.get(parameter, parameter.removesuffix("-bucket"))
            if parameter in MACHINES:
                value = machines.create_state_machine(
                    name=parameter,
                    definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
                    roleArn="arn:aws:iam::123456789012:role/bench",
                )["stateMachineArn"]
            ssm.put_parameter(Name=parameter_name(ENVIRONMENT, parameter), Value=value, Type="String")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
        try:
            yield
        finally:
            del os.environ["AWS_ENDPOINT_URL"]
            server.stop()


if __name__ == "__main__":
    main()
