"""The app, synthesized once a session: all these tests read the same templates."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from assembly_line.proof.physical_names import Place
from assembly_line.proof.templates import read_templates
from assembly_line.proof.world import World
from tests.synth.cloud_assembly import Assembly, synthesize


@pytest.fixture(scope="session")
def empty_layer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Stands in for the 150 MB of the real one, which no template looks into."""
    folder = tmp_path_factory.mktemp("layer")
    (folder / "python").mkdir()
    (folder / "python" / "empty.txt").write_text("stands in for the dependency layer\n", encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="session")
def syntheses(tmp_path_factory: pytest.TempPathFactory, empty_layer: str) -> Iterator[dict[str, Future[Assembly]]]:
    """All that is synthesized, started together on the first use."""
    wanted = {
        "embedded": {"nag": "true"},
        "again": {},
        "prod": {"environment": "prod", "nag": "true"},
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {
            name: pool.submit(synthesize, tmp_path_factory.mktemp(name) / "cdk.out", layer=empty_layer, **context)
            for name, context in wanted.items()
        }


@pytest.fixture(scope="session")
def assembly(syntheses: dict[str, Future[Assembly]]) -> Assembly:
    """The embedded environment, under the security rules."""
    return syntheses["embedded"].result()


@pytest.fixture(scope="session")
def assembly_again(syntheses: dict[str, Future[Assembly]]) -> Assembly:
    """The embedded environment once more, by another process."""
    return syntheses["again"].result()


@pytest.fixture(scope="session")
def production(syntheses: dict[str, Future[Assembly]]) -> Assembly:
    """The production environment, under the security rules."""
    return syntheses["prod"].result()


@pytest.fixture(scope="session")
def each_world(each_assembly: Assembly) -> World:
    """Both environments with every reference filled in."""
    return World(read_templates(each_assembly.folder, each_assembly.environment), Place())


@pytest.fixture(scope="session", params=["embedded", "prod"])
def each_assembly(request: pytest.FixtureRequest, syntheses: dict[str, Future[Assembly]]) -> Assembly:
    """Both environments in turn."""
    return syntheses[request.param].result()
