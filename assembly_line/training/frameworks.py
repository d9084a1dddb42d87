"""The model frameworks: SageMaker's image of each, how it saves a model, and how its container runs scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One framework, as `Training(framework=...)` names it. Its versions stand in `declarations/sagemaker/images.json`.

    Args:
        repository: of its image; it stands in the image's URI.
        sdk_name: what SageMaker's SDK calls it.
        artefact: a format of its own that cannot execute code when it is loaded; None if it has none.
        installed_to_train, installed_to_serve: the container installs the script folder with pip before it runs it.
        rows: what the server makes of CSV where `inference.py` has no `input_fn`.
        in_functions: the version that the serving function has, as the image's version begins; None if it has none.
    """

    name: str
    repository: str
    sdk_name: str
    artefact: str | None
    installed_to_train: bool
    installed_to_serve: bool
    rows: Literal["array", "dmatrix"]
    in_functions: str | None = None


XGBOOST = Framework(
    name="xgboost",
    repository="sagemaker-xgboost",
    sdk_name="xgboost",
    artefact="XGBoost's JSON or UBJ (save_model('model.json'))",
    installed_to_train=True,
    installed_to_serve=True,
    rows="dmatrix",
    in_functions="3.2",
)
# It trains with sagemaker-training, which installs no plain script.
SCIKIT_LEARN = Framework(
    name="scikit-learn",
    repository="sagemaker-scikit-learn",
    sdk_name="sklearn",
    artefact=None,
    installed_to_train=False,
    installed_to_serve=True,
    rows="array",
)
FRAMEWORKS = {framework.name: framework for framework in (XGBOOST, SCIKIT_LEARN)}


def framework_of(image: str) -> Framework | None:
    """The framework of an image's URI; None for an image of another kind."""
    repository = image.rpartition("/")[2].partition(":")[0]
    return next((framework for framework in FRAMEWORKS.values() if framework.repository == repository), None)


def safe_formats() -> str:
    """Formats to save a model in, in words."""
    own = [framework.artefact for framework in FRAMEWORKS.values() if framework.artefact]
    return f"such as {', '.join(own)} or ONNX"
