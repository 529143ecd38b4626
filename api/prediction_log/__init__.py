"""The prediction log. This package owns its format, and knows no readers.

JSON Lines in UTF-8, append-only. `prediction_logs.json` holds one prediction per line. Its first four fields never
change. New fields may be added; no field is renamed or reused:

    {"timestamp": "2026-11-23T08:20:00.123456+00:00", "request_text": "…", "predicted_sentiment": "positive",
     "true_sentiment": "positive" | null, "prediction_id": "…", "confidence": 0.97, "model_version": "…",
     "known_share": 0.95 | null, "audit": true | false}

`known_share` is the share of the text's tokens that are terms of the model (1 for a text without tokens), or null
for a model without a vocabulary of words. `audit` is true if the prediction was drawn at random for the audit sample.

With `LOG_TEXT=hashed`, `request_text` is "" and there are three more fields: the text's number of `words`, separated by
white space, its number of `characters`, and its `text_hash` (HMAC-SHA256 with the operator's key).

`feedback_logs.json` holds labels that were sent later: {"timestamp", "prediction_id", "true_sentiment"}. The latest
label of a prediction wins. Each process owns its files (`prediction_logs.json`, else `prediction_logs.1.json`, …). A
full file is rotated: it becomes the segment `prediction_logs-<time>-<random>.json`, later perhaps with `.gz`.

`python -m api.prediction_log verify` checks a folder, `python -m api.prediction_log erase ID …` erases lines.
"""
