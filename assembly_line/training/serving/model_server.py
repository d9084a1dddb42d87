"""Serves one model inside its container's process: loads the user's inference script once, answers over two pipes.

Run as a file by the job's interpreter with one JSON argument {program, code, model, requests, responses, rows}: paths,
and the numbers of two inherited file descriptors. Imports nothing of this project, as a container would not have it.

Both directions speak frames: 8 bytes length of a JSON header, the header, then as many bytes of body as it says.
The hooks and their defaults are those of SageMaker's scikit-learn, XGBoost and PyTorch containers: without `input_fn`,
CSV becomes a float32 numpy array (a DMatrix in the XGBoost container, a tensor in the PyTorch container).
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

UNLABELLED = "text/html; charset=utf-8"
TEXT_TYPES = ("text/csv", "application/json")


def media_type(content_type: str) -> str:
    return content_type.split(";", maxsplit=1)[0].strip().lower()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    start = stream.read(8)
    if len(start) < 8:
        return None
    header: dict[str, Any] = json.loads(stream.read(struct.unpack(">Q", start)[0]))
    return header, stream.read(header["length"])


def write_frame(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    text = json.dumps({**header, "length": len(body)}).encode("utf-8")
    stream.write(struct.pack(">Q", len(text)) + text + body)
    stream.flush()


def default_input(body: str | bytes, content_type: str, *, rows: str) -> Any:
    import numpy as np

    kind = media_type(content_type)
    if kind == "text/csv":
        text = body if isinstance(body, str) else body.decode("utf-8")
        if rows == "array":
            return np.genfromtxt(io.StringIO(text), dtype=np.float32, delimiter=",")
        if rows == "tensor":
            import torch

            return torch.FloatTensor(np.genfromtxt(io.StringIO(text), delimiter=","))
        import xgboost as xgb

        found = [[float(value) if value else np.nan for value in line.split(",")] for line in text.splitlines()]
        return xgb.DMatrix(np.array(found, dtype=np.float32))
    if kind == "application/json":
        return np.array(json.loads(body), dtype=np.float32)
    if kind == "application/x-npy" and isinstance(body, bytes):
        return np.load(io.BytesIO(body), allow_pickle=False)
    raise ValueError(f"Content type {content_type} is not supported by this framework; implement input_fn")


def default_output(prediction: Any, accept: str) -> tuple[bytes, str]:
    import numpy as np

    kind, stream = media_type(accept), io.BytesIO()
    if kind == "text/csv":
        np.savetxt(stream, np.atleast_1d(prediction), delimiter=",", fmt="%s")
        return stream.getvalue(), "text/csv"
    if kind in {"application/json", "*/*", ""}:
        plain = prediction.tolist() if hasattr(prediction, "tolist") else prediction
        return json.dumps(plain).encode("utf-8"), "application/json"
    if kind == "application/x-npy":
        np.save(stream, prediction, allow_pickle=False)
        return stream.getvalue(), kind
    raise ValueError(f"Accept type {accept} is not supported by this framework; implement output_fn")


class Model:
    """The user's hooks around the loaded model."""

    def __init__(self, script: ModuleType, folder: str, *, rows: str) -> None:
        load: Callable[[str], Any] | None = getattr(script, "model_fn", None)
        if load is None:
            raise NotImplementedError("the inference script defines no model_fn(model_dir); there is no default")
        self._script, self._rows = script, rows
        self._loaded = load(folder)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        content: str | bytes = body.decode("utf-8") if media_type(content_type) in TEXT_TYPES else body
        transform = getattr(self._script, "transform_fn", None)
        if transform is not None:
            return as_bytes(transform(self._loaded, content, content_type, accept))
        read = getattr(self._script, "input_fn", None)
        predict = getattr(self._script, "predict_fn", None)
        write = getattr(self._script, "output_fn", None)
        data = read(content, content_type) if read else default_input(content, content_type, rows=self._rows)
        prediction = predict(data, self._loaded) if predict else self._predict(data)
        return as_bytes(write(prediction, accept)) if write else default_output(prediction, accept)

    def _predict(self, data: Any) -> Any:
        if self._rows == "tensor":
            return self._forward(data)
        named = {"validate_features": False} if self._rows == "dmatrix" else {}
        return self._loaded.predict(data, **named)

    def _forward(self, data: Any) -> Any:
        import torch

        with torch.no_grad():
            self._loaded.eval()
            return self._loaded(data).detach().cpu().numpy()


def as_bytes(answer: Any) -> tuple[bytes, str]:
    """What an output hook returned: text or bytes, alone, with a content type, or as a response object.

    Alone, it goes out as Flask labels it.
    """
    content, kind = answer if isinstance(answer, tuple) else (answer, getattr(answer, "mimetype", None) or UNLABELLED)
    if hasattr(content, "get_data"):
        content = content.get_data()
    elif hasattr(content, "response"):
        content = content.response
    if isinstance(content, str):
        content = content.encode("utf-8")
    if not isinstance(content, (bytes, bytearray)):
        raise TypeError(f"output_fn returned {type(content).__name__}; expected str, bytes or (content, content type)")
    return bytes(content), str(kind)


def load_script(code: str, program: str) -> ModuleType:
    path = Path(code) / program
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{program} is no Python module")
    script = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = script
    spec.loader.exec_module(script)
    return script


def describe(error: BaseException) -> str:
    traceback.print_exc()
    return "".join(traceback.format_exception_only(error)).strip()


def main(options: dict[str, Any]) -> int:
    requests, responses = os.fdopen(options["requests"], "rb"), os.fdopen(options["responses"], "wb")
    try:
        # The hooks belong to the user: whatever they raise, or an exit, is the answer that the job reports.
        model = Model(load_script(options["code"], options["program"]), options["model"], rows=options["rows"])
    except BaseException as error:  # noqa: BLE001
        write_frame(responses, {"ok": False, "error": describe(error)})
        return 1
    write_frame(responses, {"ok": True})
    while (frame := read_frame(requests)) is not None:
        header, body = frame
        try:
            content, kind = model.answer(body, header["content_type"], header["accept"])
        except BaseException as error:  # noqa: BLE001
            write_frame(responses, {"ok": False, "error": describe(error)})
        else:
            write_frame(responses, {"ok": True, "content_type": kind}, content)
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
