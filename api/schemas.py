"""What HTTP clients send and get."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_BATCH_ITEMS = 1000


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


Text = Annotated[
    str,
    Field(
        description="The text to classify; not blank, and not longer than the service's limit (20,000 characters).",
        examples=["The movie was amazing!"],
        json_schema_extra={"minLength": 1, "pattern": r"\S"},  # checked in service.py, documented here
    ),
]


class PredictRequest(Request):
    text: Text
    true_sentiment: str | None = Field(
        default=None,
        description="The right label, if it is known: one of the model's labels, in any case.",
        examples=["positive"],
    )


class BatchRequest(Request):
    items: list[PredictRequest] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MAX_BATCH_ITEMS},  # checked in service.py, documented here
    )


class FeedbackRequest(Request):
    prediction_id: str = Field(
        description="The prediction_id that /predict gave.",
        json_schema_extra={"format": "uuid"},  # checked in service.py, documented here
    )
    true_sentiment: str = Field(description="The right label, in any case.", examples=["negative"])


class ExplainRequest(Request):
    text: Text


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


class Term(BaseModel):
    term: str
    contribution: float = Field(description="What the term adds to the score: its feature times its coefficient.")


class Token(BaseModel):
    start: int = Field(description="Where the token begins in the text, in Unicode code points.")
    end: int = Field(description="Where it has ended; tokens neither overlap nor are empty.")
    contribution: float = Field(description="Its even share of what the terms it is part of add to the score.")


class ExplainResponse(BaseModel):
    predicted_sentiment: str
    confidence: float = Field(description="The model's probability for the predicted label.")
    probabilities: dict[str, float] = Field(description="The model's probability for each label.")
    model_version: str
    label: str = Field(
        description="The label that positive contributions speak for: of two the second, of more the predicted one."
    )
    score: float = Field(description="The model's decision score for that label: intercept and contributions, added.")
    intercept: float = Field(description="The score of a text without any term that the model knows.")
    terms: list[Term] = Field(description="The terms of the text that the model has a weight for, the strongest first.")
    tokens: list[Token] = Field(
        description="All tokens of the text, in its order, with the same sum as the terms; "
        "empty if the model does not split texts by a pattern, or tokens cannot be found again in the text."
    )


class Status(BaseModel):
    status: str


class Problem(BaseModel):
    detail: str = Field(description="One sentence that names the thing, the value and the way out.")
