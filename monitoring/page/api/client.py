"""A client of the API. The dashboard reaches it only over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from monitoring.network.http_client import http_client, reason
from monitoring.page.api.explanation import Explanation, parse_explanation

TIMEOUT_SECONDS = 2.0
ANSWER_FIELDS: dict[str, type | tuple[type, ...]] = {
    "prediction_id": str,
    "predicted_sentiment": str,
    "confidence": (int, float),
}


class ApiUnavailable(Exception):
    """The API did not respond, or not as expected. The message is a sentence for the page."""


class ApiRefused(ApiUnavailable):
    """The API rejects the token."""


@dataclass(frozen=True)
class ApiClient:
    url: str
    token: str = field(default="", repr=False)

    def ready(self) -> None:
        """Return if the API is ready. Raises ApiUnavailable with the API's own reason."""
        if self._request("/readyz").get("status") != "ready":
            raise ApiUnavailable(f"The service at {self.url} is not the API. Set API_URL to the address of the API.")

    def model_card(self) -> dict[str, Any]:
        return self._request("/model")

    def predict(self, text: str) -> dict[str, Any]:
        """{"prediction_id", "predicted_sentiment", "confidence", "model_version"}. Raises ApiUnavailable."""
        answer = self._request("/predict", {"text": text})
        for name, kind in ANSWER_FIELDS.items():
            if not isinstance(answer.get(name), kind):
                raise ApiUnavailable(f"The API at {self.url} sent a response without {name}.")
        return answer

    def explain(self, text: str) -> Explanation:
        """What the words of `text` contributed to the prediction. Raises ApiUnavailable."""
        answer = self._request("/explain", {"text": text})
        try:
            return parse_explanation(answer, text)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ApiUnavailable(f"The API at {self.url} sent an invalid explanation: {error!r}.") from error

    def feedback(self, prediction_id: str, true_sentiment: str) -> None:
        self._request("/feedback", {"prediction_id": prediction_id, "true_sentiment": true_sentiment})

    def _request(self, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body).encode())
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            with http_client().stream(  # without a proxy: the API runs beside the dashboard
                method,
                self.url + path,
                content=content,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                follow_redirects=True,
            ) as response:
                if not response.is_success:
                    raise _refusal(response)
                return _object(response.read())
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            raise ApiUnavailable(f"The API does not answer at {self.url}: {_why(error)}.") from error


def _object(body: bytes) -> dict[str, Any]:
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("its answer is not a JSON object")
    json.dumps(answer, ensure_ascii=False).encode()  # raises ValueError for lone surrogates, which a page cannot show
    return answer


def _refusal(response: httpx2.Response) -> ApiUnavailable:
    kind = ApiRefused if response.status_code in (401, 403) else ApiUnavailable
    try:
        return kind(str(_object(response.read())["detail"]))
    except (httpx2.HTTPError, ValueError, KeyError, RecursionError):
        return kind(f"The API answered {response.status_code} {response.reason_phrase} at {response.url}.")


def _why(error: Exception) -> str:
    """The reason without the number of the operating system's error."""
    cause = reason(error)
    return (getattr(cause, "strerror", None) or str(cause)).rstrip(".")
