"""Every command that a page tells somebody to type exists, with these arguments and options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer._click.exceptions import UsageError

from assembly_line.cli.application import app
from tests.documents import ROOT, SHELLS, blocks, name, pages, words
from tools.installation import plan

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# They do what they do everywhere.
OF_THE_SHELL = {"cd", "cp", "export", "mkdir", "pip", "rm", "curl"}
LINE = typer.main.get_command(app)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    for block in blocks(page):
        for command in block.commands if block.language in SHELLS else ():
            check(command)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["trian", "coupon_redemption"], "No such command"),
        (["train", "coupon_redemption", "--as-of"], "requires an argument"),
        (["train", "coupon_redemption", "--asof", "2017-07-01"], "No such option"),
        (["train", "--as-of", "2017-07-01"], "Missing argument"),
        (["review", "approve", "coupon_redemption", "RUN"], "Missing option"),
    ],
)
def test_a_command_that_does_not_exist_is_told(arguments: list[str], wrong: str) -> None:
    with pytest.raises(AssertionError, match=wrong):
        check_line(arguments)


def check(command: str) -> None:
    program, *arguments = _without_variables(words(command))
    kind = program.rpartition("/")[2]
    if kind == "line":
        check_line(arguments)
    elif kind == "python":
        check_python(arguments)
    elif program == "make":
        assert {argument for argument in arguments if "=" not in argument} <= TARGETS, command
    elif program == "tools/install.sh":
        assert set(arguments) <= set(plan.TARGETS), command
    else:
        assert program in OF_THE_SHELL or program == ".tools/bin/cdk", command


def check_line(arguments: list[str]) -> None:
    """Parse as `line` does, and run nothing."""
    if {"--help", "-h", "--version"} & set(arguments):
        arguments = [argument for argument in arguments if argument not in ("--help", "-h", "--version")]
        if not arguments:
            return
    command: Any = LINE
    try:
        context = command.make_context("line", list(arguments))
        while hasattr(command, "commands"):
            rest = [*context._protected_args, *context.args]
            found, command, rest = command.resolve_command(context, rest)
            context = command.make_context(found, rest, parent=context)
    except UsageError as error:
        # A folder or file of the reader's own is not here.
        if "does not exist" not in error.message:
            raise AssertionError(f"line {' '.join(arguments)}: {error.format_message()}") from error


def check_python(arguments: list[str]) -> None:
    """A script or module of the project, or one that the tutorial writes."""
    written = {block.title for page in pages() for block in blocks(page)}
    script = f"{arguments[1].replace('.', '/')}.py" if arguments[0] == "-m" else arguments[0]
    packages = ROOT / script.removesuffix(".py") / "__main__.py"
    assert (ROOT / script).is_file() or packages.is_file() or script in written, script


def _without_variables(found: list[str]) -> list[str]:
    """The command without variables that are set for it alone."""
    while re.fullmatch(r"[A-Z_]+=.*", found[0]):
        found = found[1:]
    return found
