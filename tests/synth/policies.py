"""The policies of an assembly, as the library reads them."""

from __future__ import annotations

from collections.abc import Iterator

from assembly_line.proof.permissions import policies
from assembly_line.proof.permissions.policies import Statement, as_text, statements_of
from tests.synth.cloud_assembly import Assembly

__all__ = ["Statement", "as_text", "identity_statements", "resource_statements", "statements_of", "trust_statements"]


def identity_statements(assembly: Assembly) -> Iterator[Statement]:
    return policies.identity_statements(assembly.resources)


def trust_statements(assembly: Assembly) -> Iterator[Statement]:
    return policies.trust_statements(assembly.of_type("AWS::IAM::Role"))


def resource_statements(assembly: Assembly, type_: str) -> Iterator[Statement]:
    return policies.resource_statements(assembly.of_type(type_), type_)
