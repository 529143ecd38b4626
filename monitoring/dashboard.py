"""The page, top to bottom: looks at the log and the API, and has the sections drawn that have changed.

Each section is a fragment of its own. Every few seconds only the pulse is drawn: it tells the browser which sections
show less than there is, and these ask to be drawn again. Nothing else is sent, nothing that the user selected or is
typing is lost, and a click is never overtaken by a refresh.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from monitoring import (
    api_view,
    audit_view,
    drift_view,
    explanation_view,
    export_view,
    quality_view,
    requests_view,
    sources,
    tiles_view,
    verdict_view,
    views,
)
from monitoring.alert import Alert
from monitoring.analyses import Selection
from monitoring.api_client import ApiClient, ApiUnavailable
from monitoring.components import listener, pulse
from monitoring.explorer import MOST_CSV_ROWS, Found, find
from monitoring.request_rows import Request
from monitoring.settings import Settings, SettingsError
from monitoring.sources import Seen

logger = logging.getLogger("dashboard")
RANGES = {
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "24 h": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "all": None,
}
STYLE = Path(__file__).with_name("page.css")
ENOUGH_SECONDS, ENOUGH_SHARE = 15.0, 0.01  # later, or with so many more requests, charts are drawn again
WITH_CHARTS = ("answers", "texts", "predictions")
NOWHERE = -1  # the row of a request that the log has no more


class Content(NamedTuple):
    """What a section shows. Of what only grows, `requests` say how much there is, so that it is drawn again when there
    is enough more of it; for the rest these are None, and every change counts."""

    shown: Any
    requests: int | None = None
    grown: Any = None


class Drawn(NamedTuple):
    """What a section shows since `at`, in seconds of a steady clock, drawn for the `number`th time."""

    content: Content
    at: float
    number: int = 1


class Page:
    """The sections for one user, since all of them were drawn last; what the user does is in the session's state. What
    was seen is not, since Streamlit makes files for download outside of any session."""

    def __init__(self, settings: Settings, look: Callable[[Settings, Selection], Seen] = sources.look) -> None:
        self.settings, self.look, self.client = settings, look, ApiClient(settings.api_url)
        self.zone = views.the_zone()
        self.drawn: dict[str, Drawn] = {}
        self.is_fresh = True
        self._look()
        self.sections: dict[str, tuple[Callable[[], None], Callable[[], Content]]] = {
            "selection": (self.draw_selection, self._options),
            "verdict": (self.draw_verdict, lambda: Content(self.said)),
            "tiles": (self.draw_tiles, lambda: Content(id(self.seen.analysis))),
            "answers": (self.draw_quality, self._growing),
            "texts": (self.draw_texts, self._growing),
            "predictions": (self.draw_predictions, self._growing),
            "versions": (self.draw_versions, self._growing),
            "requests": (self.draw_requests, self._requests),
            "audit": (self.draw_audit, self._audit),
            "try": (self.draw_try, lambda: Content(self.seen.api.labels)),
            "api": (self.draw_api, lambda: Content(self.seen.api)),
            "export": (self.draw_export, lambda: Content(self.seen.analysis is None)),
        }

    def draw(self) -> None:
        """All of it."""
        st.html(STYLE)
        st.title("Sentiment monitor")
        above = st.container()
        for name, (draw, _) in self.sections.items():
            st.fragment(self._section(name, draw), key=name)()
            if name == "selection":  # which the page's address may have set only now
                with above:
                    st.fragment(self.draw_pulse, key="pulse", run_every=self.settings.refresh_seconds)()
                    self.is_fresh = False

    def _look(self) -> None:
        """What there is to see of what is selected. Whatever fails is said on the page, which goes on asking."""
        self.selection, now = _selection(), datetime.now(UTC)
        window = f"time range {_range()}"
        try:
            self.seen = self.look(self.settings, self.selection)
            self.said = verdict_view.verdict_data(self.seen, self.settings, window, now)
        except Exception as error:
            logger.exception("the page cannot be brought up to date")
            failed = Alert("alert", "This page cannot be brought up to date", _reason(error), "log", action=REPORT)
            self.seen = Seen(problems=[failed])
            self.said = verdict_view.verdict_data(self.seen, self.settings, window, now)
        self.seen_at = now

    def _section(self, name: str, draw: Callable[[], None]) -> Callable[[], None]:
        """What draws a section, and remembers what it shows. One that fails takes nothing else away."""

        def section() -> None:
            with st.container(key=f"section_{name}"):
                try:
                    draw()
                except Exception as error:
                    logger.exception("a part of the page cannot be drawn: %s", name)
                    st.error(views.plain(f"This part of the page cannot be drawn. {_reason(error)} {REPORT}"))
                number = self.drawn[name].number + 1 if name in self.drawn else 1
                self.drawn[name] = Drawn(self._content(name), time.monotonic(), number)
                listener(key=f"listener_{name}", data=self._heard(name), on_old_change=_nothing)

        return section

    def _content(self, name: str) -> Content:
        try:
            return self.sections[name][1]()
        except Exception as error:  # which drawing it will say
            return Content(repr(error))

    def _heard(self, name: str) -> dict[str, Any]:
        """What a section tells the browser of itself. Its place in the line lets not all of them ask in the same moment,
        and what is read before what takes the browser long to draw."""
        line = sorted(self.sections, key=lambda name: name in WITH_CHARTS)
        return {"name": name, "drawn": self.drawn[name].number, "place": line.index(name)}

    def _wanted(self) -> dict[str, int]:
        """For each section how often it must have been drawn to show what there is."""
        now = time.monotonic()
        return {
            name: drawn.number + _is_old(drawn, self._content(name), now)
            for name in self.sections
            if (drawn := self.drawn.get(name))
        }

    # What the sections show, as far as it changes

    def _growing(self) -> Content:
        """The charts: an alarm shows at once, more of the same when there is enough of it."""
        analysis = self.seen.analysis
        if analysis is None:
            return Content(None)
        levels = [(alert.name, alert.level) for alert in analysis.alerts]
        return Content(levels, analysis.counted.n, analysis)

    def _options(self) -> Content:
        snapshot = self.seen.snapshot
        names = snapshot.requests.names if snapshot else None
        return Content(names and (len(names.texts), id(names)))

    def _requests(self) -> Content:
        found, chosen = self._found(), self._chosen()
        return Content((found and requests_view.signature(found), chosen, chosen and self.seen.api.labels))

    def _audit(self) -> Content:
        audit = self.seen.analysis.audit if self.seen.analysis else None
        said = audit and (audit.drawn, audit.labelled, audit.accuracy, tuple(audit.waiting["row"][:1]))
        return Content((said, self.seen.api.labels))

    # The sections

    def draw_pulse(self) -> None:
        """Looks again, and says what there is more of."""
        if not self.is_fresh:
            self._look()
        headline = self.said["items"][0]
        title = headline["title"]
        short = title.split(", ")[0] if ": " in title else title
        pulse(
            key="pulse",
            data={
                "every": self.settings.refresh_seconds,
                "level": headline["level"],
                "title": f"{short} · Sentiment monitor",
                "text": f"Updated {self.seen_at:%Y-%m-%d %H:%M:%S} UTC",
                "wanted": self._wanted(),
            },
        )

    def draw_selection(self) -> None:
        """What all figures are about."""
        labels, versions = self._names()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control(
                "Time range", list(RANGES), default="all", required=True, key="range", bind="query-params",
                on_change=st.rerun,
            )  # fmt: skip
            for title, key, options in (
                ("Predicted label", "segment_labels", labels),
                ("Model version", "segment_versions", versions),
            ):
                chosen = sorted({*options, *st.session_state.get(key, [])})
                st.multiselect(
                    title, chosen, key=key, placeholder="all", bind="query-params", on_change=st.rerun, width=240
                )
        if self.selection != _selection():
            self._look()

    def _names(self) -> tuple[list[str], list[str]]:
        """The predicted labels and the versions that the log has."""
        snapshot = self.seen.snapshot
        if snapshot is None:
            return [], []
        names, spans = snapshot.requests.names.texts, snapshot.whole.spans.keys
        versions, labels = ([names[number] for number in sorted(set(keys.tolist()))] for keys in spans)
        return [str(label) for label in labels if label], [str(version) for version in versions if version]

    def draw_verdict(self) -> None:
        verdict_view.draw_verdict(self.said, self.seen)

    def draw_tiles(self) -> None:
        if analysis := self.seen.analysis:
            tiles_view.draw_tiles(analysis, self.seen.reference, self.settings, self.selection.span)

    def draw_quality(self) -> None:
        if analysis := self.seen.analysis:
            quality_view.draw_quality(analysis, self.settings, self.seen.reference)

    def draw_texts(self) -> None:
        if analysis := self.seen.analysis:
            drift_view.draw_texts(analysis, self.seen.reference)

    def draw_predictions(self) -> None:
        if analysis := self.seen.analysis:
            drift_view.draw_predictions(analysis, self.seen.reference)

    def draw_versions(self) -> None:
        if analysis := self.seen.analysis:
            quality_view.draw_versions(analysis)

    def draw_requests(self) -> None:
        self._open_linked()
        chosen = self._chosen()
        self._draw_found(chosen)
        if chosen is None:
            st.empty()  # takes away at once what was shown here, and not only at the end
            return
        with st.container():
            explanation = sources.explained(self.settings.api_url, chosen.line)
            explanation_view.draw_request(
                chosen.line,
                explanation,
                self.seen.api.labels,
                self._close,
                lambda label: self._judge(str(chosen.line.prediction_id), label),
            )
            self._draw_problem(chosen.line.prediction_id)

    def _draw_found(self, chosen: Request | None) -> None:
        analysis, snapshot = self.seen.analysis, self.seen.snapshot
        if analysis is None or snapshot is None:
            return
        st.header("Requests", anchor="requests")
        requests_view.draw_filters(self._names()[0], self.zone)
        found, filters = self._found(), requests_view.chosen_filters(self.zone)
        assert found is not None
        requests_view.draw_table(found, chosen, self._choose)
        requests_view.draw_below(
            found,
            analysis.counted.n,
            self._more,
            lambda: find(snapshot.requests, analysis.segment, filters, MOST_CSV_ROWS).requests,
        )

    def _found(self) -> Found | None:
        analysis, snapshot = self.seen.analysis, self.seen.snapshot
        if analysis is None or snapshot is None:
            return None
        limit: int = st.session_state.get("limit", requests_view.ROWS)
        return requests_view.search(snapshot, analysis.segment, requests_view.chosen_filters(self.zone), limit)

    def _more(self) -> None:
        st.session_state["limit"] = st.session_state.get("limit", requests_view.ROWS) + requests_view.ROWS

    def _chosen(self) -> Request | None:
        """The request that the user has opened and not closed, as the log has it now. One that has gone, since it is
        another log, stays open, without a row."""
        chosen: Request | None = st.session_state.get("chosen")
        if chosen is None or self.seen.snapshot is None:
            return chosen
        now, name = self._request(chosen.row), chosen.line.prediction_id
        if now and _same(now, chosen):
            return now
        others = [] if name is None else self.seen.snapshot.requests.of_id(name)
        return next((now for now in others if _same(now, chosen)), chosen._replace(row=NOWHERE))

    def _request(self, row: int) -> Request | None:
        """The one of this row, if the log has so many: it may be another one than when the browser was told."""
        requests = self.seen.snapshot.requests if self.seen.snapshot else None
        if requests is None or not 0 <= row < requests.rows:
            return None
        return next(iter(requests.read([row])), None)

    def _choose(self) -> None:
        """Open the request that was clicked; close it if it is open. Streamlit may run this again for one click, if
        something comes between."""
        click, chosen = str(st.session_state["requests"]["chosen"]), self._chosen()
        if st.session_state.get("click") == click and " " in click:
            return
        st.session_state["click"] = click
        row = int(click.split()[0])
        self._open(None if chosen and chosen.row == row else self._request(row))

    def _open(self, request: Request | None) -> None:
        st.session_state["chosen"] = request
        if request is not None and request.line.prediction_id is not None:
            st.query_params["request"] = request.line.prediction_id
        else:
            st.query_params.pop("request", None)

    def _close(self) -> None:
        self._open(None)

    def _open_linked(self) -> None:
        """The request that the page's address names, when it is opened."""
        if self.seen.snapshot is None or st.session_state.get("linked"):
            return
        st.session_state["linked"] = True
        if linked := st.query_params.get("request"):
            self._open(next(iter(self.seen.snapshot.requests.of_id(linked)), None))

    def draw_audit(self) -> None:
        analysis, snapshot = self.seen.analysis, self.seen.snapshot
        if analysis is None or snapshot is None:
            return
        oldest = next(iter(snapshot.requests.read(analysis.audit.waiting["row"].to_numpy()[:1])), None)
        audit_view.draw_audit(analysis.audit, oldest and oldest.line, self.seen.api.labels, self._judge)
        self._draw_problem(oldest.line.prediction_id if oldest else None)

    def draw_try(self) -> None:
        """A box to try a sentence, and buttons to say whether the answer was right."""
        text = api_view.draw_try_form()
        try:
            if text is not None:
                st.session_state.pop("answer", None)
                given = self.client.predict(text)
                _judged().pop(given["prediction_id"], None)
                st.session_state["answer"] = given
        except ApiUnavailable as error:
            st.error(views.plain(error))
        answer = st.session_state.get("answer")
        if answer is None:
            return
        if (label := _judged().get(answer["prediction_id"])) is not None:
            st.success(f"Thank you: logged as {views.named(label)}.")
        else:
            labels = self.seen.api.labels
            api_view.draw_answer(answer, labels, lambda label: self._judge(answer["prediction_id"], label))
        self._draw_problem(answer["prediction_id"])

    def draw_api(self) -> None:
        api_view.draw_api(self.settings.api_url, self.seen.api)

    def draw_export(self) -> None:
        if analysis := self.seen.analysis:
            export_view.draw_export(lambda: self.seen.analysis or analysis, self.seen.reference, self.settings)

    def _judge(self, prediction_id: str, label: str) -> None:
        """Log a label that the user has given. Streamlit may run this again for one click, if something comes
        between."""
        if _judged().get(prediction_id) == label:
            return
        try:
            self.client.feedback(prediction_id, label)
            _judged()[prediction_id] = label
        except ApiUnavailable as error:
            st.session_state["judge_problem"] = (prediction_id, str(error))

    def _draw_problem(self, prediction_id: str | None) -> None:
        """Why the label for this answer was not logged, once."""
        of_answer, problem = st.session_state.get("judge_problem", (None, ""))
        if of_answer is not None and of_answer == prediction_id:
            del st.session_state["judge_problem"]
            st.error(views.plain(problem))


