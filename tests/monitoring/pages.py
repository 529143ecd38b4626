"""The page as Streamlit runs it, without a browser: what it shows, and what a browser would tell it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest, app_test
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from monitoring.stats.reference import load_profile
from tests.conftest import ROOT, free_port
from tests.monitoring.conftest import prediction as line_of

SPOKEN = ["title", "header", "subheader", "markdown", "caption", "text", "error", "warning", "info", "success"]
VARIABLES = [
    "ACCURACY_THRESHOLD", "FALSE_ALARM_BUDGET", "MIN_LABELS", "REFERENCE_PATH", "REFRESH_SECONDS", "STALE_MINUTES",
]  # fmt: skip
PATIENCE = 60  # seconds a run may take on a machine that is busy with other tests
VERSION = load_profile(ROOT / "monitoring" / "reference.json").model_version
NASTY = "**bold** <script>alert(1)</script> ![x](http://x) :red[y] $z$"
prediction = partial(line_of, model_version=VERSION)
for option in ("runner.postScriptGC", "runner.magicEnabled"):  # the page is run without one, and does not use the other
    streamlit.config.set_option(option, False)


def unseen_page(log: Path, monkeypatch: pytest.MonkeyPatch, api_url: str = "", *, is_compared: bool = True) -> AppTest:
    """The page on the folder of `log`, before it is first looked at; without an address no API answers. One that is
    compared with nothing has fewer charts, which are most of what a run takes."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG_DIR", str(log.parent))
    monkeypatch.setenv("STATE_DIR", str(log.parent.with_name("state")))
    if not is_compared:
        monkeypatch.setenv("REFERENCE_PATH", str(log.with_name("no profile")))
    monkeypatch.setenv("API_URL", api_url or f"http://127.0.0.1:{free_port()}")
    streamlit.cache_resource.clear()
    return another_session()


def another_session() -> AppTest:
    """What a second browser is shown."""
    return AppTest.from_file(str(ROOT / "monitoring" / "dashboard.py"), default_timeout=PATIENCE)


def scripted(script: Callable[..., None], **arguments: Any) -> AppTest:
    """What a script of its own draws."""
    return AppTest.from_function(script, kwargs=arguments, default_timeout=PATIENCE)


def run(page: AppTest) -> AppTest:
    page.run()
    return whole(page)


def whole(page: AppTest) -> AppTest:
    """The page, no part of which has failed."""
    assert not page.exception
    assert "cannot be drawn" not in said(page, "error")
    assert "cannot be updated" not in told(page)
    return page


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat(timespec="microseconds")


def labelled(right: int, wrong: int, **fields: Any) -> list[bytes]:
    """Answers `positive` to different texts, so many of them right and so many wrong, evenly mixed."""
    n = right + wrong
    truths = ["negative" if place * wrong % n < wrong else "positive" for place in range(n)]
    own: dict[str, Any] = {"timestamp": ago(minutes=1)}
    return [
        prediction(
            **own | {"request_text": f"film number {n}", "true_sentiment": truth, "prediction_id": f"{n}"} | fields
        )
        for n, truth in enumerate(truths)
    ]


# What the page shows


def said(page: AppTest, *kinds: str) -> str:
    """What Streamlit's boxes and lines say, as it is read."""
    return unescaped(as_written(page, *kinds))


def unescaped(markdown: str) -> str:
    """Without the backslashes, and the invisible joiners that keep links and icons from being made of text."""
    return re.sub(r"\\(.)", r"\1", markdown).replace("\N{WORD JOINER}", "")


def as_written(page: AppTest, *kinds: str) -> str:
    """The Markdown of Streamlit's boxes and lines, and of all labels that are Markdown."""
    elements: list[Any] = [element for kind in kinds or SPOKEN for element in page.get(kind)]
    labels = [] if kinds else [element.label for element in (*page.button, *page.expander)]
    return "\n".join([*(element.value for element in elements), *labels])


def component(page: AppTest, key: str) -> dict[str, Any]:
    """What a component of our own is given to show; nothing if it is not on the page."""
    return dict(*[json.loads(element.proto.json) for element in _components(page) if element.key == key])


def _components(page: AppTest) -> list[Any]:
    return list(page.get("bidi_component"))


def verdict(page: AppTest) -> list[dict[str, Any]]:
    """The items of the verdict, the most urgent one first."""
    items: list[dict[str, Any]] = component(page, "verdict").get("items", [])
    return items


