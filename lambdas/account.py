"""The account that a function works in: clients of boto3, names from the variables of its contract."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3

from assembly_line.environments import Environment
from assembly_line.storage import Account


@cache
def account_of(contract: type[Environment]) -> Account:
    """Made on first use, so that importing a handler needs neither AWS nor an environment.

    Raises:
        SettingMissing: variables of the contract are not set.
    """
    environment = contract.from_process()
    return Account(environment.assembly_environment, new_client=_new_client, named=environment.named)


def _new_client(service: str) -> Any:
    make: Callable[..., Any] = boto3.client  # its overloads know literals alone
    if service != "lambda":
        return make(service)
    from assembly_line.storage import WITHIN_A_REQUEST

    return make(service, config=WITHIN_A_REQUEST)
