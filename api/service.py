"""The service, without HTTP: checks the input, asks the model, logs the prediction, and returns it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from prometheus_client import Counter as LabelledCounter

from api.input import check_text, known_id, known_label
from api.metrics import Metrics
from api.model.classifier import Model, ModelUnavailable, Prediction
from api.model.loading import load_model
from api.prediction_log.contract import LogUnavailable
from api.prediction_log.files.log import PredictionLog
from api.prediction_log.personal_data import keeper
from api.prediction_log.records import FeedbackRecord, PredictionRecord, now
from api.schemas import (
    ExplainRequest,
    ExplainResponse,
    FeedbackRequest,
    FeedbackResponse,
    PredictRequest,
    PredictResponse,
)
from api.settings import Settings
from api.turns import in_turns

if TYPE_CHECKING:
    from api.model.predictor import Predictor

logger = logging.getLogger("uvicorn.api")


class Service:
    """`chance` draws the audit sample; by default a generator that the system seeds."""

    def __init__(self, settings: Settings, metrics: Metrics, chance: Random | None = None) -> None:
        self._settings, self._metrics, self._chance = settings, metrics, chance or Random()
        self._kept = keeper(settings.log_text, settings.log_hash_key)
        self._predictor: Predictor | None = None
        self._model_problem = "The model is still being loaded."
        self._log: PredictionLog | None = None

    async def start(self) -> None:
        """Open the log and load the model. If one fails, the service keeps running and answers 503."""
        self._log = PredictionLog.of(self._settings)
        await self._log.open()
        try:
            self._predictor = await asyncio.to_thread(_load, self._settings)
        except ModelUnavailable as error:
            logger.error("no model: %s", error)
            self._model_problem = str(error)
            return
        if reason := self._predictor.unscorable:
            logger.warning(
                "the model's own pipeline classifies, which is slower than the exact scorer, since %s", reason
            )
        self._metrics.exact_scorer.set(0 if reason else 1)

    async def stop(self) -> None:
        if self._log:
            await self._log.close()
        if self._predictor:
            self._predictor.close()

    @property
    def predictor(self) -> Predictor:
        """Asks the loaded model. Raises ModelUnavailable."""
        if self._predictor is None:
            raise ModelUnavailable(self._model_problem)
        return self._predictor

    @property
    def card(self) -> dict[str, Any]:
        """The model card, with `exact_scorer`: whether it is in use, or the reason why not. Raises ModelUnavailable."""
        reason = self.predictor.unscorable
        return self.predictor.model.card | {"exact_scorer": {"in_use": reason is None, "reason": reason}}

    @property
    def log(self) -> PredictionLog:
        if not self._log:
            raise LogUnavailable("it is not open")
        return self._log

    def check_ready(self) -> None:
        """Return if the model is loaded and the log can be written; raises ModelUnavailable or LogUnavailable."""
        self._metrics.ready.set(0)
        _ = self.predictor
        if self.log.problem:
            raise LogUnavailable(self.log.problem)
        self._metrics.ready.set(1)

    async def answer(self, items: Sequence[PredictRequest], places: Sequence[str]) -> list[PredictResponse]:
        """Predictions for `items`, which are in the log. `places` are prefixes for error messages: "" or "items[3].".

        Raises InvalidInput, Busy, ModelUnavailable or LogUnavailable.
        """
        model = self.predictor.model
        labels = [self._checked(model, item, place) for item, place in zip(items, places, strict=True)]
        texts = [item.text for item in items]
        predictions = await self.predictor.ask(texts)
        parts = zip(texts, predictions, labels, strict=True)
        records = await in_turns(self._record(model, *each) for each in parts)
        await self._logged(self.log.append_predictions(records))
        _count(self._metrics.predictions, [record.predicted_sentiment for record in records])
        _count(self._metrics.labels, labels)
        return await in_turns(map(_answer, records))

    async def learn(self, feedback: FeedbackRequest) -> FeedbackResponse:
        """Log the label of an earlier prediction. Raises InvalidInput, ModelUnavailable or LogUnavailable."""
        prediction_id = known_id(feedback.prediction_id)
        label = known_label(self.predictor.model, feedback.true_sentiment, "")
        record = FeedbackRecord(now(), prediction_id, label)
        await self._logged(self.log.append_feedback(record))
        _count(self._metrics.labels, [label])
        return FeedbackResponse(prediction_id=record.prediction_id, true_sentiment=label)

    async def explain(self, item: ExplainRequest) -> ExplainResponse:
        """The parts of the model's score; neither logged nor counted, because it is no prediction.

        Raises InvalidInput, Busy, ModelUnavailable or Unexplainable.
        """
        predictor = self.predictor
        check_text(item.text, self._settings.max_text_chars, "")
        return await predictor.explain(item.text)

    def _checked(self, model: Model, item: PredictRequest, place: str) -> str | None:
        """The item's label as the model spells it. Raises InvalidInput."""
        check_text(item.text, self._settings.max_text_chars, place)
        return None if item.true_sentiment is None else known_label(model, item.true_sentiment, place)

    def _record(self, model: Model, text: str, prediction: Prediction, label: str | None) -> PredictionRecord:
        record = PredictionRecord(
            timestamp=now(),
            request_text=text,
            predicted_sentiment=prediction.label,
            true_sentiment=label,
            prediction_id=str(uuid4()),
            confidence=prediction.confidence,
            model_version=model.version,
            known_share=prediction.known_share,
            audit=self._chance.random() < self._settings.audit_rate,
        )
        return self._kept(record)

    async def _logged(self, written: Awaitable[None]) -> None:
        try:
            await written
        except LogUnavailable:
            self._metrics.log_failures.inc()
            raise


def _load(settings: Settings) -> Predictor:
    from api.model.predictor import Predictor  # imports scikit-learn, which bad settings should not wait for

    return Predictor(load_model(settings.model_path, settings.model_card_path))


def _count(metric: LabelledCounter, labels: Iterable[str | None]) -> None:
    for label, number in Counter(labels).items():
        if label is not None:
            metric.labels(label).inc(number)


def _answer(record: PredictionRecord) -> PredictResponse:
    return PredictResponse(
        prediction_id=record.prediction_id,
        predicted_sentiment=record.predicted_sentiment,
        confidence=record.confidence,
        model_version=record.model_version,
    )