def told(page: AppTest, *levels: str) -> str:
    """What the verdict says, a line for each item of these levels, or of all."""
    items = [item for item in verdict(page) if item["level"] in levels or not levels]
    return "\n".join(" ".join([f"{item['title']}.", *item["lines"], item["action"]]) for item in items)


def alerts_of(page: AppTest, key: str) -> str:
    """What the alerts beside the verdict say."""
    items = component(page, key).get("items", [])
    return "\n".join(" ".join([f"{item['title']}.", *item["lines"]]) for item in items)


def tiles(page: AppTest) -> dict[str, tuple[str, str]]:
    """By the name of a figure, the figure and the line below it."""
    return {tile["title"]: (tile["value"], tile["below"]) for tile in component(page, "tiles").get("tiles", [])}


def table(page: AppTest, key: str) -> list[dict[str, str]]:
    """The rows of a table, each by the names of its columns; none if it is not on the page."""
    data = component(page, key)
    return [dict(zip(data["head"], row, strict=True)) for row in data["rows"]] if data else []


def requests(page: AppTest) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = component(page, "requests").get("rows", [])
    return rows


def shown_texts(page: AppTest) -> list[str]:
    return [row["text"] for row in requests(page)]


def selected_text(page: AppTest) -> str | None:
    """The text of the request that the table marks."""
    selected = component(page, "requests").get("selected")
    return next((row["text"] for row in requests(page) if row["key"] == selected), None)


def open_text(page: AppTest) -> str | None:
    """The text of the request that is shown by itself."""
    data = component(page, "coloured_text")
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in data["pieces"]) if data else None


def charts(page: AppTest) -> dict[str, dict[str, Any]]:
    """The data of the plots by their name."""
    found: list[Any] = list(page.get("plotly_chart"))
    return {chart.key: json.loads(chart.proto.spec) for chart in found}


# What a browser would tell it


def tell(page: AppTest, section: str, key: str, event: str, value: object) -> AppTest:
    """What a component of our own says, for which AppTest has no word; its section is drawn again, and nothing else."""
    (element,) = [element for element in _components(page) if element.key == key]
    spoken = json.dumps([{"event": event, "value": value}])
    return redraw(
        page, section, WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{element.proto.id}__events", json_trigger_value=spoken)
    )


def click(page: AppTest, text: str) -> AppTest:
    """A click on the request with this text: `page` then has the section of the requests."""
    (key,) = [row["key"] for row in requests(page) if row["text"] == text]
    return tell(page, "requests", "requests", "chosen", key)


def look(page: AppTest, section: str) -> AppTest:
    """The time has come to look again, and `page` then has one section as it is now."""
    return redraw(redraw(page, "pulse"), section)


def redraw(page: AppTest, section: str, *states: WidgetState) -> AppTest:
    """Draws one section, as Streamlit does when something in it was touched: it is all that `page` then has."""
    fragments = page._fragment_storage.resolve_target(section)

    class OfTheSection(LocalScriptRunner):
        def request_rerun(self, rerun_data: RerunData) -> bool:
            self._requests = ScriptRequests()  # in place of the run of everything with which it would begin
            return super().request_rerun(replace(rerun_data, fragment_id_queue=fragments))

    widgets = page._tree.get_widget_states()
    widgets.widgets.extend(states)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(app_test, "LocalScriptRunner", OfTheSection)
        return whole(page._run(widgets))


def listeners(page: AppTest) -> list[dict[str, Any]]:
    """What each of the sections that `page` has tells the browser of itself."""
    return [
        json.loads(element.proto.json) for element in _components(page) if element.proto.component_name == "listener"
    ]


def drawn(page: AppTest) -> dict[str, int]:
    """How often each of them was drawn."""
    return {of["name"]: of["drawn"] for of in listeners(page)}


def tick(page: AppTest, shown: dict[str, int]) -> list[str]:
    """The time has come to look again: which sections the browser asks for, and is given. It shows those of `shown`."""
    wanted = component(redraw(page, "pulse"), "pulse")["wanted"]
    old = [name for name, number in wanted.items() if number > shown[name]]
    for name in old:
        shown.update(drawn(redraw(page, name)))
    assert shown == wanted
    return old


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


def predict(page: AppTest, text: str) -> AppTest:
    """Tries a sentence: `page` then has the section for that."""
    page.text_area(key="try_text").set_value(text)
    button(page, "Predict").click()
    return redraw(page, "try")
