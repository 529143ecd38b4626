"""Evidently's default drift tests in a separate process, because Evidently and the dashboard need different pandas.

Runs in the virtual environment that has Evidently. Each input line is JSON with a `reference`, the `windows` to compare
with it and their `kind` (num or cat). The output line says for each window whether Evidently calls it drifted, by the
test and threshold that it chooses itself.
"""

from __future__ import annotations

import json
import sys
import warnings

import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest  # type: ignore[import-not-found]  # it is not installed here


def drifted(reference: pd.Series, window: pd.Series, kind: str) -> bool:
    test = get_stattest(reference, window, kind, None)
    return bool(test(reference, window, kind, None).drifted)


def main() -> None:
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        asked = json.loads(line)
        reference = pd.Series(asked["reference"])
        answers = [drifted(reference, pd.Series(window), asked["kind"]) for window in asked["windows"]]
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
