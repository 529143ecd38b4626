"""Prometheus metrics: requests, latency, predictions, labels, log failures, readiness."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def share_between_workers(directory: Path) -> None:
    """Keep all metrics that are made from now on in files; each worker's /metrics sums them over all workers."""
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    own = os.getpid()
    values.ValueClass = values.MultiProcessValue(lambda: own)  # by default it asks the kernel at every count


class Metrics:
    def __init__(self, shared: bool) -> None:
        self._registry = CollectorRegistry()
        self._shared = shared
        self.requests = Counter(
            "sentiment_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "sentiment_request_seconds",
            "Time from the request's headers to the end of its response.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self.predictions = Counter(
            "sentiment_predictions", "Predictions logged and sent.", ["label"], registry=self._registry
        )
        self.labels = Counter(
            "sentiment_labels", "True labels received and logged.", ["label"], registry=self._registry
        )
        self.log_failures = Counter(
            "sentiment_log_failures",
            "Requests refused because the log could not be written.",
            registry=self._registry,
        )
        self.exact_scorer = Gauge(
            "sentiment_exact_scorer",
            "1 if the exact scorer classifies, 0 if the model's own pipeline does.",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self.ready = Gauge(
            "sentiment_ready",
            "1 if the model is loaded and the log can be written.",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )

    def text(self) -> bytes:
        """All metrics in the exposition format, summed over the workers."""
        if not self._shared:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)
