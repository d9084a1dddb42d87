"""The one function of Glue's package that a job needs to read its arguments."""

import argparse
from typing import Any, NoReturn


class GlueArgumentError(Exception):
    """An argument that the job asks for is missing or has no value."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: list[str], options: list[str]) -> dict[str, Any]:  # noqa: N802  Glue's own name
    """The values of the named arguments of a job.

    Args:
        args: `sys.argv`.
        options: names without leading dashes; every one must have been given.

    Raises:
        GlueArgumentError: names what is missing.
    """
    parser = _Parser(add_help=False)
    for option in options:
        parser.add_argument(f"--{option}", dest=option, required=True)
    known, _ = parser.parse_known_args(args[1:])
    return vars(known)
