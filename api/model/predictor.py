"""Asks the model: the exact scorer on the event loop, in turns; without one, the pipeline in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain

from api.model.classifier import Model, Prediction
from api.model.explanation import Explainer
from api.model.grouping import GroupedPredictions
from api.model.linear import UnsupportedPipeline
from api.model.scorer import Answer, Scorer
from api.schemas import ExplainResponse
from api.turns import in_turns

SHORT_CHARS = 4000  # split into terms within a millisecond, so turns are not needed


class Predictor:
    """For one event loop. `unscorable` is the reason why the pipeline itself classifies, or None."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.unscorable: str | None = None
        self._scorer: Scorer | None = None
        try:
            self._scorer = Scorer(model)
        except UnsupportedPipeline as error:
            self.unscorable = str(error)
        self._grouped = GroupedPredictions(self.predict)

    async def ask(self, texts: Sequence[str]) -> list[Prediction]:
        """The predictions for `texts`, in order. Raises Busy, or what the model raises."""
        if self._scorer and sum(map(len, texts)) <= SHORT_CHARS:
            return self.predict(texts)
        if self._scorer and self._scorer.gradual:
            steps = chain.from_iterable(map(self._scorer.steps, texts))
            made = await in_turns(step and self._prediction(step) for step in steps)
            return [prediction for prediction in made if prediction]
        return await self._grouped.ask(texts)

    async def explain(self, text: str) -> ExplainResponse:
        """The contribution of each part of the text to its score. Raises Busy or Unexplainable."""
        return await self._grouped.run(self._explainer.explain, text)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """The same as `ask`, without turns, in the caller's thread."""
        if not self._scorer:
            return self.model.predict(texts)
        return [self._prediction(self._scorer.classify(text)) for text in texts]

    def close(self) -> None:
        self._grouped.close()

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.model, lambda text: self.predict([text])[0])

    def _prediction(self, answer: Answer) -> Prediction:
        best, probabilities, known_share = answer
        return self.model.prediction(best, probabilities[best], known_share)
