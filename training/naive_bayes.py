"""What each term says about each label, from how often it occurs in texts of that label and of the others.

Both statistics take probable labels as well as certain ones: shares (n, k) holds the probability of each label for
each text, and a text counts for each label by that much.
"""

import numpy as np

from training.arrays import FloatArray, Matrix

SMOOTHING = 1.0


def label_counts(matrix: Matrix, shares: FloatArray) -> FloatArray:
    """In how many texts of each label each term occurs: (k, terms) for matrix (n, terms) and shares (n, k)."""
    counts: FloatArray = np.ascontiguousarray((matrix.T @ shares).T)
    return counts


def chi_squared(counts: FloatArray, label_shares: FloatArray) -> FloatArray:
    """How far the occurrences of each term are from being spread like the labels: (terms,), 0 for unused terms.

    Pearson's statistic, sum of (observed - expected)^2 / expected over the labels, as sklearn.feature_selection.chi2
    computes it for certain labels. counts is (k, terms), label_shares (k,) adds up to 1.
    """
    expected = np.outer(label_shares, counts.sum(axis=0))
    gaps = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    statistic: FloatArray = gaps.sum(axis=0)
    return statistic


def log_count_ratios(counts: FloatArray) -> FloatArray:
    """How much likelier each term is in texts of a label than in the others, as a logarithm: (k, terms).

    r = log((s + f) / |s + f|) - log((s + g) / |s + g|), with f the term's count in texts of the label, g in the
    others, s the smoothing and |.| the sum over all terms: Wang and Manning (2012), Baselines and Bigrams, section 2.
    """
    of_label = SMOOTHING + counts
    of_others = SMOOTHING + counts.sum(axis=0) - counts
    ratios: FloatArray = _log_share(of_label) - _log_share(of_others)
    return ratios


def _log_share(counts: FloatArray) -> FloatArray:
    shares: FloatArray = np.log(counts) - np.log(counts.sum(axis=1, keepdims=True))
    return shares
