"""Asks the model for all texts that wait, at once: asking for sixteen costs hardly more than asking for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.model import Prediction

T = TypeVar("T")
Predict = Callable[[Sequence[str]], list[Prediction]]
GROUP = 32  # texts asked for at once: a batch is cut into groups, and others get their turn in between


class GroupedPredictions:
    """One thread asks the model; what arrives while it is busy is asked together. For one event loop."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._waiting: list[tuple[str, asyncio.Future[Prediction]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, texts: Sequence[str]) -> list[Prediction]:
        """What the model says to `texts`, in order; raises what it raises."""
        predictions: list[Prediction] = []
        for start in range(0, len(texts), GROUP):
            predictions += await self._ask_group(texts[start : start + GROUP])
        return predictions

    async def run(self, ask: Callable[[str], T], text: str) -> T:
        """What `ask` returns for the text, in the thread that asks the model."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask, text)

    def close(self) -> None:
        self._thread.shutdown()

    async def _ask_group(self, texts: Sequence[str]) -> list[Prediction]:
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[Prediction]] = [loop.create_future() for _ in texts]
        self._waiting += zip(texts, answers, strict=True)
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask_for_all())
        return await asyncio.gather(*answers)

    async def _ask_for_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            texts = [text for text, _ in group]
            try:
                predictions = await loop.run_in_executor(self._thread, self._predict, texts)
            except Exception as error:
                for _, answer in group:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), prediction in zip(group, predictions, strict=True):
                    if not answer.done():  # its client may have gone
                        answer.set_result(prediction)
