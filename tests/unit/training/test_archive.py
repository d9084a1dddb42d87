"""Hostile archives of models: refused before anything is loaded, executed, or written where the archive says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import re
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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


def test_the_wheels_of_the_release_lie_beside_its_scripts(tmp_path: Path) -> None:
    saved, target = packed(tmp_path, [plain("model.onnx", b"\x08\x0a")]), tmp_path / "model.tar.gz"
    wheels = {"a-1-py3-none-any.whl": b"PK a", "b-2-py3-none-any.whl": b"PK b"}

    digest = build_archive(saved, SCRIPTS, target, wheels=wheels.items())

    with tarfile.open(target) as archive:
        found = {member.name: content.read() for member in archive if (content := archive.extractfile(member))}
    assert {name.removeprefix("code/wheels/"): content for name, content in found.items() if ".whl" in name} == wheels
    assert digest == digest_bytes(target.read_bytes()) != build_archive(saved, SCRIPTS, target)


def test_safetensors_are_no_pickle_whatever_the_length_of_their_header(tmp_path: Path) -> None:
    """Their first eight bytes are that length, and may be those of a pickle's protocol."""
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    of_length = {
        f"{length}.safetensors": struct.pack("<Q", length) + header.ljust(length) + struct.pack("<2f", 1.5, -2.5)
        for length in (*range(len(header), 700), 0x8002, 0x8004)
    }

    assert build(tmp_path, [plain(name, content) for name, content in of_length.items()])


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
        (plain("a\nb.json"), r"has the character U\+000A in its name, which cannot be seen; rename it"),
        (plain("a\u00a0b.json"), r"has the character U\+00A0 in its name"),
        (plain("a\u200db.json"), r"has the character U\+200D in its name"),
        (plain("a/"), "names no file; expected one such as model.json"),
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


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(plain(name, content)[0], io.BytesIO(content))
    return file.getvalue()


