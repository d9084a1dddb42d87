"""Hostile archives of models: refused before anything is loaded, executed, or written where the archive says."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assembly_line.canonical import digest_bytes
from assembly_line.errors import TrainingRejected
from assembly_line.training.archive import Limits, build_archive
from assembly_line.training.code_folder import installable

SCRIPTS = {"train.py": b"print('train')", "inference.py": b"def model_fn(folder): ..."}
Members = list[tuple[tarfile.TarInfo, bytes]]


class Canary:
    """Unpickling this writes a file: where none is written, nothing was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.touch, (self.path,))


def plain(name: str, content: bytes = b"{}") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def packed(folder: Path, members: Members) -> Path:
    path = folder / "saved.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


def build(folder: Path, members: Members, limits: Limits | None = None) -> str:
    return build_archive(packed(folder, members), SCRIPTS, folder / "model.tar.gz", limits=limits)


def test_the_final_archive_holds_the_jobs_files_and_the_releases_code(tmp_path: Path) -> None:
    digest = build(
        tmp_path, [special(".", tarfile.DIRTYPE), plain("./model.json", b'{"a":1}'), plain("sub/b.ubj", b"{")]
    )

    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        content = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    assert content == {
        "model.json": b'{"a":1}',
        "sub/b.ubj": b"{",
        **{f"code/{name}": content for name, content in installable(SCRIPTS).items()},
    }
    assert digest == digest_bytes((tmp_path / "model.tar.gz").read_bytes())


def test_equal_content_gives_an_equal_digest_whatever_the_jobs_order_and_times(tmp_path: Path) -> None:
    first = build(tmp_path, [plain("a.json"), plain("b.json")])
    late, content = plain("a.json")
    late.mtime, late.uid, late.mode = 1_700_000_000, 1000, 0o777

    assert build(tmp_path, [plain("./b.json"), (late, content)]) == first
    assert build(tmp_path, [plain("a.json", b"[]"), plain("b.json")]) != first


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (plain("/etc/passwd"), "outside of the model's folder"),
        (plain("../model.json"), "outside of the model's folder"),
        (plain("a/../../b.json"), "outside of the model's folder"),
        (plain("a\\b.json"), "outside of the model's folder"),
        (plain("a\nb.json"), "outside of the model's folder"),
        (special("model.json", tarfile.SYMTYPE, "/etc/passwd"), "link, a device"),
        (special("model.json", tarfile.LNKTYPE, "other"), "link, a device"),
        (special("model.json", tarfile.CHRTYPE), "link, a device"),
        (special("model.json", tarfile.FIFOTYPE), "link, a device"),
        (plain("code/inference.py"), "for the release's scripts alone"),
        (plain("./code/inference.py"), "for the release's scripts alone"),
        (special("code", tarfile.SYMTYPE, "elsewhere"), "link, a device"),
        (plain("model.pkl"), "can execute code when loaded; prefer formats that cannot"),
        (plain("Model.JOBLIB"), "can execute code when loaded"),
    ],
)
def test_a_member_that_escapes_links_or_executes_is_refused_by_name(
    tmp_path: Path, member: tuple[tarfile.TarInfo, bytes], message: str
) -> None:
    with pytest.raises(TrainingRejected, match=message) as raised:
        build(tmp_path, [plain("good.json"), member])
    assert repr(member[0].name.removeprefix("./")) in str(raised.value) or repr(member[0].name) in str(raised.value)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_under_any_name_and_never_loaded(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "executed"
    content = pickle.dumps(Canary(canary), protocol=protocol)

    with pytest.raises(TrainingRejected, match=r"'model.json' is a pickle"):
        build(tmp_path, [plain("model.json", content)])
    assert not canary.exists()


def test_a_pickle_inside_a_zip_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", b"")

    with pytest.raises(TrainingRejected, match="is a pickle"):
        build(tmp_path, [plain("weights.bin", content.getvalue())])


@pytest.mark.parametrize("content", [b"", b"0.", b"0.31\n", b"class_names\nred\n", b'{"learner":1}', b"\x89PNG", b"N."])
def test_harmless_files_are_not_taken_for_pickles(tmp_path: Path, content: bytes) -> None:
    build(tmp_path, [plain("file", content)])


def test_a_bomb_is_stopped_before_it_expands(tmp_path: Path) -> None:
    bomb = tarfile.TarInfo("model.json")
    bomb.size = 40 * 1024 * 1024
    path = packed(tmp_path, [(bomb, bytes(bomb.size))])
    assert path.stat().st_size < 100_000

    with pytest.raises(TrainingRejected, match="expands beyond 1000000 bytes"):
        build_archive(path, SCRIPTS, tmp_path / "model.tar.gz", limits=Limits(expanded_bytes=1_000_000))
    assert not (tmp_path / "model.tar.gz").exists()


def test_a_header_that_claims_to_be_huge_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 200 * 1024 * 1024
    path = tmp_path / "saved.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(200):
            file.write(bytes(1024 * 1024))
    tracemalloc.start()

    with pytest.raises(TrainingRejected, match="header of 2097"):
        build_archive(path, SCRIPTS, tmp_path / "model.tar.gz")

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 1024 * 1024


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    sparse = tarfile.TarInfo("model.json")
    sparse.type, sparse.size = tarfile.GNUTYPE_SPARSE, 0

    with pytest.raises(TrainingRejected, match="sparse file"):
        build(tmp_path, [(sparse, b"")])


def test_numbers_and_sizes_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(TrainingRejected, match="more than 3 members"):
        build(tmp_path, [plain(f"{number}.json") for number in range(4)], Limits(members=3))
    with pytest.raises(TrainingRejected, match="at most 50 are accepted"):
        build(tmp_path, [plain("model.json")], Limits(packed_bytes=50))


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRejected, match=r"'model\.json' is there twice"):
        build(tmp_path, [plain("model.json"), plain("./model.json", b"[]")])


def test_an_empty_archive_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingRejected, match=r"is empty; train\.py must save its model into SM_MODEL_DIR"):
        build(tmp_path, [])


def damaged(content: bytes) -> bytes:
    return content[:60] + struct.pack("B", content[60] ^ 0xFF) + content[61:]


@pytest.mark.parametrize("change", [lambda _: b"", lambda _: b"no archive", lambda content: content[:-20], damaged])
def test_a_damaged_archive_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = packed(tmp_path, [plain("model.json", bytes(range(256)) * 50)])
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(TrainingRejected, match="model archive"):
        build_archive(path, SCRIPTS, tmp_path / "model.tar.gz")
