"""The recipe: how labelled texts become a linear model. The rest of training works with any other recipe."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

Fit: TypeAlias = Callable[[Sequence[str], Sequence[str]], Pipeline]

DESCRIPTION = (
    "Logistic regression (L2 penalty, C=20) on TF-IDF weights of words, punctuation marks and pairs of "
    "neighbouring tokens, lower-cased, with logarithmic term frequencies; contractions stay one token. Terms "
    "found in a single text are left out, and at most the 300,000 most frequent of the others are kept."
)

# Contractions stay whole, one-letter words and punctuation count, and the "br" of "<br />" does not.
TOKEN_PATTERN = r"(?<!<)\b\w+(?:'\w+)*|[!?.,;:()\"*/&$%\-]"


def build_pipeline() -> Pipeline:
    """An unfitted pipeline from text to label, for two or more labels."""
    vectorizer = TfidfVectorizer(
        token_pattern=TOKEN_PATTERN,
        ngram_range=(1, 2),
        min_df=2,
        max_features=300_000,
        sublinear_tf=True,
        dtype=np.float32,
    )
    classifier = LogisticRegression(C=20.0, tol=1e-6, max_iter=1000)
    return Pipeline([("tfidf", vectorizer), ("classifier", classifier)])


def fit(texts: Sequence[str], labels: Sequence[str]) -> Pipeline:
    """Whatever the recipe does inside, it returns a fitted Pipeline(TfidfVectorizer, LogisticRegression)."""
    pipeline: Pipeline = build_pipeline().fit(texts, labels)
    return pipeline
