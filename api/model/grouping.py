"""Classifies all waiting texts in one call of the pipeline: sixteen cost hardly more than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.model.classifier import Prediction
from api.turns import Busy

T = TypeVar("T")
Predict = Callable[[Sequence[str]], list[Prediction]]
GROUP = 32  # texts in one call; a batch is split into groups, so that other requests run in between
MOST_WAITING = 2_000  # texts
MOST_QUESTIONS = 32


class GroupedPredictions:
    """One thread runs the model; texts that arrive while it is busy form the next group. For one event loop.

    Texts and questions of cancelled callers are skipped. Questions run one at a time, between groups.
    """

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._waiting: list[tuple[str, asyncio.Future[Prediction]]] = []
        self._asking: asyncio.Task[None] | None = None
        self._questions, self._question = 0, asyncio.Lock()

    async def ask(self, texts: Sequence[str]) -> list[Prediction]:
        """The predictions for `texts`, in order. Raises Busy, or what the model raises."""
        predictions: list[Prediction] = []
        for start in range(0, len(texts), GROUP):
            predictions += await self._ask_group(texts[start : start + GROUP])
        return predictions

    async def run(self, ask: Callable[[str], T], text: str) -> T:
        """Call `ask` with the text in the model's thread. Raises Busy, or what `ask` raises."""
        if self._questions >= MOST_QUESTIONS:
            raise Busy(f"{MOST_QUESTIONS} texts already wait to be explained; try again later.")
        self._questions += 1
        try:
            async with self._question:
                return await asyncio.get_running_loop().run_in_executor(self._thread, ask, text)
        finally:
            self._questions -= 1

    def close(self) -> None:
        """Drop what still waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ask_group(self, texts: Sequence[str]) -> list[Prediction]:
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= MOST_WAITING:
            raise Busy(f"{len(self._waiting)} texts already wait for the model; try again later.")
        answers: list[asyncio.Future[Prediction]] = [loop.create_future() for _ in texts]
        self._waiting += zip(texts, answers, strict=True)
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask_for_all())
        return await asyncio.gather(*answers)

    async def _ask_for_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiting = [each for each in self._waiting if not each[1].done()]
            group, self._waiting = waiting[:GROUP], waiting[GROUP:]
            texts = [text for text, _ in group]
            try:
                predictions = await loop.run_in_executor(self._thread, self._predict, texts)
            except Exception as error:
                for _, answer in group:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), prediction in zip(group, predictions, strict=True):
                    if not answer.done():  # its client may have disconnected
                        answer.set_result(prediction)
