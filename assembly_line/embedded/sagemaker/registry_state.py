"""What moto's SageMaker remembers, as one JSON file: written after each change, read at the next start.

JSON rather than a pickle: a file in the state folder can then never run code when it is read.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.core.base_backend import BackendDict
from moto.sagemaker.models import (
    FakeEndpointConfig,
    FakeTrainingJob,
    FakeTransformJob,
    HyperParameterTuningJob,
    Model,
    ModelPackage,
    ModelPackageGroup,
    SageMakerModelBackend,
)

from assembly_line.errors import EmbeddedAwsError

FORMAT = 1
INSTANT = "$instant"
# The backend's dictionaries that are kept, and what each holds; None is plain text.
KEPT: dict[str, type[object] | None] = {
    "model_package_groups": ModelPackageGroup,
    "model_packages": ModelPackage,
    "model_package_name_mapping": None,
    "_models": Model,
    "training_jobs": FakeTrainingJob,
    "transform_jobs": FakeTransformJob,
    "hyper_parameter_tuning_jobs": HyperParameterTuningJob,
    "endpoint_configs": FakeEndpointConfig,
}


class RegistryState:
    """The file, and the moto backends that it mirrors."""

    def __init__(self, folder: Path, backends: BackendDict[SageMakerModelBackend], account: str) -> None:
        self.path = folder / "registry.json"
        self._backends, self._account = backends, account

    def save(self) -> None:
        """Write the whole registry. The file is replaced in one step: a reader sees the old or the new.

        Raises:
            OSError: the file system refused; the last file is untouched.
        """
        regions = {region: _dump(backend) for region, backend in self._backends[self._account].items()}
        text = json.dumps({"format": FORMAT, "regions": regions}, default=_encode)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def load(self) -> list[SageMakerModelBackend]:
        """Fill the backends from the file, if there is one. Returns those that were filled.

        Raises:
            EmbeddedAwsError: the file is not one that this class wrote.
        """
        if not self.path.exists():
            return []
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"), object_hook=_decode)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, expected {FORMAT}")
            for region, kept in content["regions"].items():
                _fill(self._backends[self._account][region], kept)
            return [self._backends[self._account][region] for region in content["regions"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EmbeddedAwsError(
                f"{self.path}: not a registry that this version wrote ({error}); move the file aside to begin anew"
            ) from error


def _dump(backend: SageMakerModelBackend) -> dict[str, Any]:
    return {
        name: {key: item if isinstance(item, str) else vars(item) for key, item in getattr(backend, name).items()}
        for name in KEPT
    }


def _fill(backend: SageMakerModelBackend, kept: dict[str, Any]) -> None:
    for name, kind in KEPT.items():
        for key, item in kept.get(name, {}).items():
            getattr(backend, name)[key] = item if kind is None else _revive(kind, item)


def _revive(kind: type[object], attributes: dict[str, Any]) -> Any:
    # Not through __init__, which would stamp new times and moto's own ideas of a finished job.
    revived: Any = object.__new__(kind)
    vars(revived).update(attributes)
    return revived


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {INSTANT: value.isoformat()}
    if hasattr(value, "items"):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in the registry's file")


def _decode(value: dict[str, Any]) -> Any:
    if value.keys() != {INSTANT}:
        return value
    try:
        return datetime.fromisoformat(value[INSTANT])
    except (ValueError, TypeError):
        return value
