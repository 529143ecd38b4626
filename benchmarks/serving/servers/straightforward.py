"""The straightforward service: FastAPI, scikit-learn's predict_proba, and a line appended to a JSON file."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["MODEL_PATH"])
log = Path(os.environ["LOG_DIR"]) / "prediction_logs.json"
log.parent.mkdir(parents=True, exist_ok=True)


class PredictRequest(BaseModel):
    text: str
    true_sentiment: str | None = None


class PredictResponse(BaseModel):
    prediction_id: str
    predicted_sentiment: str
    confidence: float
    model_version: str


@app.post("/predict")
def predict(item: PredictRequest) -> PredictResponse:
    probabilities = model.predict_proba([item.text])[0]
    best = probabilities.argmax()
    answer = PredictResponse(
        prediction_id=str(uuid4()),
        predicted_sentiment=str(model.classes_[best]),
        confidence=float(probabilities[best]),
        model_version="straightforward",
    )
    record = {
        "timestamp": datetime.now(UTC).isoformat(),
        "request_text": item.text,
        "predicted_sentiment": answer.predicted_sentiment,
        "true_sentiment": item.true_sentiment,
        "prediction_id": answer.prediction_id,
        "confidence": answer.confidence,
        "model_version": answer.model_version,
    }
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    return answer
