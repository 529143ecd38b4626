"""Writes the results of training as files: checked before writing, never half written."""

import gzip
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyPickler
from sklearn.pipeline import Pipeline

FLOAT_DIGITS = 6
COMPRESSION = 6
PICKLE_PROTOCOL = 4  # what joblib.dump writes with all supported Pythons


def model_to_bytes(model: Pipeline) -> bytes:
    """The model as joblib writes it: the same bytes for the same model, whatever this process did before."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=COMPRESSION, mtime=0) as file:
        _CanonicalPickler(file, protocol=PICKLE_PROTOCOL).dump(model)
    return buffer.getvalue()


class _CanonicalPickler(NumpyPickler):  # type: ignore[misc]  # joblib publishes no types
    """Pickles equal names and types as one object. Otherwise object identity, which varies between processes, would
    change the bytes: an attribute's name, for example, is a new object in a process that has unpickled its class
    before."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._first: dict[Any, Any] = {}

    def save(self, thing: Any) -> Any:
        if type(thing) is str or isinstance(thing, np.dtype):
            thing = self._first.setdefault((type(thing), thing), thing)
        return super().save(thing)


def verify_model(content: bytes, model: Pipeline, texts: list[str]) -> None:
    """Raises RuntimeError unless the model reloaded from `content` predicts exactly as before."""
    reloaded = joblib.load(io.BytesIO(content))
    if not np.array_equal(reloaded.predict_proba(texts), model.predict_proba(texts)):
        raise RuntimeError("the reloaded model predicts something else than the model that was saved")


def json_to_bytes(value: dict[str, Any]) -> bytes:
    """Floats are rounded: further digits have no meaning and differ between machines."""
    return (json.dumps(_rounded(value), indent=2, ensure_ascii=False) + "\n").encode()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_files(contents: dict[Path, bytes]) -> None:
    """Write all new files beside the old ones before replacing any, so that a full disk changes nothing."""
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_bytes(content)
        for path in contents:
            temporary[path].replace(path)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, FLOAT_DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
