"""What grows without an end, what a name may have, and what a fresh account allows. Sources: the services' quotas."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from assembly_line.proof.deployment.references import CHECK
from assembly_line.proof.findings import Finding, fault
from assembly_line.proof.physical_names import KINDS
from assembly_line.proof.world import World

FRESH_CONCURRENCY = 10
# Of these, for the API and for machines.
LEFT_FREE = 4
FRESH_MEMORY_MIB = 3008
INLINE_POLICY, MANAGED_POLICY = 10_240, 6_144
TEMPLATE_BYTES, TEMPLATE_RESOURCES, TEMPLATE_OUTPUTS = 1_000_000, 500, 200


def growing(world: World) -> Iterator[Finding]:
    """Storage whose leftovers nothing ends: uploads that broke off, logs, replaced versions of what expires."""
    for bucket in world.of_type("AWS::S3::Bucket"):
        rules: list[dict[str, Any]] = bucket.properties.get("LifecycleConfiguration", {}).get("Rules", [])
        ends_uploads = any("AbortIncompleteMultipartUpload" in rule for rule in rules)
        expires_all = any("ExpirationInDays" in rule and not rule.get("Prefix") for rule in rules)
        if not ends_uploads and not expires_all:
            yield fault(CHECK, str(bucket), "keeps uploads that broke off for good", "add a lifecycle rule")
        versioned = bucket.properties.get("VersioningConfiguration", {}).get("Status") == "Enabled"
        for rule in rules:
            if versioned and "ExpirationInDays" in rule and "NoncurrentVersionExpiration" not in rule:
                says = f"expires {rule.get('Prefix', 'everything')!r}, and keeps the hidden versions for good"
                yield fault(CHECK, str(bucket), says, "expire noncurrent versions too")
    for group in world.of_type("AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group.properties:
            yield fault(CHECK, str(group), "keeps its log for good", "set a retention")


def too_long(world: World) -> Iterator[Finding]:
    """Names that a service refuses."""
    for resource in world.resources.values():
        name, kind = world.fixed_name(resource), KINDS.get(resource.type)
        if name is not None and kind is not None and len(name) > kind.limit:
            says = f"{name!r} has {len(name)} characters, {kind.limit} are the most"
            yield fault(CHECK, str(resource), says, "shorten it in assembly_line/names.py")


def quotas(world: World) -> Iterator[Finding]:
    """Limits of CloudFormation and IAM, and what an account has on its first day."""
    for stack, template in world.templates.by_stack.items():
        for what, size, most in (
            ("bytes", len(json.dumps(template)), TEMPLATE_BYTES),
            ("resources", len(template["Resources"]), TEMPLATE_RESOURCES),
            ("outputs", len(template.get("Outputs", {})), TEMPLATE_OUTPUTS),
        ):
            if size > most:
                yield fault(CHECK, stack, f"the template has {size} {what}, {most} are the most", "split the stack")
    yield from _policies(world)
    for function in world.of_type("AWS::Lambda::Function"):
        memory = function.properties.get("MemorySize", 128)
        if memory > FRESH_MEMORY_MIB:
            says = f"asks for {memory} MiB, a fresh account gives {FRESH_MEMORY_MIB}"
            yield fault(CHECK, str(function), says, "lower the setting")
        if "ReservedConcurrentExecutions" in function.properties:
            says = f"reserves concurrency, of which a fresh account has {FRESH_CONCURRENCY} in all"
            yield fault(CHECK, str(function), says, "leave the reservation out")
    consumers = 0
    for mapping in world.of_type("AWS::Lambda::EventSourceMapping"):
        most = mapping.properties.get("ScalingConfig", {}).get("MaximumConcurrency")
        if most is None:
            says = "calls more functions than a fresh account runs at once; what is turned away becomes dead letters"
            yield fault(CHECK, str(mapping), says, "bound MaximumConcurrency")
        consumers += most or 0
    if consumers > FRESH_CONCURRENCY - LEFT_FREE:
        says = f"queues may take {consumers} of {FRESH_CONCURRENCY} functions at once"
        yield fault(CHECK, "event source mappings", says, "lower queue_consumers")


def _policies(world: World) -> Iterator[Finding]:
    inline: dict[str, int] = defaultdict(int)
    for policy in world.of_type("AWS::IAM::Policy"):
        for role in policy.properties.get("Roles", []):
            inline[world.text(role, policy.stack)] += _bytes(world, policy.stack, policy.properties["PolicyDocument"])
    for role_name, size in inline.items():
        if size > INLINE_POLICY:
            says = f"its policies have {size} characters, {INLINE_POLICY} are the most"
            yield fault(CHECK, role_name, says, "split the role")
    for policy in world.of_type("AWS::IAM::ManagedPolicy"):
        size = _bytes(world, policy.stack, policy.properties["PolicyDocument"])
        if size > MANAGED_POLICY:
            yield fault(CHECK, str(policy), f"has {size} characters, {MANAGED_POLICY} are the most", "split the policy")


def _bytes(world: World, stack: str, document: Mapping[str, Any]) -> int:
    return len(json.dumps(world.value(document, stack), separators=(",", ":")))
