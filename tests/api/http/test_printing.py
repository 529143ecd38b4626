import logging
from dataclasses import replace

from api.http.printing import MAY_LOG_EXCEPTIONS, WithoutMessages
from api.main import create_app

QUOTED = "write to jo@example.com"


def failing(text: str) -> None:
    try:
        float(text)
    except ValueError as error:
        raise RuntimeError(f"cannot read {text}") from error


def printed(*filters: logging.Filter) -> str:
    try:
        failing(QUOTED)
    except RuntimeError as error:
        record = logging.getLogger("a").makeRecord(
            "a", logging.ERROR, "", 0, "%s failed\n<Future exception=%r>", ("it", error), (type(error), error, None)
        )
    assert all(one.filter(record) for one in filters)
    return logging.Formatter().format(record)


def test_an_exception_is_printed_with_its_stack_and_kind_but_without_what_it_says():
    assert "jo@example.com" in printed()

    without = printed(WithoutMessages())

    assert "jo@example.com" not in without
    assert without.startswith("it failed\n")
    assert "in failing" in without
    assert without.index("RuntimeError") < without.index("ValueError")


def test_messages_are_left_out_only_where_texts_are(settings):
    for log_text, left_out in (("hashed", True), ("redacted", True), ("full", False)):
        create_app(replace(settings, log_text=log_text))
        for name in MAY_LOG_EXCEPTIONS:
            filters = logging.getLogger(name).filters
            assert any(isinstance(one, WithoutMessages) for one in filters) == left_out
