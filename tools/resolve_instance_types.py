"""Writes declarations/sagemaker/instance_types.json: which types train, which score, and their local storage.

Needs the packages of the demo, no network and no credentials: `python tools/resolve_instance_types.py`. SageMaker's own
model says which types a training job and a transform job take. EC2's description of each type, as moto ships it, says
which have local storage.
"""

from __future__ import annotations

import gzip
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

TARGET = Path(__file__).parents[1] / "assembly_line" / "declarations" / "sagemaker" / "instance_types.json"
# Not among the described types. P2 and P3 have volumes alone; source: aws.amazon.com/ec2/instance-types.
VOLUMES_ALONE = ("ml.p2.", "ml.p3.")
# As above; the size, in GB, is that of the three disks of 7.5 TB.
DESCRIBED_HERE = {"ml.p6e-gb200.36xlarge": 22500}


def main() -> None:
    TARGET.write_text(json.dumps(resolved(), indent=2) + "\n", encoding="utf-8")


def resolved() -> dict[str, Any]:
    """The document: types by use, and GB of local storage of those that have any."""
    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    training, transform = (sorted(shapes[f"{use}InstanceType"]["enum"]) for use in ("Training", "Transform"))
    packed = files("moto").joinpath("ec2/resources/instance_types.json.gz").read_bytes()
    described = json.loads(gzip.decompress(packed))
    sizes = {name: local_storage_gb(name, described) for name in sorted({*training, *transform})}
    return {
        "resolved_with": f"botocore {version('botocore')}, moto {version('moto')}",
        "training": training,
        "transform": transform,
        "local_storage_gb": {name: size for name, size in sizes.items() if size},
    }


def local_storage_gb(name: str, described: dict[str, Any]) -> int:
    """GB of local storage of a type, 0 without any.

    Raises:
        SystemExit: nothing describes the type.
    """
    if name in DESCRIBED_HERE or name.startswith(VOLUMES_ALONE):
        return DESCRIBED_HERE.get(name, 0)
    found = described.get(name.removeprefix("ml."))
    if found is None:
        raise SystemExit(f"{name}: EC2's description is missing; look its local storage up, and add it to this tool")
    return int(found["InstanceStorageInfo"]["TotalSizeInGB"]) if found["InstanceStorageSupported"] else 0


if __name__ == "__main__":
    main()