REPORT = "The log of this service says more."


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}."


def _range() -> str:
    """The name of the selected range of time."""
    name: str = st.session_state.get("range") or "all"
    return name


def _selection() -> Selection:
    """What the user has selected."""
    labels, versions = (tuple(st.session_state.get(key, ())) for key in ("segment_labels", "segment_versions"))
    return Selection(RANGES[_range()], labels, versions)


def _nothing() -> None:
    """A section that asks to be drawn is drawn, and there is no more to do."""


def _is_old(drawn: Drawn, now: Content, at: float) -> bool:
    """Whether what was drawn must be drawn again."""
    before = drawn.content
    if before.shown != now.shown or (before.requests is None) != (now.requests is None):
        return True
    if before.requests is None or now.requests is None or before.grown is now.grown:
        return False
    enough = abs(now.requests - before.requests) >= ENOUGH_SHARE * before.requests
    return enough or at > drawn.at + ENOUGH_SECONDS


def _same(one: Request, other: Request) -> bool:
    """Whether both are the same line, but for a label that came later."""
    return one.line._replace(true_sentiment=None) == other.line._replace(true_sentiment=None)


def _judged() -> dict[str, str]:
    """The labels that this user has given, by the id of the answer."""
    labels: dict[str, str] = st.session_state.setdefault("judged", {})
    return labels


def main() -> None:
    st.set_page_config(page_title="Sentiment monitor", page_icon="📈", layout="wide")
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        st.error(views.plain(error))
        st.stop()
    Page(settings).draw()


if __name__ == "__main__":
    main()
