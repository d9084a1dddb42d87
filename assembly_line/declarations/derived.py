"""Features made of other features of the line: which parts they have, and in which order they are computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from assembly_line.declarations.checks import check_name, require
from assembly_line.declarations.formulas import Term, parsed, references
from assembly_line.declarations.typed import typed

Declared = TypeVar("Declared")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One feature divided by another of the same line; null where the denominator is 0 or either is null."""

    numerator: str
    denominator: str

    def __post_init__(self) -> None:
        check_name("ratio numerator", self.numerator)
        check_name("ratio denominator", self.denominator)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A formula over features of the same line: a float64, or a boolean. See `docs/udfs.md` for the language.

    Numbers are float64. Null where an operand is null, but for `coalesce`, `is_null`, and the branch of an `if` that is
    not taken; null where something is divided by 0. NaN is equal to itself and greater than all.
    """

    formula: str

    def __post_init__(self) -> None:
        require(bool(references(self.tree)), f"formula {self.formula!r}: refers to no feature")

    @property
    def tree(self) -> Term:
        return parsed(self.formula)


Derived = Ratio | Expression


def parts_of(feature: object) -> tuple[str, ...]:
    """Names of the features that a feature is made of; none for one that is made of rows."""
    if isinstance(feature, Ratio):
        return (feature.numerator, feature.denominator)
    return references(feature.tree) if isinstance(feature, Expression) else ()


def with_parts(features: Mapping[str, Declared], names: Iterable[str]) -> dict[str, Declared]:
    """These features and all that they are made of, every part before what is made of it.

    Raises:
        DeclarationError: a part is not declared, or a feature is made of itself.
    """
    found: dict[str, Declared] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in found:
            return
        require(name not in above, f"{' -> '.join((*above, name))}: a feature cannot be made of itself")
        for part in parts_of(features[name]):
            kind = "ratio" if isinstance(features[name], Ratio) else "expression"
            require(part in features, f"{kind} of {part!r}, which is not a feature of the line")
            add(part, (*above, name))
        found[name] = features[name]

    for name in names:
        add(name, ())
    return found
