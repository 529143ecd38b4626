"""Asks the model: its exact scorer if there is one, at once or, for long texts, in the model's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from api.explanation import Explainer
from api.grouping import GroupedPredictions
from api.model import Model, Prediction
from api.schemas import ExplainResponse
from api.scorer import Scorer, Unscorable

SHORT_CHARS = 4000  # scored in half a millisecond, so that handing it to a thread would help nobody


class Predictor:
    """For one event loop; `unscorable` is the reason why the pipeline itself is asked, or None."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.unscorable: str | None = None
        self._classify: Callable[[str], tuple[int, Sequence[float]]] | None = None
        try:
            self._classify = Scorer(model).classify
        except Unscorable as error:
            self.unscorable = str(error)
        self._grouped = GroupedPredictions(self.predict)

    async def ask(self, texts: Sequence[str]) -> list[Prediction]:
        """What the model says to `texts`, in order; raises what it raises."""
        if self._classify and sum(map(len, texts)) <= SHORT_CHARS:
            return self.predict(texts)
        return await self._grouped.ask(texts)

    async def explain(self, text: str) -> ExplainResponse:
        """What each part of the text adds to the model's score for it. Raises Unexplainable."""
        return await self._grouped.run(self._explainer.explain, text)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """The same as `ask`, in the caller's thread."""
        if self._classify is None:
            return self.model.predict(texts)
        answers = map(self._classify, texts)
        return [self.model.prediction(best, probabilities[best]) for best, probabilities in answers]

    def close(self) -> None:
        self._grouped.close()

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.model, lambda text: self.predict([text])[0])
