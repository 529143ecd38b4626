"""A model of somebody's own whose errors quote the text that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class QuotingModel:
    classes_ = np.array(["negative", "positive"])

    def predict_proba(self, texts: Sequence[str]) -> Any:
        for text in texts:
            if "@" in text:
                raise ValueError(f"no answer to {text}")
        return np.full((len(texts), 2), 0.5)
