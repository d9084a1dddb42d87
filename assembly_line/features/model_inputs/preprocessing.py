"""Preprocessing fitted on a training part, and applied the same to every other row ever after. It travels by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

import numpy as np

from assembly_line.canonical import digest
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.encoding import LARGEST, Kind
from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.numbers import NULL, UNSEEN, categories_of, kind_of, numbers_of, places_of
from assembly_line.features.values.columns import Column, Floats

SCHEMA = "assembly-line/preprocessing"
VERSION = 1
ONE_HOT_LIMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedColumn:
    """What becomes of one feature.

    Args:
        categories: those of the training part, by code point; empty unless a category.
        one_hot: a column for each category, rather than one with their index.
        missing: a further column says where the value was missing.
        unknown: a further column says where the category was none of these.
        fill: what stands for a missing number; None leaves it missing.
        center, scale: a number becomes (number - center) / scale.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    one_hot: bool = False
    missing: bool = False
    unknown: bool = False
    fill: float | None = None
    center: float = 0.0
    scale: float = 1.0

    @property
    def outputs(self) -> dict[str, str]:
        """Output column -> what it says, in order. A point never stands in a feature's own name."""
        if not self.one_hot:
            outputs = {self.name: self._meaning()}
        else:
            outputs = {f"{self.name}.{n}": f"1 where it is {value!r}" for n, value in enumerate(self.categories)}
        if self.unknown:
            outputs[f"{self.name}.unknown"] = "1 where the training part did not hold the value"
        if self.missing:
            outputs[f"{self.name}.missing"] = "1 where the value is missing"
        return outputs

    def _meaning(self) -> str:
        if self.kind == "category":
            return "index among the categories"
        words = {"number": "the number", "boolean": "0 or 1", "time": "days since 1970-01-01"}[self.kind]
        filled = "" if self.fill is None else f", {self.fill!r} where missing"
        scaled = "" if (self.center, self.scale) == (0.0, 1.0) else f", less {self.center!r}, by {self.scale!r}"
        return words + filled + scaled


