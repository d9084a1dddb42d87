"""The model frameworks: SageMaker's image of each, how it saves a model, and how its container runs scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rows = Literal["array", "dmatrix", "tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One framework, as `Training(framework=...)` names it. Its versions stand in `declarations/images.json`.

    Args:
        repositories: of its images, to train and to serve; they stand in the images' URIs.
        sdk_name: what SageMaker's SDK calls it.
        packages: what brings it, by name in a package index; the first is the one to install on a machine.
        artefact: a format that cannot execute code when it is loaded, in words.
        installed_to_train, installed_to_serve: the container installs the script folder with pip before it runs it.
            Otherwise it installs `requirements.txt` alone.
        rows: what the server makes of CSV where `inference.py` has no `input_fn`.
        in_functions: the version that the serving function has, as the image's version begins; None if it has none.
    """

    name: str
    repositories: tuple[str, ...]
    sdk_name: str
    packages: tuple[str, ...]
    artefact: str
    installed_to_train: bool
    installed_to_serve: bool
    rows: Rows
    in_functions: str | None = None


XGBOOST = Framework(
    name="xgboost",
    repositories=("sagemaker-xgboost",),
    sdk_name="xgboost",
    packages=("xgboost-cpu", "xgboost"),
    artefact="XGBoost's JSON or UBJ (save_model('model.json'))",
    installed_to_train=True,
    installed_to_serve=True,
    rows="dmatrix",
    in_functions="3.2",
)
# It trains with sagemaker-training, which installs no plain script.
SCIKIT_LEARN = Framework(
    name="scikit-learn",
    repositories=("sagemaker-scikit-learn",),
    sdk_name="sklearn",
    packages=("scikit-learn",),
    artefact="ONNX of a scikit-learn estimator (skl2onnx)",
    installed_to_train=False,
    installed_to_serve=True,
    rows="array",
)
# It trains with sagemaker-training as well, and serves with TorchServe.
PYTORCH = Framework(
    name="pytorch",
    repositories=("pytorch-training", "pytorch-inference"),
    sdk_name="pytorch",
    packages=("torch",),
    artefact="safetensors of PyTorch's weights (safetensors.torch.save_file)",
    installed_to_train=False,
    installed_to_serve=False,
    rows="tensor",
)
FRAMEWORKS = {framework.name: framework for framework in (XGBOOST, SCIKIT_LEARN, PYTORCH)}


def framework_of(image: str) -> Framework | None:
    """The framework of an image's URI; None for an image of another kind."""
    repository = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return next((framework for framework in FRAMEWORKS.values() if repository in framework.repositories), None)


def rows_of(image: str) -> Rows:
    """What the server of an image makes of CSV where `inference.py` does not say."""
    framework = framework_of(image)
    return "array" if framework is None else framework.rows


def safe_formats() -> str:
    """Formats to save a model in, in words."""
    return f"such as {', '.join(framework.artefact for framework in FRAMEWORKS.values())}"
