"""What stays when stacks go, where it lies, and what it costs to keep.

Prices: AWS's public price list for us-east-1, November 2026. Other Regions differ by some percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assembly_line.doctor.costs import KEY
from assembly_line.names import (
    LedgerKind,
    Parameter,
    dataset_prefix,
    delivered_prefix,
    ledger_prefix,
    line_resource,
    run_prefix,
    s3_uri,
    scoring_prefix,
    tables_prefix,
)

if TYPE_CHECKING:
    from assembly_line.storage import Account, Held, StackResource

GIB = 1 << 30
# USD a GiB and month: S3 Standard; CloudWatch Logs; DynamoDB's standard table class.
S3_GIB, LOGS_GIB, TABLE_GIB = 0.023, 0.03, 0.25
BUCKET, KEY_TYPE = "AWS::S3::Bucket", "AWS::KMS::Key"
BY_SIZE = {"AWS::Logs::LogGroup": LOGS_GIB, "AWS::DynamoDB::Table": TABLE_GIB}


@dataclass(frozen=True, order=True, kw_only=True)
class Kept:
    """Args: `usd`: a month, at list price; None where it goes by a size that nobody asked for. `note`: what to know."""

    what: str
    where: str
    usd: float | None
    note: str = ""

    def document(self) -> dict[str, Any]:
        usd = None if self.usd is None else round(self.usd, 4)
        return {"what": self.what, "where": self.where, "usd_a_month": usd, "note": self.note}


def of_line(account: Account, line: str, resources: list[StackResource]) -> tuple[Kept, ...]:
    """What a line leaves: its history and data, its registry group, and what its stack keeps."""
    store, ledger = account.named(Parameter.STORE_BUCKET), account.named(Parameter.LEDGER_BUCKET)
    places = (
        ("ledger", ledger, ledger_prefix(line, LedgerKind.PREDICTIONS).removesuffix(f"{LedgerKind.PREDICTIONS}/")),
        ("datasets", store, dataset_prefix(line, "").removesuffix("/")),
        ("training runs", store, run_prefix(line, "").removesuffix("/")),
        ("scoring runs", store, scoring_prefix(line, "").removesuffix("/")),
        ("delivered files", store, delivered_prefix(line)),
        ("tables", store, tables_prefix(line, "").removesuffix("/")),
    )
    objects = [_objects(account, what, bucket, prefix) for what, bucket, prefix in places]
    control = Kept(what="releases, reviews, champion", where=account.named(Parameter.CONTROL_TABLE), usd=0.0)
    group = Kept(what="model registry", where=line_resource(account.environment, line), usd=0.0)
    return (*objects, control, group, *_retained(account, resources))


def of_environment(account: Account, resources: set[StackResource]) -> tuple[Kept, ...]:
    """What an environment leaves: resources that its stacks keep, and the registry, which no stack holds."""
    note = "a line that comes back finds it"
    groups = account.registry_groups()
    registry = [Kept(what="model registry", where=group, usd=0.0, note=note) for group in groups]
    return (*_retained(account, list(resources)), *registry)


def _retained(account: Account, resources: list[StackResource]) -> list[Kept]:
    return sorted(_kept(account, resource) for resource in resources if resource.kept)


def _kept(account: Account, resource: StackResource) -> Kept:
    if resource.type == BUCKET:
        return _objects(account, "bucket", resource.name, "")
    if resource.type == KEY_TYPE:
        return Kept(what="key", where=resource.name, usd=KEY, note="what it encrypted cannot be read without it")
    if resource.type in BY_SIZE:
        return Kept(
            what=resource.type.split("::")[2],
            where=resource.name,
            usd=None,
            note=f"{BY_SIZE[resource.type]} USD a GiB and month",
        )
    return Kept(what=resource.type, where=resource.name, usd=None)


def _objects(account: Account, what: str, bucket: str, prefix: str) -> Kept:
    held: Held = account.whole_buckets.held(bucket, prefix)
    note = f"{held.objects} versions of objects, {held.size / GIB:.2f} GiB"
    return Kept(what=what, where=s3_uri(bucket, prefix), usd=held.size / GIB * S3_GIB, note=note)
