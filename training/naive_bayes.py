"""How strongly each term indicates each label, from its frequency in texts of that label and of the others.

Both statistics accept probable labels: shares (n, k) is the probability of each label for each text, and a text counts
for each label with that weight.
"""

import numpy as np

from training.arrays import FloatArray, Matrix

SMOOTHING = 1.0


def label_counts(matrix: Matrix, shares: FloatArray) -> FloatArray:
    """The number of texts of each label that contain each term: (k, terms), for matrix (n, terms) and shares (n, k)."""
    counts: FloatArray = np.ascontiguousarray((matrix.T @ shares).T)
    return counts


def chi_squared(counts: FloatArray, label_shares: FloatArray) -> FloatArray:
    """Pearson's chi-squared statistic of each term against the labels: (terms,), 0 for unused terms.

    The sum of (observed - expected)^2 / expected over the labels, as sklearn.feature_selection.chi2 computes it for
    certain labels. counts is (k, terms); label_shares (k,) sums to 1.
    """
    expected = np.outer(label_shares, counts.sum(axis=0))
    gaps = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    statistic: FloatArray = gaps.sum(axis=0)
    return statistic


def log_count_ratios(counts: FloatArray) -> FloatArray:
    """The log-ratio of each term's frequency in texts of a label to that in the others: (k, terms).

    r = log((s + f) / |s + f|) - log((s + g) / |s + g|), with f the term's count in texts of the label, g in the others,
    s the smoothing and |.| the sum over all terms: Wang and Manning (2012), Baselines and Bigrams, section 2.
    """
    of_label = SMOOTHING + counts
    of_others = SMOOTHING + counts.sum(axis=0) - counts
    ratios: FloatArray = _log_share(of_label) - _log_share(of_others)
    return ratios


def _log_share(counts: FloatArray) -> FloatArray:
    shares: FloatArray = np.log(counts) - np.log(counts.sum(axis=1, keepdims=True))
    return shares
