"""The recipe: how a linear model is fitted to texts. The rest of training works with any other recipe.

A linear support vector machine on TF-IDF weights, each scaled by its naive Bayes log-count ratio (Wang and Manning
2012, Baselines and Bigrams). It is fitted on whole texts and, with a small weight, on their sentences, so that it also
reads single sentences. Given unlabelled texts, it labels them itself and is fitted once more on all texts
(self-training).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from training.arrays import FloatArray, IntArray, Matrix
from training.data import DataError
from training.folding import to_pipeline
from training.naive_bayes import chi_squared, label_counts, log_count_ratios
from training.terms import MIN_TEXTS, Corpus, Counted

MAX_TERMS = 200_000
C = 1.0
SENTENCE_WEIGHT = 0.03
UNLABELLED_WEIGHT = 0.3
SHARPNESS = 4.4  # standard deviation of the guesses' log-odds; of calibrated film reviews it is 4.9

DESCRIPTION = [
    "Terms: words, punctuation marks and runs of two or three neighbouring ones, lower-cased, contractions kept whole; "
    f"of those found in two texts or more the {MAX_TERMS:,} that depend most on the label (chi-squared).",
    "Model: linear support vector machine (squared hinge loss, L2 penalty, C=1) on binary TF-IDF weights, each scaled "
    "by the term's naive Bayes log-count ratio (Wang and Manning 2012).",
    f"Examples: every text; and each of its sentences, with its label and a weight of {SENTENCE_WEIGHT}.",
    "Self-training, when there are unlabelled texts: the model labels them, counts them by probability in term "
    f"selection and log-count ratios, and learns again with them at up to {UNLABELLED_WEIGHT} of the weight, the less "
    "the nearer its certainty is to chance.",
    "Calibration: bias-corrected temperature scaling of out-of-fold scores (for two labels: Platt's).",
    "Everything is folded into one TfidfVectorizer and one LogisticRegression; weights are rounded to half precision.",
]


@dataclass(frozen=True)
class Examples:
    """matrix (n, terms) marks the terms of each text, shares (n, k) is the probability of each label, and weights
    (n,) the weight of each text."""

    matrix: Matrix
    shares: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class LinearModel:
    """Scores are tfidf @ coefficients.T + intercepts, (n, m): m is 1 for two labels (the score of the second), else
    the number of labels. columns (c,) are the terms in use, and idf (c,) their inverse document frequencies."""

    columns: IntArray
    idf: FloatArray
    coefficients: FloatArray
    intercepts: FloatArray

    def scores(self, matrix: Matrix) -> FloatArray:
        scores: FloatArray = tfidf(matrix, self.columns, self.idf) @ self.coefficients.T + self.intercepts
        return scores


def fit(corpus: Corpus, rows: IntArray, truth: IntArray, labels: list[str]) -> Pipeline:
    """A Pipeline(TfidfVectorizer, LogisticRegression), not calibrated, fitted on rows (r,) of the labelled texts,
    with the label indices truth (r,), and on all unlabelled texts."""
    known = corpus.labelled.take(rows)
    texts, sentences = _examples(known, np.eye(len(labels))[truth], np.ones(len(rows)))
    model = _learn([texts], [sentences])
    guessed = corpus.unlabelled
    if guessed.texts.shape[0]:
        shares = guess_labels(model.scores(guessed.texts))
        by_chance = 1 / len(labels)
        weights = UNLABELLED_WEIGHT * (shares.max(axis=1) - by_chance) / (1 - by_chance)
        more_texts, more_sentences = _examples(guessed, shares, weights)
        model = _learn([texts, more_texts], [sentences, more_sentences])
    terms = [corpus.terms[column] for column in model.columns]
    return to_pipeline(terms, model.idf, model.coefficients, model.intercepts, labels)


def guess_labels(scores: FloatArray) -> FloatArray:
    """Label probabilities (n, k) for the scores (n, m)."""
    spread = scores.std(axis=0)
    log_odds = SHARPNESS * scores / np.where(spread > 1e-9, spread, 1)  # scores that are all the same stay small
    if log_odds.shape[1] == 1:
        log_odds = np.hstack([np.zeros_like(log_odds), log_odds])
    shares: FloatArray = softmax(log_odds, axis=1)
    return shares


def tfidf(matrix: Matrix, columns: IntArray, idf: FloatArray) -> Matrix:
    """(n, c) for occurrences (n, terms): TfidfVectorizer(binary=True) with these terms and this idf."""
    chosen = matrix[:, columns]
    weighted: Matrix = sp.csr_array((idf[chosen.indices], chosen.indices, chosen.indptr), shape=chosen.shape)
    return normalize(weighted, copy=False) if weighted.shape[0] else weighted


def _examples(counted: Counted, shares: FloatArray, weights: FloatArray) -> tuple[Examples, Examples]:
    """The texts and their sentences; a sentence gets its text's label, which is often but not always its own."""
    of_sentences = Examples(counted.sentences, shares[counted.source], SENTENCE_WEIGHT * weights[counted.source])
    return Examples(counted.texts, shares, weights), of_sentences


def _learn(texts: list[Examples], sentences: list[Examples]) -> LinearModel:
    """Fit on the texts. The first are the labelled ones; they determine the terms and their frequencies."""
    columns, idf, ratios = _choose_terms(texts)
    examples = texts + sentences
    shares = np.concatenate([part.shares for part in examples])[:, -len(ratios) :]
    weights = np.concatenate([part.weights for part in examples])
    coefficients, intercepts = [], []
    for ratio, share in zip(ratios, shares.T, strict=True):
        # Made anew for each label: two copies at once would be most of the memory.
        matrix = sp.vstack([_scaled(tfidf(part.matrix, columns, idf), ratio) for part in examples], format="csr")
        machine = LinearSVC(C=C, tol=1e-3, max_iter=10_000, random_state=0)
        machine.fit(matrix, share > 0.5, sample_weight=weights)
        coefficients.append(machine.coef_[0] * ratio)  # what a term was scaled by is part of its coefficient
        intercepts.append(machine.intercept_[0])
    return LinearModel(columns, idf, np.array(coefficients), np.array(intercepts))


def _choose_terms(texts: list[Examples]) -> tuple[IntArray, FloatArray, FloatArray]:
    """columns (c,), idf (c,) and log-count ratios (m, c). Raises DataError if no term is found in two texts."""
    n = texts[0].matrix.shape[0]
    frequency = texts[0].matrix.sum(axis=0, dtype=np.int64)
    counts = np.sum([label_counts(part.matrix, part.shares) for part in texts], axis=0)
    statistic = chi_squared(counts, np.concatenate([part.shares for part in texts]).mean(axis=0))
    # The best first; of equally good ones the alphabetically first.
    order = np.argsort(-np.where(frequency >= MIN_TEXTS, statistic, -np.inf), kind="stable")
    columns = np.sort(order[: min(MAX_TERMS, np.count_nonzero(frequency >= MIN_TEXTS))])
    if not len(columns):
        raise DataError("Too few words are found in two of the texts; more, or longer, texts are needed.")
    idf = np.log((1 + n) / (1 + frequency[columns])) + 1  # scikit-learn's smoothed idf
    ratios = log_count_ratios(counts[:, columns])
    return columns, idf, ratios[1:] if len(ratios) == 2 else ratios


def _scaled(matrix: Matrix, by_column: FloatArray) -> Matrix:
    matrix.data *= by_column[matrix.indices]
    return matrix
