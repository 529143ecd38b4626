"""Each answer is drawn for the audit sample by chance alone."""

import asyncio
from dataclasses import replace
from random import Random

from api.metrics import Metrics
from api.schemas import PredictRequest
from api.service import Service
from tests.conftest import read_lines

RATE, ANSWERS = 0.3, 400


def marks(settings, chance: Random | None = None) -> list[bool]:
    """What the log says of the answers to as many requests, some of them in batches."""

    async def ask() -> None:
        service = Service(replace(settings, audit_rate=RATE), Metrics(shared=False), chance)
        await service.start()
        for size in (1, 1, ANSWERS - 3, 1):
            await service.answer([PredictRequest(text="amazing")] * size, [""] * size)
        await service.stop()

    asyncio.run(ask())
    return [line["audit"] for line in read_lines(settings.log_dir / "prediction_logs.json")][-ANSWERS:]


def test_each_answer_is_drawn_by_itself_with_the_probability_that_is_set(settings):
    chance = Random(7)

    drawn = marks(settings, Random(7))

    assert drawn == [chance.random() < RATE for _ in range(ANSWERS)]
    assert 90 < sum(drawn) < 150  # 120 and more than three standard deviations


def test_each_service_draws_on_its_own(settings):
    assert marks(settings) != marks(settings)
