"""What one page shows: the latest look at the log and the API, and what every section needs to draw it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from monitoring.analysis.selection import Selection
from monitoring.page import elements, session, sign_in, sources
from monitoring.page.api.client import ApiClient
from monitoring.page.redraw import Content
from monitoring.page.sign_in import Visitor
from monitoring.page.sources import Seen
from monitoring.settings import Settings


class State:
    """Lives from one run of the whole page to the next. It is not kept in the session's state, because Streamlit makes
    files for download outside of any session."""

    def __init__(
        self, settings: Settings, visitor: Visitor, read: Callable[[Settings, Selection], Seen] = sources.look
    ) -> None:
        """`read` must not raise."""
        self.settings, self.visitor, self._read = settings, visitor, read
        self.client = ApiClient(settings.api_url, settings.api_token)
        self.zone = elements.the_zone()
        self.look()

    def look(self) -> None:
        """See what is there now for what is selected now."""
        self.range, self.selection = session.range_name(), session.selection()
        self.seen_at = datetime.now(UTC)
        self.seen = self._read(self.settings, self.selection)

    def growing(self) -> Content:
        """The content of a section of charts: a new alarm counts at once, more requests only when there are enough."""
        analysis = self.seen.analysis
        if analysis is None:
            return Content(None)
        levels = [(alert.name, alert.level) for alert in analysis.alarms.alerts]
        return Content(levels, analysis.tables.n, analysis)

    def names(self) -> tuple[list[str], list[str]]:
        """The predicted labels and the model versions in the log."""
        snapshot = self.seen.snapshot
        if snapshot is None:
            return [], []
        names, spans = snapshot.requests.names.texts, snapshot.whole.spans.keys
        versions, labels = ([names[number] for number in sorted(set(keys.tolist()))] for keys in spans)
        return [str(label) for label in labels if label], [str(version) for version in versions if version]

    def judge(self, prediction_id: str, label: str) -> None:
        """Log the true label of a prediction."""
        sign_in.check(self.visitor)
        session.judge(self.client, prediction_id, label)
