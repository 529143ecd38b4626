"""The page, top to bottom: reads the log and the API, and draws the sections.

Every few seconds only the pulse is redrawn. It tells the browser which sections are out of date, and the browser asks
for these again (redraw.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import streamlit as st

from monitoring.alarms.alert import Alert
from monitoring.analysis.results import Analysis
from monitoring.analysis.search import MOST_CSV_ROWS, Found, find
from monitoring.analysis.selection import Selection
from monitoring.page import admission, elements, labelling, session, sources
from monitoring.page.api.client import ApiClient, ApiUnavailable
from monitoring.page.components import pulse
from monitoring.page.redraw import REPORT, Content, Section, Sections, reason
from monitoring.page.sections import api, audit, drift, explanation, export, quality, requests, tiles, verdict
from monitoring.page.seen import Seen
from monitoring.page.sign_in import Visitor
from monitoring.settings import Settings
from monitoring.store.requests import Request

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


class Page:
    """The sections for one user, since all of them were drawn last; what the user does is in the session's state. What
    was seen is not, since Streamlit makes files for download outside of any session."""

    def __init__(
        self, settings: Settings, visitor: Visitor, look: Callable[[Settings, Selection], Seen] = sources.look
    ) -> None:
        self.settings, self.visitor, self.look = settings, visitor, look
        self.client = ApiClient(settings.api_url, settings.api_token)
        self.zone = elements.the_zone()
        self.is_fresh = True
        self._look()
        self.sections = Sections(
            Section("verdict", self.draw_verdict, lambda: Content(self.said)),
            Section("selection", self.draw_selection, self._options),
            Section("tiles", self.draw_tiles, lambda: Content(id(self.seen.analysis))),
            Section("answers", self.draw_quality, self._growing, slow=True),
            Section("texts", self.draw_texts, self._growing, slow=True),
            Section("predictions", self.draw_predictions, self._growing, slow=True),
            Section("versions", self.draw_versions, self._growing),
            Section("requests", self.draw_requests, self._requests),
            Section("audit", self.draw_audit, self._audit),
            Section("try", self.draw_try, lambda: Content(self.seen.api.labels)),
            Section("api", self.draw_api, lambda: Content(self.seen.api)),
            Section("export", self.draw_export, lambda: Content(self.seen.analysis is None)),
            check=partial(admission.check, visitor),
        )

    def draw(self) -> None:
        """All of it."""
        st.html(STYLE)
        admission.draw_title(self.visitor)
        top = st.container()
        verdict, selection, *others = self.sections.names
        self.sections.draw(selection)  # which the page's address may have set only now
        with top:
            st.fragment(self.draw_pulse, key="pulse", run_every=self.settings.refresh_seconds)()
            self.is_fresh = False
            self.sections.draw(verdict)
        for name in others:
            self.sections.draw(name)

    def _look(self) -> None:
        """What there is to see of what is selected. Whatever fails is said on the page, which goes on asking."""
        self.selection, now = _selection(), datetime.now(UTC)
        window = f"time range {_range()}"
        try:
            self.seen = self.look(self.settings, self.selection)
            self.said = verdict.verdict_data(self.seen, self.settings, window, now)
        except Exception as error:
            logger.exception("the page cannot be brought up to date")
            failed = Alert("alert", "This page cannot be brought up to date", reason(error), "log", action=REPORT)
            self.seen = Seen(problems=[failed])
            self.said = verdict.verdict_data(self.seen, self.settings, window, now)
        self.seen_at = now

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
        found, chosen = self._found(), session.opened(self.seen.snapshot)
        return Content((found and requests.signature(found), chosen, chosen and self.seen.api.labels))

    def _audit(self) -> Content:
        audit = self.seen.analysis.audit if self.seen.analysis else None
        said = audit and (audit.drawn, audit.labelled, audit.accuracy, tuple(audit.waiting["row"][:1]))
        return Content((said, self.seen.api.labels))

    # The sections

    def draw_pulse(self) -> None:
        """Looks again, and says what there is more of."""
        admission.check(self.visitor)
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
                "wanted": self.sections.wanted(),
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
        verdict.draw_verdict(self.said, self.seen)

    def draw_tiles(self) -> None:
        if analysis := self.seen.analysis:
            tiles.draw_tiles(analysis, self.seen.reference, self.settings, self.selection.span)

    def draw_quality(self) -> None:
        if analysis := self.seen.analysis:
            quality.draw_quality(analysis, self.settings, self.seen.reference)

    def draw_texts(self) -> None:
        if analysis := self.seen.analysis:
            drift.draw_texts(analysis, self.seen.reference)

    def draw_predictions(self) -> None:
        if analysis := self.seen.analysis:
            drift.draw_predictions(analysis, self.seen.reference)

    def draw_versions(self) -> None:
        if analysis := self.seen.analysis:
            quality.draw_versions(analysis)

    def draw_requests(self) -> None:
        session.open_linked(self.seen.snapshot)
        request = session.opened(self.seen.snapshot)
        self._draw_found(request)
        if request is None:
            st.empty()  # takes away at once what was shown here, and not only at the end
            return
        line = request.line
        with st.container():
            explained = sources.explained(self.client, line)
            judge = partial(self.judge, str(line.prediction_id))
            explanation.draw_request(line, explained, self.seen.api.labels, session.close, judge)
            labelling.draw_problem(line.prediction_id)

    def _draw_found(self, request: Request | None) -> None:
        analysis, snapshot = self.seen.analysis, self.seen.snapshot
        if analysis is None or snapshot is None:
            return

        def everything() -> Sequence[Request]:
            admission.check_download(self.visitor)
            return find(snapshot.requests, analysis.segment, filters, MOST_CSV_ROWS).requests

        st.header("Requests", anchor="requests")
        requests.draw_filters(self._names()[0], self.zone)
        found, filters = self._found(), requests.chosen_filters(self.zone)
        assert found is not None
        requests.draw_table(found, request, self._click)
        requests.draw_below(found, analysis.counted.n, self._more, everything)

    def _found(self) -> Found | None:
        analysis, snapshot = self.seen.analysis, self.seen.snapshot
        if analysis is None or snapshot is None:
            return None
        limit: int = st.session_state.get("limit", requests.ROWS)
        return requests.search(snapshot, analysis.segment, requests.chosen_filters(self.zone), limit)

    def _more(self) -> None:
        st.session_state["limit"] = st.session_state.get("limit", requests.ROWS) + requests.ROWS

    def _click(self) -> None:
        session.click(str(st.session_state["requests"]["chosen"]), self.seen.snapshot)

    def judge(self, prediction_id: str, label: str) -> None:
        admission.check(self.visitor)
        labelling.judge(self.client, prediction_id, label)

    def draw_audit(self) -> None:
        analysis, snapshot = self.seen.analysis, self.seen.snapshot
        if analysis is None or snapshot is None:
            return
        oldest = next(iter(snapshot.requests.read(analysis.audit.waiting["row"].to_numpy()[:1])), None)
        audit.draw_audit(analysis.audit, oldest and oldest.line, self.seen.api.labels, self.judge)
        labelling.draw_problem(oldest.line.prediction_id if oldest else None)

    def draw_try(self) -> None:
        """A box to try a sentence, and buttons to say whether the answer was right."""
        text = api.draw_try_form()
        try:
            if text is not None:
                st.session_state.pop("answer", None)
                given = self.client.predict(text)
                labelling.forget(given["prediction_id"])
                st.session_state["answer"] = given
        except ApiUnavailable as error:
            st.error(elements.plain(error))
        answer = st.session_state.get("answer")
        if answer is None:
            return
        name = answer["prediction_id"]
        if (label := labelling.given(name)) is not None:
            st.success(f"Thank you: logged as {elements.named(label)}.")
        else:
            api.draw_answer(answer, self.seen.api.labels, partial(self.judge, name))
        labelling.draw_problem(name)

    def draw_api(self) -> None:
        api.draw_api(self.settings.api_url, self.seen.api)

    def draw_export(self) -> None:
        analysis = self.seen.analysis
        if analysis is None:
            return

        def newest() -> Analysis:
            admission.check_download(self.visitor)
            return self.seen.analysis or analysis

        export.draw_export(newest, self.seen.reference, self.settings)


def _range() -> str:
    """The name of the selected range of time."""
    name: str = st.session_state.get("range") or "all"
    return name


def _selection() -> Selection:
    """What the user has selected."""
    labels, versions = (tuple(st.session_state.get(key, ())) for key in ("segment_labels", "segment_versions"))
    return Selection(RANGES[_range()], labels, versions)