def saved(array: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


# It executes nothing; whether it would is not looked at where a pickle has its mark.
LIST = pickle.dumps([1, 2, 3], protocol=4)
# The oldest form of a pickle that calls something: `print("loaded")`, which is never loaded here.
CALL = b"cbuiltins\nprint\n(Vloaded\ntR."
OBJECTS = saved(np.array([{}], dtype=object))
# A pickle of a complex number without its mark: it names the type and calls it.
COMPLEX = pickle.dumps(1j, protocol=4)[2:]
HIDDEN = {
    "compressed by gzip": gzip.compress(LIST),
    "compressed by bz2": bz2.compress(LIST),
    "compressed by xz": lzma.compress(LIST),
    "compressed by lzma": lzma.compress(LIST, format=lzma.FORMAT_ALONE),
    "compressed by zlib": zlib.compress(LIST),
    "compressed by zlib at level 1": zlib.compress(LIST, 1),
    "second of two streams behind zeros": gzip.compress(b"") + bytes(3000) + gzip.compress(LIST),
    "second of two bz2 streams behind zeros": bz2.compress(b"") + bytes(4) + bz2.compress(LIST),
    "second of two xz streams behind zeros": lzma.compress(b"") + bytes(4) + lzma.compress(LIST),
    "compressed twice": bz2.compress(gzip.compress(LIST)),
    "second of two compressed streams": gzip.compress(b"N.") + gzip.compress(CALL),
    "compressed, and cut off behind it": zlib.compress(CALL + bytes(range(256)) * 4000)[:-6],
    "an array of objects": OBJECTS,
    "an array with a field of objects": saved(np.array([(1, {})], dtype=[("a", "<i8"), ("b", "O")])),
    "second of two arrays": saved(np.arange(5.0)) + OBJECTS,
    "behind an array": saved(np.arange(5)) + LIST,
    "in arrays packed together": zipped({"a.npy": saved(np.arange(3)), "b.npy": OBJECTS}),
    "second of two pickles": b"(lp0\nI1\na." + CALL,
    "behind a line of text": b"weights, version 1\n" + LIST,
    "behind text of many bytes": "é".encode() * 600_000 + LIST,
    "behind a JSON object": b'{"learner":1}' + LIST,
    "behind zeros": bytes(1024) + LIST,
    "behind an array and zeros": saved(np.arange(5)) + bytes(64) + LIST,
    "behind text, an array and text": b"a\n" + saved(np.arange(5)) + b"b\n" + LIST,
    "an array of objects behind text": b"a\n" + OBJECTS,
    "behind text, without a mark": b"a\n" + COMPLEX,
    "third of three pickles": b"N.N." + CALL,
    "cut off behind its call": CALL[:-1],
    "damaged behind its call": b"\x80\x04" + CALL[:-1] + b"\xff",
    "behind a number in another form": b"I0x10\n0" + CALL,
    "in a zip under a plain name": zipped({"archive/data": LIST}),
    "in a zip by its name alone": zipped({"archive/data.pkl": b""}),
    "in a deflated zip": zipped({"a.json": b"{}", "b.json": CALL}, zipfile.ZIP_DEFLATED),
    "in a zip in a zip": zipped({"inner": zipped({"data": LIST}, zipfile.ZIP_DEFLATED)}),
    "in a zip behind something else": b"MZ, a program" + zipped({"data": LIST}),
    "in a tar": tarred("data", LIST),
    "in a compressed tar in a zip": zipped({"data": gzip.compress(tarred("data", CALL))}),
}
PACKED = {
    "gzip": gzip.compress(b"{}"),
    "bz2": bz2.compress(b"{}"),
    "xz": lzma.compress(b"{}"),
    "lzma": lzma.compress(b"{}", format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress(b"{}"),
    "zip": zipped({"a.json": b"{}"}),
    "zip behind text": b"MZ, a program" + zipped({"a.json": b"{}"}),
    "tar": tarred("a.json", b"{}"),
}
BEHIND = {
    "a pickle": LIST,
    "the oldest pickle": b"(S'a'\nl.",
    "a pickle behind zeros": bytes(2000) + LIST,
    "text": b"text",
    "another compression": b"\x28\xb5\x2f\xfd" + bytes(20),
    "a stream that is cut off": gzip.compress(LIST)[:12],
    "a tar": tarred("data", LIST),
}
CLOSED = {
    "lz4": (b"\x04\x22\x4d\x18" + bytes(20), "is lz4, which cannot be looked into"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(20), "is zstd, which cannot be looked into"),
    "joblib's first": (b"ZF0x1f               x\x9c", "is an old joblib file"),
    "a damaged gzip": (gzip.compress(b"harmless")[:12], "compressed and cannot be looked into"),
    "a damaged zip": (zipped({"a": b"harmless"})[:-10], "is a zip that cannot be looked into"),
    "a bomb": (gzip.compress(bytes(3_000_000)), "expands beyond 1000000 bytes"),
    "a bomb in a zip": (zipped({"a": bytes(3_000_000)}, zipfile.ZIP_DEFLATED), "expands beyond 1000000 bytes"),
    "an onion": (gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"{}"))))), "more than 4 times"),
    "a mark and a damaged name": (b"\x80\x02cbuiltins\nprint\n\xff", "reads as a pickle as far as it was looked at"),
    "a mark and a text that is cut off": (b"\x80\x04\x8c\x10abc", "reads as a pickle as far as it was looked at"),
    "an endless pickle": (b"N" * 1_100_000, "reads as a pickle as far as it was looked at"),
}
HARMLESS = {
    "nothing": b"",
    "a number": b"0.31\n",
    "what is a pickle too": b"0.",
    "None": b"N.",
    "text that calls nothing": b"R.",
    "text that names, and has nothing to call it with": b"cat\ndog\nRed\n",
    "text that begins like bz2": b"BZh is a format\n",
    "text that begins like bz2 at a level": b"BZh9 is a format\n",
    "text that begins like an old joblib file": b"ZF0x is a word, and more words\n",
    "bytes that begin with a pickle's mark": bytes([128, 2, 1, 0] * 50),
    "floats that begin with a pickle's mark": b"\x80\x05\xc0\x3f" * 50,
    "text with an escape": b"S'a\\q'\n",
    "a pickle's mark alone": b"\x80\x04",
    "text": b"class_names\nred\n",
    "text that begins like zlib": b"x^2 + y^2 = 1\n" * 100,
    "text that begins like lzma": b"]\0\0 and so on",
    "JSON": b'{"learner":1}',
    "JSON, compressed": gzip.compress(b'{"learner":1}' * 100),
    "JSON in a zip": zipped({"model.json": b"{}", "weights.npy": saved(np.arange(4))}, zipfile.ZIP_DEFLATED),
    "a picture": b"\x89PNG",
    "an array": saved(np.arange(12.0).reshape(3, 4)),
    "an array whose numbers look like a pickle": saved(np.frombuffer(LIST[:8] * 4, np.int64)),
    "two arrays": saved(np.arange(3)) + saved(np.arange(5.0)),
    "an array of nothing": saved(np.zeros((0, 3))),
    "a field called O": saved(np.zeros(2, dtype=[("O", "<f8")])),
    "a number that looks like a mark behind text": b"J" + bytes([128, 5]) + bytes(range(75, 256)) * 3,
    "a mark and an end behind text": b"J\x80\x05.",
    "zeros, and numbers behind them": bytes(1024) + np.arange(50.0).tobytes(),
    "streams one behind the other": gzip.compress(b"{}") + gzip.compress(b"{}") + bytes(2000),
    "a zip's end alone": b"abc PK\5\6" + bytes(18),
}


