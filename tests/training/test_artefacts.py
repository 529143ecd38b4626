"""Files: checked before they are written, all of them or none."""

import io
import json

import joblib
import numpy as np
import pytest

from tests.training.conftest import fit_to_all, to_data
from training.artefacts import json_to_bytes, model_to_bytes, sha256_of, verify_model, write_files


def test_files_are_written_where_they_belong_and_nothing_else_is_left(tmp_path):
    paths = [tmp_path / "a" / "one", tmp_path / "b" / "two"]
    write_files({path: path.name.encode() for path in paths})
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == paths
    assert [path.read_bytes() for path in paths] == [b"one", b"two"]


def test_a_file_that_is_there_is_replaced(tmp_path):
    (tmp_path / "one").write_bytes(b"old")
    write_files({tmp_path / "one": b"new"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("one", b"new")]


def test_when_one_file_cannot_be_written_no_other_is_changed(tmp_path):
    first, blocked = tmp_path / "first", tmp_path / "file" / "second"
    first.write_bytes(b"old")
    blocked.parent.write_bytes(b"a file where a folder should be")
    with pytest.raises(OSError, match="file"):
        write_files({first: b"new", blocked: b"new"})
    assert first.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "first"]


def test_a_model_that_reloads_as_it_was_is_accepted(data):
    model = fit_to_all(data)
    content = model_to_bytes(model)
    verify_model(content, model, data.texts)
    assert np.array_equal(joblib.load(io.BytesIO(content)).predict_proba(data.texts), model.predict_proba(data.texts))


def test_a_model_that_predicts_something_else_after_reloading_is_refused(two_labels):
    model = fit_to_all(two_labels)
    other = fit_to_all(to_data(list(zip(two_labels.texts, two_labels.labels, strict=True))[2:]))
    with pytest.raises(RuntimeError, match="predicts something else"):
        verify_model(model_to_bytes(other), model, two_labels.texts)


def test_the_same_model_is_always_the_same_bytes(two_labels):
    assert model_to_bytes(fit_to_all(two_labels)) == model_to_bytes(fit_to_all(two_labels))


def test_json_is_indented_rounded_and_ends_with_a_newline():
    content = json_to_bytes({"é": [1 / 3, 2], "n": {"x": 1e-9}})
    assert content == '{\n  "é": [\n    0.333333,\n    2\n  ],\n  "n": {\n    "x": 0.0\n  }\n}\n'.encode()
    assert json.loads(content) == {"é": [0.333333, 2], "n": {"x": 0.0}}


def test_json_keeps_whole_numbers_truth_and_nothing_as_they_are():
    value = {"n": 3, "yes": True, "none": None, "texts": ["a", "1.23456789"]}
    assert json.loads(json_to_bytes(value)) == value


def test_hashes_are_hexadecimal_sha256():
    assert sha256_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
