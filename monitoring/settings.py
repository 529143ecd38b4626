"""What the dashboard can be told from outside: one frozen dataclass, read from environment variables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent


class SettingsError(ValueError):
    """A sentence that names the variable, its value and what it may be."""


@dataclass(frozen=True)
class Settings:
    log_dir: Path = Path("logs")
    reference_path: Path = HERE / "reference.json"
    api_url: str = "http://localhost:8000"
    accuracy_threshold: float = 0.80
    min_labels: int = 30
    refresh_seconds: float = 3

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in `environ`; an empty variable counts as unset. Raises SettingsError."""
        env = {name: value.strip() for name, value in environ.items() if value.strip()}
        return cls(
            log_dir=Path(env.get("LOG_DIR", cls.log_dir)),
            reference_path=Path(env.get("REFERENCE_PATH", cls.reference_path)),
            api_url=_url(env, "API_URL", cls.api_url),
            accuracy_threshold=_number(env, "ACCURACY_THRESHOLD", cls.accuracy_threshold, 0, 1),
            min_labels=int(_number(env, "MIN_LABELS", cls.min_labels, 1, 10**9, whole=True)),
            refresh_seconds=_number(env, "REFRESH_SECONDS", cls.refresh_seconds, 0.5, 3600),
        )


def _number(
    env: Mapping[str, str], name: str, default: float, low: float, high: float, *, whole: bool = False
) -> float:
    value = env.get(name, str(default))
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        kind = "whole number" if whole else "number"
        raise SettingsError(f"{name} is {value!r}; set it to a {kind} from {low} to {high}, or unset it for {default}.")
    return number


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, default)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"{name} is {value!r}; set it to an address such as {default}.")
    return value.rstrip("/")