@pytest.mark.parametrize("way", HIDDEN)
def test_a_pickle_that_hides_is_refused_with_the_member(tmp_path: Path, way: str) -> None:
    with pytest.raises(TrainingRejected, match=r"member 'weights.bin'.* is a pickle.*can execute code"):
        build(tmp_path, [plain("good.json"), plain("weights.bin", HIDDEN[way])])


def test_what_is_within_a_member_is_named_too(tmp_path: Path) -> None:
    packing = zipped({"part/inner": zipped({"data": LIST})})

    with pytest.raises(TrainingRejected, match=r"member 'weights.bin': part/inner/data in it is a pickle"):
        build(tmp_path, [plain("weights.bin", packing)])


@pytest.mark.parametrize("way", CLOSED)
def test_what_cannot_be_looked_into_is_refused_with_the_member(tmp_path: Path, way: str) -> None:
    content, message = CLOSED[way]

    with pytest.raises(TrainingRejected, match=f"member 'weights.bin'.*{message}"):
        build(tmp_path, [plain("weights.bin", content)], Limits(expanded_bytes=1_000_000))


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("what", BEHIND)
def test_what_stands_behind_a_packed_part_is_refused(tmp_path: Path, packing: str, what: str) -> None:
    build(tmp_path, [plain("weights.bin", PACKED[packing])])

    with pytest.raises(TrainingRejected, match=r"member 'weights.bin'"):
        build(tmp_path, [plain("weights.bin", PACKED[packing] + BEHIND[what])])


@pytest.mark.parametrize("what", HARMLESS)
def test_harmless_files_are_not_taken_for_pickles(tmp_path: Path, what: str) -> None:
    build(tmp_path, [plain("file", HARMLESS[what])])


IMPOSSIBLE: dict[str, tuple[Members, str]] = {
    "below a file": ([plain("a"), plain("a/b")], "member 'a/b' lies below 'a', which is a file"),
    "deep below a file": ([plain("a"), plain("a/b/c/d")], "member 'a/b/c/d' lies below 'a'"),
    "in the place of a folder": ([plain("a/b"), plain("a")], "member 'a' is there as a file and as a folder"),
    "a folder in its place": ([plain("a"), special("a", tarfile.DIRTYPE)], "'a' is there as a file and as a folder"),
    "in a folder's place": ([special("a/", tarfile.DIRTYPE), plain("./a")], "'a' is there as a file and as a folder"),
    "the folder itself": ([plain(".")], "member '.' names no file"),
    "the folder itself, longer": ([plain("./.")], "member './.' names no file"),
    "no name": ([plain("")], "member '' names no file"),
    "a very long name": ([plain("x" * 256)], "its name has 256 characters; at most 255 bytes between two slashes"),
    "many bytes in few characters": ([plain("é" * 128)], "its name has 128 characters; at most 255 bytes"),
    "a very long path": (
        [plain("/".join(["folder"] * 200))],
        "characters; at most 255 bytes between two slashes and 1024",
    ),
}


@pytest.mark.parametrize("where", IMPOSSIBLE)
def test_members_that_no_folder_can_hold_together_are_refused_by_name(tmp_path: Path, where: str) -> None:
    members, message = IMPOSSIBLE[where]

    with pytest.raises(TrainingRejected, match=re.escape(message)):
        build(tmp_path, [plain("good.json"), *members])


def test_folders_and_the_longest_names_are_kept(tmp_path: Path) -> None:
    build(tmp_path, [special("a", tarfile.DIRTYPE), special("a", tarfile.DIRTYPE), plain("a/b"), plain("x" * 255)])

    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames()[:2] == ["a/b", "x" * 255]


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
