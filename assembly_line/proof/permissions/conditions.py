"""IAM's condition operators. A key that a request does not have fails, but for the operators that say otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from assembly_line.errors import ProofError
from assembly_line.proof.permissions.rules import matches

Values = tuple[str, ...]
Context = Mapping[str, Values]
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_POSITIVE: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "NumericEquals": lambda wanted, given: float(wanted) == float(given),
    "NumericLessThanEquals": lambda wanted, given: float(given) <= float(wanted),
    "NumericGreaterThanEquals": lambda wanted, given: float(given) >= float(wanted),
}
_NEGATIVE = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def hold(conditions: Mapping[str, Mapping[str, Values]], context: Context) -> bool:
    """Whether every key of every operator holds."""
    given = {key.lower(): values for key, values in context.items()}
    return all(
        _holds(operator, key.lower(), wanted, given)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, key: str, wanted: Values, context: Context) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    given = context.get(key)
    if plain == "Null":
        return any((each.lower() == "true") == (given is None) for each in wanted)
    base = plain.removesuffix("IfExists")
    if given is None:
        return base != plain or base in _NEGATIVE or quantifier == "ForAllValues"
    filled = tuple(text for each in wanted if (text := _filled(each, context)) is not None)
    if base in _NEGATIVE:
        return not any(_one(_NEGATIVE[base], filled, value) for value in given)
    if quantifier == "ForAllValues":
        return all(_one(base, filled, value) for value in given)
    return any(_one(base, filled, value) for value in given)


def _one(operator: str, wanted: Values, given: str) -> bool:
    if operator not in _POSITIVE:
        raise ProofError(
            f"condition operator {operator!r}: expected one that proof/permissions/conditions.py knows; add it there"
        )
    return any(_POSITIVE[operator](each, given) for each in wanted)


def _filled(text: str, context: Context) -> str | None:
    """The text with its variables; None if the request lacks one, which matches nothing."""
    names = [name for name in _VARIABLE.findall(text) if name not in _LITERALS]
    if any(name.lower() not in context for name in names):
        return None
    return _VARIABLE.sub(lambda found: _LITERALS.get(found[1]) or context[found[1].lower()][0], text)
