"""Evidently's default drift tests, in a process of its own, since Evidently and the dashboard want different pandas.

Run by the Python of the virtual environment that has Evidently. For each line of JSON on standard input with a
`reference`, the `windows` to compare with it and their `kind` (num or cat), it prints a line with whether Evidently
calls each window drifted, by the test and the threshold that it chooses itself.
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
