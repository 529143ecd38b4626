"""The log: what the service remembers, and the owner of its format. Readers are not known here.

JSON Lines in UTF-8, appended only. `prediction_logs.json` holds one answer a line; its first four fields are a
promise that never changes, more may be added, none is renamed or reused:

    {"timestamp": "2026-11-23T08:20:00.123456+00:00", "request_text": "…", "predicted_sentiment": "positive",
     "true_sentiment": "positive" | null, "prediction_id": "…", "confidence": 0.97, "model_version": "…",
     "known_share": 0.95 | null, "audit": true | false}

`known_share` is the share of the text's tokens that are terms of the model (1 for a text without tokens), or null
for a model without a vocabulary of words. `audit` says that chance alone drew the answer for the audit sample.

A line whose text is left out (`LOG_TEXT=hashed`) has "" for it and three fields more: how many `words`, between blanks,
and `characters` the text has, and `text_hash`, which is the same for the same text and the same key (HMAC-SHA256).

`feedback_logs.json` holds the labels that came later: {"timestamp", "prediction_id", "true_sentiment"}; the
latest one for a prediction wins. A process owns its files (`prediction_logs.json`, else `prediction_logs.1.json`, …);
one that is full becomes a closed segment (`prediction_logs-<time>-<chance>.json`, perhaps with `.gz`).

`python -m api.prediction_log verify` checks a folder, `python -m api.prediction_log erase ID …` erases lines.
"""
