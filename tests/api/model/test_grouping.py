import asyncio
import threading
from typing import Any

import pytest

from api.model.classifier import Prediction
from api.model.grouping import GROUP, MOST_QUESTIONS, MOST_WAITING, GroupedPredictions
from api.turns import Busy


class SlowModel:
    """Answers each text with itself, once it may, and notes what it was asked together."""

    def __init__(self) -> None:
        self.may_answer, self.was_asked = threading.Event(), threading.Event()
        self.asked: list[list[str]] = []

    def predict(self, texts):
        self.asked.append(list(texts))
        self.was_asked.set()
        assert self.may_answer.wait(10)
        return [Prediction(text, 1.0) for text in texts]


def run(scenario) -> None:
    async def with_grouped() -> None:
        model = SlowModel()
        grouped = GroupedPredictions(model.predict)
        await scenario(grouped, model)
        grouped.close()

    asyncio.run(with_grouped())


async def started(model: SlowModel) -> None:
    assert await asyncio.to_thread(model.was_asked.wait, 10)


def test_what_arrives_while_the_model_is_busy_is_asked_together():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        first = asyncio.create_task(grouped.ask(["1"]))
        await started(model)
        rest = [asyncio.create_task(grouped.ask([str(number)])) for number in range(2, 6)]
        await asyncio.sleep(0)
        model.may_answer.set()
        answers = await asyncio.gather(first, *rest)

        assert model.asked == [["1"], ["2", "3", "4", "5"]]
        assert [answer[0].label for answer in answers] == ["1", "2", "3", "4", "5"]

    run(scenario)


def test_a_batch_is_cut_so_that_a_single_text_waits_for_one_group_only():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        texts = [str(number) for number in range(GROUP * 3)]
        batch = asyncio.create_task(grouped.ask(texts))
        await started(model)
        single = asyncio.create_task(grouped.ask(["single"]))
        await asyncio.sleep(0)
        model.may_answer.set()
        await single

        assert model.asked[1][0] == "single"
        assert [prediction.label for prediction in await batch] == texts

    run(scenario)


def test_what_the_model_raises_reaches_who_asked_and_the_next_one_is_answered():
    def fail_at_nonsense(texts):
        if "nonsense" in texts:
            raise RuntimeError("no answer")
        return [Prediction(text, 1.0) for text in texts]

    async def ask_twice() -> None:
        grouped = GroupedPredictions(fail_at_nonsense)
        with pytest.raises(RuntimeError, match="no answer"):
            await grouped.ask(["nonsense"])

        assert await grouped.ask(["2"]) == [Prediction("2", 1.0)]
        grouped.close()

    asyncio.run(ask_twice())


def test_somebody_who_stops_waiting_does_not_disturb_the_others():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        first = asyncio.create_task(grouped.ask(["1"]))
        await started(model)
        gone, stays = (asyncio.create_task(grouped.ask([name])) for name in ("gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        model.may_answer.set()

        assert [answer[0].label for answer in await asyncio.gather(first, stays)] == ["1", "stays"]

    run(scenario)


def test_another_question_is_asked_in_the_same_thread_after_what_is_being_asked():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        first = asyncio.create_task(grouped.ask(["1"]))
        await started(model)
        other = asyncio.create_task(grouped.run(lambda text: (text, threading.current_thread().name), "why?"))
        await asyncio.sleep(0)
        assert not other.done()
        model.may_answer.set()

        assert [prediction.label for prediction in await first] == ["1"]
        assert await other == ("why?", "model_0")

    run(scenario)


def test_texts_and_questions_that_nobody_waits_for_are_skipped():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        first = asyncio.create_task(grouped.ask(["first"]))
        await started(model)
        asked: list[str] = []
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(grouped.ask([f"gone {number}"])) for number in range(3)]
        tasks += [asyncio.create_task(grouped.run(asked.append, f"gone {number}")) for number in range(3)]
        last, question = asyncio.create_task(grouped.ask(["last"])), asyncio.create_task(grouped.run(str.upper, "why?"))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        model.may_answer.set()
        await asyncio.gather(first, last)

        assert await question == "WHY?"
        assert (model.asked, asked) == ([["first"], ["last"]], [])

    run(scenario)


def test_more_questions_than_can_be_answered_soon_are_refused_until_some_are_answered():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        first = asyncio.create_task(grouped.ask(["first"]))
        await started(model)
        waiting = [asyncio.create_task(grouped.run(str.upper, "a")) for _ in range(MOST_QUESTIONS)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match=f"{MOST_QUESTIONS} texts already wait to be explained; try again later."):
            await grouped.run(str.upper, "b")
        model.may_answer.set()
        await first

        assert await asyncio.gather(*waiting) == ["A"] * MOST_QUESTIONS
        assert await grouped.run(str.upper, "b") == "B"

    run(scenario)


def test_more_texts_than_can_be_answered_soon_are_refused():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        first = asyncio.create_task(grouped.ask(["first"]))
        await started(model)
        waiting = [asyncio.create_task(grouped.ask(["a"] * GROUP)) for _ in range(-(-MOST_WAITING // GROUP))]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match=r"texts already wait for the model; try again later\."):
            await grouped.ask(["b"])
        model.may_answer.set()

        assert {answer.label for answers in await asyncio.gather(*waiting) for answer in answers} == {"a"}
        assert (await first)[0].label == "first"
        assert await grouped.ask(["b"]) == [Prediction("b", 1.0)]

    run(scenario)


def test_a_text_waits_for_one_question_only():
    async def scenario(grouped: GroupedPredictions, model: SlowModel) -> None:
        model.may_answer.set()
        order: list[str] = []
        questions = [asyncio.create_task(grouped.run(order.append, f"question {number}")) for number in range(5)]
        await asyncio.sleep(0)
        await grouped.ask(["text"])
        answered = len(order)
        await asyncio.gather(*questions)

        assert answered <= 3  # one that was being asked, and what came while the text was

    run(scenario)


def test_what_waits_when_it_is_closed_is_not_asked():
    async def scenario() -> None:
        model = SlowModel()
        grouped, asked = GroupedPredictions(model.predict), list[str]()
        first = asyncio.create_task(grouped.ask(["first"]))
        await started(model)
        question = asyncio.create_task(grouped.run(asked.append, "why?"))
        await asyncio.sleep(0)
        grouped.close()
        model.may_answer.set()
        await asyncio.wait([first, question])

        assert question.cancelled()
        assert asked == []

    asyncio.run(scenario())
