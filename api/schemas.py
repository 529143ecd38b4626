"""What HTTP clients send and get."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_BATCH_ITEMS = 1000


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PredictRequest(Request):
    text: str = Field(
        description="The text to classify; not blank, and not longer than the service's limit (20,000 characters).",
        examples=["The movie was amazing!"],
        json_schema_extra={"minLength": 1, "pattern": r"\S"},  # checked in service.py, documented here
    )
    true_sentiment: str | None = Field(
        default=None,
        description="The right label, if it is known: one of the model's labels, in any case.",
        examples=["positive"],
    )


class BatchRequest(Request):
    items: Annotated[list[PredictRequest], Field(min_length=1, max_length=MAX_BATCH_ITEMS)]


class FeedbackRequest(Request):
    prediction_id: UUID = Field(description="The prediction_id that /predict gave.")
    true_sentiment: str = Field(description="The right label, in any case.", examples=["negative"])


class PredictResponse(BaseModel):
    prediction_id: str
    predicted_sentiment: str
    confidence: float = Field(description="The model's probability for the predicted label.")
    model_version: str


class BatchResponse(BaseModel):
    items: list[PredictResponse] = Field(description="The answers, in the order of the request's items.")


class FeedbackResponse(BaseModel):
    prediction_id: str
    true_sentiment: str


class Status(BaseModel):
    status: str


class Problem(BaseModel):
    detail: str = Field(description="One sentence that names the thing, the value and the way out.")
