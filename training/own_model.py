"""Models trained elsewhere: any scikit-learn text classifier in a joblib file."""

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from training.arrays import FloatArray
from training.calibration import Calibration, calibrate_across_folds, fit_calibration
from training.data import DataError, LabelledTexts
from training.evaluation import Answers, class_logits, fold_of_each, known_token_shares

MAX_REASON_CHARS = 200


def load_model(path: Path) -> tuple[Any, bytes]:
    """The model and its file's bytes. Runs code from the file; raises DataError if it holds no classifier."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        model = joblib.load(io.BytesIO(content))
    except Exception as error:  # a pickle can fail with anything
        raise DataError(f"{path} cannot be loaded with joblib: {_reason(error)}.") from error
    if not hasattr(model, "classes_") or not (hasattr(model, "predict_proba") or hasattr(model, "decision_function")):
        raise DataError(
            f"{path} holds a {type(model).__name__}; a fitted classifier with classes_ and predict_proba or "
            "decision_function is needed."
        )
    return model, content


def measure(model: Any, data: LabelledTexts) -> tuple[Answers, Calibration | None]:
    """The model's predictions, and the calibration that its service needs: None if it gives probabilities itself.

    The predictions are calibrated by cross-validation: each fold of the data by the others. Raises DataError if the
    data has unknown labels, or the model fails on its texts.
    """
    labels = [str(label) for label in model.classes_]
    if unknown := set(data.labels) - set(labels):
        raise DataError(f"The data has the label {min(unknown)}, and the model only knows {', '.join(labels)}.")
    truth = data.truth(labels)
    has_probabilities = hasattr(model, "predict_proba")
    try:
        answered = _probabilities(model, data.texts) if has_probabilities else class_logits(model, data.texts)
        known_share = _known_shares(model, data.texts)
    except Exception as error:  # whatever is in the file
        raise DataError(f"The model fails on the texts: {_reason(error)}.") from error
    _check(model, answered, (len(truth), len(labels)))
    if has_probabilities:
        return Answers(labels, answered, truth, known_share), None
    calibrated = calibrate_across_folds(answered, truth, fold_of_each(truth), with_bias=False)
    return Answers(labels, calibrated, truth, known_share), fit_calibration(answered, truth, with_bias=False)


def _check(model: Any, answered: FloatArray, shape: tuple[int, int]) -> None:
    pairs = getattr(getattr(model, "steps", [(None, model)])[-1][1], "decision_function_shape", None) == "ovo"
    if pairs and shape[1] > 2 and not hasattr(model, "predict_proba"):
        raise DataError("The model scores pairs of labels; set its decision_function_shape to 'ovr'.")
    if answered.shape != shape or not np.isfinite(answered).all():
        raise DataError("The model does not give each text a finite number for each of its labels.")


def _probabilities(model: Any, texts: list[str]) -> FloatArray:
    return np.asarray(model.predict_proba(texts), dtype=np.float64)


def _known_shares(model: Any, texts: list[str]) -> FloatArray | None:
    """None for a model that does not start with a word vocabulary."""
    vectorizer: Any = model.steps[0][1] if hasattr(model, "steps") else model
    has_words = getattr(vectorizer, "analyzer", None) == "word" and vectorizer.ngram_range[0] == 1
    return known_token_shares(vectorizer, texts) if has_words and hasattr(vectorizer, "vocabulary_") else None


def _reason(error: Exception) -> str:
    """The exception on one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_REASON_CHARS]