@dataclass(frozen=True, slots=True)
class Fitted:
    """The preprocessing of all features, in order of the columns."""

    columns: tuple[FittedColumn, ...]

    @property
    def outputs(self) -> dict[str, tuple[str, str]]:
        """Output column -> (feature, meaning), in order."""
        return {name: (column.name, words) for column in self.columns for name, words in column.outputs.items()}

    @property
    def digest(self) -> str:
        """Names what was fitted: 64 hexadecimal digits."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        columns = [{**asdict(column), "categories": list(column.categories)} for column in self.columns]
        return {"schema": SCHEMA, "version": VERSION, "columns": columns}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fitted:
        """Read what `to_json` wrote.

        Raises:
            RequestRefused: the document is of another schema or version.
        """
        if (document.get("schema"), document.get("version")) != (SCHEMA, VERSION):
            raise RequestRefused(
                f"preprocessing: schema {document.get('schema')!r} version {document.get('version')!r}; "
                f"expected {SCHEMA} version {VERSION}; ask for the dataset's model inputs again"
            )
        columns = document["columns"]
        return cls(tuple(FittedColumn(**{**one, "categories": tuple(one["categories"])}) for one in columns))


def fit(features: Mapping[str, Column], preprocessing: Preprocessing) -> Fitted:
    """Learn categories, fillings and scales.

    Args:
        features: in the order of the model's columns; the rows of the training part alone.

    Raises:
        RequestRefused: one column for each category would be too many.
    """
    return Fitted(tuple(_fit_column(name, column, preprocessing) for name, column in features.items()))


def apply(fitted: Fitted, features: Mapping[str, Column]) -> dict[str, Floats]:
    """The numbers that a model reads: output column -> values, NaN where missing. The same rows give the same numbers.

    Args:
        features: at least those that were fitted, of any rows.

    Raises:
        ValueError: a feature is missing, or of another kind than the one that was fitted.
    """
    outputs: dict[str, Floats] = {}
    for column in fitted.columns:
        values = features.get(column.name)
        if values is None or kind_of(values) != column.kind:
            found = "absent" if values is None else kind_of(values)
            raise ValueError(f"feature {column.name}: {found}, expected a {column.kind}")
        answers = _categories(column, values) if column.kind == "category" else _number(column, values)
        outputs |= dict(zip(column.outputs, answers, strict=True))
    return outputs


def unseen(fitted: Fitted, features: Mapping[str, Column]) -> dict[str, int]:
    """Feature -> how many rows hold a category that the training part did not; only features where there are some."""
    categories = [column for column in fitted.columns if column.kind == "category"]
    counts = {
        column.name: int((places_of(features[column.name], column.categories) == UNSEEN).sum()) for column in categories
    }
    return {name: number for name, number in counts.items() if number}


def _fit_column(name: str, column: Column, how: Preprocessing) -> FittedColumn:
    kind = kind_of(column)
    if kind == "category":
        categories = categories_of(column)
        if how.encoding == "one_hot" and len(categories) > ONE_HOT_LIMIT:
            raise RequestRefused(
                f"model.encoding: feature {name} has {len(categories)} categories in the training part; one_hot takes "
                f"at most {ONE_HOT_LIMIT}; use encoding ordinal, or leave the feature out",
                where="model.encoding",
                value=f"one_hot of {name} with {len(categories)} categories",
                expected=f"at most {ONE_HOT_LIMIT} categories",
            )
        return FittedColumn(
            name=name,
            kind=kind,
            categories=categories,
            one_hot=how.encoding == "one_hot",
            missing=how.unknown and not bool(column.valid.all()),
            unknown=how.unknown,
        )
    numbers = numbers_of(name, column)
    absent = np.isnan(numbers)
    fill = None if how.imputation == "none" else _filling(numbers[~absent], how.imputation)
    if fill is not None:
        numbers[absent] = fill
    center, scale = _scale(numbers[~np.isnan(numbers)], how.scaling) if kind != "boolean" else (0.0, 1.0)
    missing = fill is not None and bool(absent.any())
    return FittedColumn(name=name, kind=kind, missing=missing, fill=fill, center=center, scale=scale)


def _filling(present: Floats, imputation: Literal["mean", "median", "zero"]) -> float:
    match imputation:
        case "mean":
            return float(present.mean()) if present.size else 0.0
        case "median":
            return float(np.median(present)) if present.size else 0.0
        case "zero":
            return 0.0
        case _:
            assert_never(imputation)


def _scale(numbers: Floats, scaling: Literal["none", "standard", "robust"]) -> tuple[float, float]:
    """Center and scale; a column without any spread is only centered."""
    if not numbers.size:
        return 0.0, 1.0
    match scaling:
        case "none":
            return 0.0, 1.0
        case "standard":
            center, scale = float(numbers.mean()), float(numbers.std())
        case "robust":
            lower, center, upper = np.percentile(numbers, (25, 50, 75)).tolist()
            scale = upper - lower
        case _:
            assert_never(scaling)
    rounding = 10 * np.finfo(np.float64).eps * abs(center)
    return center, scale if scale > rounding else 1.0


def _number(column: FittedColumn, values: Column) -> list[Floats]:
    numbers = numbers_of(column.name, values)
    absent = np.isnan(numbers)
    if column.fill is not None:
        numbers[absent] = column.fill
    scaled = np.clip((numbers - column.center) / column.scale, -LARGEST, LARGEST)
    return [scaled, absent.astype(np.float64)] if column.missing else [scaled]


def _categories(column: FittedColumn, values: Column) -> list[Floats]:
    places = places_of(values, column.categories)
    if not column.one_hot:
        return [np.where(places < 0, np.nan, places.astype(np.float64))]
    outputs = [(places == place).astype(np.float64) for place in range(len(column.categories))]
    if not column.unknown:
        for output in outputs:
            output[places == NULL] = np.nan
        return outputs
    # Where the training part held no missing value, one is as unknown as an unseen category.
    unknown = places == UNSEEN if column.missing else places < 0
    missing = [(places == NULL).astype(np.float64)] if column.missing else []
    return [*outputs, unknown.astype(np.float64), *missing]
