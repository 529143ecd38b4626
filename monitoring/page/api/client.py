"""The API as the dashboard reaches it: over the network, by its HTTP interface alone."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from monitoring.page.api.explanation import Explanation, parse_explanation

TIMEOUT_SECONDS = 2.0
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the API is beside the dashboard
ANSWER_FIELDS: dict[str, type | tuple[type, ...]] = {
    "prediction_id": str,
    "predicted_sentiment": str,
    "confidence": (int, float),
}


class ApiUnavailable(Exception):
    """The API did not answer, or not with what was asked; the text is a sentence."""


class ApiRefused(ApiUnavailable):
    """The API wants another token."""


@dataclass(frozen=True)
class ApiClient:
    url: str
    token: str = field(default="", repr=False)

    def ready(self) -> None:
        """Return if the API is ready. Raises ApiUnavailable with its own reason."""
        if self._request("/readyz").get("status") != "ready":
            raise ApiUnavailable(f"What answers at {self.url} is not the API; set API_URL to where that is.")

    def model_card(self) -> dict[str, Any]:
        return self._request("/model")

    def predict(self, text: str) -> dict[str, Any]:
        """{"prediction_id", "predicted_sentiment", "confidence", "model_version"}. Raises ApiUnavailable."""
        answer = self._request("/predict", {"text": text})
        for name, kind in ANSWER_FIELDS.items():
            if not isinstance(answer.get(name), kind):
                raise ApiUnavailable(f"The API at {self.url} gave an answer without {name}.")
        return answer

    def explain(self, text: str) -> Explanation:
        """What the words of `text` contributed to the model's answer. Raises ApiUnavailable."""
        answer = self._request("/explain", {"text": text})
        try:
            return parse_explanation(answer, text)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ApiUnavailable(f"The API at {self.url} gave no usable explanation: {error!r}.") from error

    def feedback(self, prediction_id: str, true_sentiment: str) -> None:
        self._request("/feedback", {"prediction_id": prediction_id, "true_sentiment": true_sentiment})

    def _request(self, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")  # it is for this address only
        try:
            with DIRECTLY.open(request, timeout=TIMEOUT_SECONDS) as response:
                return _object(response.read())
        except urllib.error.HTTPError as error:
            kind = ApiRefused if error.code in (401, 403) else ApiUnavailable
            raise kind(_detail(error)) from error
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            raise ApiUnavailable(f"The API does not answer at {self.url}: {_reason(error)}.") from error


def _object(body: bytes) -> dict[str, Any]:
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("its answer is not a JSON object")
    json.dumps(answer, ensure_ascii=False).encode()  # raises ValueError for lone surrogates, which no page can show
    return answer


def _reason(error: Exception) -> str:
    """Why nothing was answered, without the number of the operating system's error."""
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(_object(error.read())["detail"])
    except (ValueError, KeyError, OSError, http.client.HTTPException, RecursionError):
        return f"The API answered {error.code} {error.reason} at {error.url}."
