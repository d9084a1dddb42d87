"""The account that the steps of the dataset machine work in, and what its engines are made of."""

from __future__ import annotations

from functools import partial

from assembly_line.environments import DatasetEnvironment
from assembly_line.features import Machinery
from lambdas.account import account_of

account = partial(account_of, DatasetEnvironment)


def machinery() -> Machinery:
    environment = DatasetEnvironment.from_process()
    return Machinery(memory_mib=int(environment.memory_mib), spark_dpus=float(environment.spark_dpus))
