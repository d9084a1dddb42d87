"""The account that the routes of the API work in."""

from __future__ import annotations

from functools import partial

from assembly_line.environments import ApiEnvironment
from lambdas.account import account_of

account = partial(account_of, ApiEnvironment)
