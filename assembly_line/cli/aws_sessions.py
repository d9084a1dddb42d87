"""Sessions of commands with AWS: of botocore alone, since boto3 loads transfers and resources as well."""

from __future__ import annotations

import os
from pathlib import Path

from botocore.loaders import Loader
from botocore.session import Session


def new_session(*, profile: str | None = None, region: str | None = None) -> Session:
    """A session with the usual chain of credentials; a Region or profile that is not given is that of the user."""
    session = Session(profile=profile)
    if region is not None:
        session.set_config_variable("region", region)
    session.register_component("data_loader", _Services(_folders(session.get_config_variable("data_path"))))
    return session


def _folders(given: str | None) -> list[str]:
    """Where the user keeps descriptions of services beside those of botocore."""
    return [str(Path(folder).expanduser()) for folder in (given or "").split(os.pathsep) if folder]


class _Services(Loader):
    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the signature of botocore
        # botocore looks into each of its four hundred folders, to refuse a name that no command gives.
        return [name for folder in self.search_paths if Path(folder).is_dir() for name in os.listdir(folder)]  # noqa: PTH208
