"""The bodies of requests and responses."""

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
        json_schema_extra={"minLength": 1, "pattern": r"\S"},  # checked in input.py, documented here
    ),
]


class PredictRequest(Request):
    text: Text
    true_sentiment: str | None = Field(
        default=None,
        description="The true label, if it is known: one of the model's labels, in upper or lower case.",
        examples=["positive"],
    )


class BatchRequest(Request):
    items: list[PredictRequest] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MAX_BATCH_ITEMS},  # checked in input.py, documented here
    )


class FeedbackRequest(Request):
    prediction_id: str = Field(
        description="The prediction_id that /predict returned.",
        json_schema_extra={"format": "uuid"},  # checked in input.py, documented here
    )
    true_sentiment: str = Field(description="The true label, in upper or lower case.", examples=["negative"])


class ExplainRequest(Request):
    text: Text


class PredictResponse(BaseModel):
    prediction_id: str
    predicted_sentiment: str
    confidence: float = Field(description="The model's probability for the predicted label.")
    model_version: str


class BatchResponse(BaseModel):
    items: list[PredictResponse] = Field(description="The predictions, in the order of the request's items.")


class FeedbackResponse(BaseModel):
    prediction_id: str
    true_sentiment: str


class Term(BaseModel):
    term: str
    contribution: float = Field(
        description="The term's contribution to the score: its feature value times its coefficient."
    )


class Token(BaseModel):
    start: int = Field(description="Start offset in the text, in Unicode code points.")
    end: int = Field(description="End offset, exclusive. Tokens never overlap and are never empty.")
    contribution: float = Field(
        description="The token's share of its terms' contributions: each term is split evenly over its tokens."
    )


class ExplainResponse(BaseModel):
    predicted_sentiment: str
    confidence: float = Field(description="The model's probability for the predicted label.")
    probabilities: dict[str, float] = Field(description="The model's probability for each label.")
    model_version: str
    label: str = Field(
        description="The label that positive contributions support: the second of two, else the predicted one."
    )
    score: float = Field(
        description="The model's decision score for that label: the sum of the intercept and all contributions."
    )
    intercept: float = Field(description="The score of a text without known terms.")
    terms: list[Term] = Field(description="The terms of the text that have a weight in the model, the strongest first.")
    tokens: list[Token] = Field(
        description="All tokens of the text, in order; their contributions have the same sum as the terms'. "
        "Empty if the model does not find tokens by a pattern, or they cannot be located in the text."
    )


class Status(BaseModel):
    status: str


class Problem(BaseModel):
    detail: str = Field(description="One sentence: what is wrong, the value, and how to fix it.")
