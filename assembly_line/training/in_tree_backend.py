"""Builds the scripts of a release into a wheel. It travels beside them and needs nothing but Python 3.8.

The containers of XGBoost and scikit-learn run `pip install .` on the script folder before they train and serve. Without
a build backend pip fetches setuptools, and an isolated container has no network to fetch it from.

Source: PEP 517 (the hook `build_wheel`), the binary distribution format of the PyPA (the wheel's members).
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

NAME, VERSION = "release_scripts", "1.0.0"
INFORMATION = f"{NAME}-{VERSION}.dist-info"
# The toolkit in the container writes setup.py beside the scripts.
NOT_INSTALLED = ("in_tree_backend.py", "setup.py")


def build_wheel(
    wheel_directory: str,
    config_settings: object = None,  # noqa: ARG001 - pip calls the hook with these names
    metadata_directory: object = None,  # noqa: ARG001
) -> str:
    """Write a wheel of every script in the working folder, and return its file name."""
    members = {path.name: path.read_bytes() for path in sorted(Path().glob("*.py")) if path.name not in NOT_INSTALLED}
    members[f"{INFORMATION}/METADATA"] = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n".encode()
    members[f"{INFORMATION}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in members.items())
    members[f"{INFORMATION}/RECORD"] = f"{record}{INFORMATION}/RECORD,,\n".encode()
    wheel = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return wheel


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
