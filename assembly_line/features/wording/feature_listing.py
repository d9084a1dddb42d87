"""The features of a line as a person looks for them: what each means, whence it comes, and who else uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from assembly_line.declarations.derived import Expression, Ratio, parts_of
from assembly_line.declarations.entities import entities_of
from assembly_line.declarations.features import Aggregate, Latest, Share, SinceLast, StaticFeature, Timed, Windowed
from assembly_line.declarations.formulas import Operation, Reference, Term
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.features.model.workload import columns_of, kind_of
from assembly_line.features.wording.wording import duration, in_words, length


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFeature:
    """One declared feature.

    Args:
        kind: aggregate kind, `share`, `latest`, `slowly_changing`, `since_last`, `static`, `udf`, `ratio` or
            `expression`.
        type: type of its values.
        sources: names, of all parts for a ratio or an expression; likewise entities and columns.
        window: how far back it looks, in words; None where there is no bound.
        columns: whose values it rests on, those of its predicate included.
        personal: whether one of these is declared personal.
        parts: features that a ratio or an expression is made of.
        groups: groups of the line that it belongs to.
    """

    name: str
    definition: str
    kind: str
    type: str
    sources: tuple[str, ...]
    entities: tuple[str, ...]
    columns: tuple[str, ...]
    window: str | None
    personal: bool
    parts: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def matches(self, text: str) -> bool:
        """Whether every word of the text occurs in what is said of the feature, in any case."""
        named = (*self.sources, *self.entities, *self.columns, *self.groups)
        said = " ".join((self.name, self.definition, self.kind, *named)).lower()
        return all(word in said for word in text.lower().split())


def listed_features(line: Line) -> list[ListedFeature]:
    """Every feature of a line, in declared order."""
    return [replace(_listed(line, name), groups=_groups(line, name)) for name in line.features]


class Users:
    """Which of these lines declare the same feature. Descriptions do not matter.

    Args:
        lines: current declarations by name.
    """

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._features = {
            line: {name: _resolved(declared, name) for name in declared.features} for line, declared in lines.items()
        }

    def of(self, line: Line, name: str) -> dict[str, str]:
        """Line -> what the feature of `line` is called there."""
        sought = _resolved(line, name)
        found = {}
        for other, features in self._features.items():
            same = [candidate for candidate, resolved in features.items() if resolved == sought]
            if same:
                found[other] = name if name in same else same[0]
        return found


def _listed(line: Line, name: str) -> ListedFeature:
    feature = line.features[name]
    if isinstance(feature, Ratio | Expression):
        parts = [_listed(line, part) for part in parts_of(feature)]
        windows = [part.window for part in parts if part.window is not None]
        return ListedFeature(
            name=name,
            definition=in_words(line, name),
            kind="ratio" if isinstance(feature, Ratio) else "expression",
            type=kind_of(line, name),
            sources=_once(source for part in parts for source in part.sources),
            entities=_once(entity for part in parts for entity in part.entities),
            columns=_once(column for part in parts for column in part.columns),
            window=" / ".join(_once(windows)) or None,
            personal=any(part.personal for part in parts),
            parts=tuple(part.name for part in parts),
        )
    columns = (feature.column,) if isinstance(feature, StaticFeature) else columns_of(feature)
    return ListedFeature(
        name=name,
        definition=in_words(line, name),
        kind=_kind(feature),
        type=kind_of(line, name),
        sources=(feature.source.name,),
        entities=tuple(entity.name for entity in entities_of(feature.by)),
        columns=columns,
        window=_window(feature),
        personal=not set(columns).isdisjoint(feature.source.personal),
        parts=(),
    )


def _groups(line: Line, name: str) -> tuple[str, ...]:
    return tuple(group for group, members in line.groups.items() if name in members)


def _kind(feature: Timed | StaticFeature) -> str:
    match feature:
        case Aggregate():
            return feature.kind
        case Latest():
            return "latest" if feature.source.valid_until is None else "slowly_changing"
        case Share():
            return "share"
        case SinceLast():
            return "since_last"
        case StaticFeature():
            return "static"
        case UdfFeature():
            return "udf"
        case _:
            assert_never(feature)


def _window(feature: Any) -> str | None:
    if isinstance(feature, Windowed):
        return length(feature.window)
    max_age = getattr(feature, "max_age", None)
    return None if max_age is None else duration(max_age)


def _resolved(line: Line, name: str) -> Any:
    """A feature without names and descriptions, so that equal ones compare equal."""
    feature = line.features[name]
    if isinstance(feature, Ratio | Expression):
        # Parts may be called otherwise there: they are numbered.
        parts = parts_of(feature)
        numbered = {part: str(number) for number, part in enumerate(parts)}
        form = _renamed(feature.tree, numbered) if isinstance(feature, Expression) else "ratio"
        return (form, *(_resolved(line, part) for part in parts))
    return replace(feature, source=_undescribed(feature.source))


def _undescribed(source: Source) -> Source:
    return replace(source, description="", personal=(), inputs=tuple(map(_undescribed, source.inputs)))


def _renamed(term: Term, names: Mapping[str, str]) -> Term:
    if isinstance(term, Reference):
        return Reference(names[term.name])
    if isinstance(term, Operation):
        return Operation(term.sign, tuple(_renamed(operand, names) for operand in term.operands))
    return term


def _once(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
