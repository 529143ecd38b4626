"""The practical limit: FastAPI and pydantic with this product's request and response, and a constant response."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class PredictRequest(BaseModel):
    text: str
    true_sentiment: str | None = None


class PredictResponse(BaseModel):
    prediction_id: str
    predicted_sentiment: str
    confidence: float
    model_version: str


@app.post("/predict")
async def predict(item: PredictRequest) -> PredictResponse:
    return PredictResponse(
        prediction_id="00000000-0000-4000-8000-000000000000",
        predicted_sentiment="positive",
        confidence=0.97,
        model_version="000000000000",
    )
