"""Texts, and pipelines that hypothesis fits to them: any vectoriser with a vocabulary before any linear classifier."""

import pytest
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import LinearSVC

from api.model.classifier import Model
from api.model.explanation import Explainer
from api.schemas import ExplainResponse

CORPUS = [
    "The film was amazing, simply amazing: İstanbul at night!",
    "A delight. The ΟΔΟΣ sings; the café hums, and the cafe\u0301 too",
    "ﬁne acting, ½ of it; a film to see and see again",
    "The film was awful, simply awful. A waste of the night",
    "I hated the ΟΔΟΣ; the cafe was dull and the acting bad",
    "Not amazing, not a delight: bad, bad, bad",
    "The film lasts two hours, and the night is long",
    "It is a film. The hours are long, it is of two",
]
LABELS = {
    2: ["good", "good", "good", "bad", "bad", "bad", "good", "bad"],
    3: ["good", "good", "good", "bad", "bad", "bad", "so-so", "so-so"],
}
WORDS = [*{word: None for text in CORPUS for word in text.split()}, "İ", "Σ", "\u0301", "\u2028", "🎬", "½x½", "ΣΑΣ"]
LONG = ("A film to see, not to see! é ΟΔΟΣ " * 600)[:20_000]

pieces = st.lists(st.sampled_from(WORDS) | st.text(max_size=4))
texts = pieces.map(" ".join) | pieces.map("".join)
splitting = {
    "ngram_range": st.sampled_from([(1, 1), (1, 2), (2, 3), (1, 3)]),
    "lowercase": st.booleans(),
    "binary": st.booleans(),
    "strip_accents": st.sampled_from([None, "unicode", "ascii"]),
}
PATTERNS = [r"(?u)\b\w\w+\b", r"\w+|[^\w\s]", r"(\w)\w*", r"(?:^|\s)(\S+)", r"(?<!<)\b\w+(?:'\w+)*|[!?.,;:]"]
into_words = st.fixed_dictionaries(
    splitting | {"token_pattern": st.sampled_from(PATTERNS), "stop_words": st.sampled_from([None, ["the", "a", "is"]])}
)
into_characters = st.fixed_dictionaries(splitting | {"analyzer": st.sampled_from(["char", "char_wb"])})
weighing = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
    }
)
CLASSIFIERS = [LogisticRegression(), LinearSVC(), SGDClassifier(random_state=0), RidgeClassifier()]
CLASSIFIERS += [LinearSVC(fit_intercept=False), RidgeClassifier(fit_intercept=False)]
# It warns of odd settings, and of fits that end early; explanations must be right all the same.
whatever_scikit_learn_says = pytest.mark.filterwarnings("ignore::UserWarning")


@st.composite
def linear_pipelines(draw, split=into_words | into_characters) -> Pipeline:
    split, weigh = draw(split), draw(weighing)
    head = draw(
        st.sampled_from(
            [
                [TfidfVectorizer(**split, **weigh)],
                [CountVectorizer(**split)],
                [CountVectorizer(**split), TfidfTransformer(**weigh)],
            ]
        )
    )
    between = draw(st.sampled_from([[], [SelectKBest(chi2, k=7)], ["passthrough", MaxAbsScaler()]]))
    labels = LABELS[draw(st.sampled_from([2, 3]))]
    return clone(make_pipeline(*head, *between, draw(st.sampled_from(CLASSIFIERS)))).fit(CORPUS, labels)


def fitted(*steps, labels=LABELS[2]) -> Pipeline:
    return make_pipeline(*steps).fit(CORPUS, labels)


def explain(pipeline, text: str) -> ExplainResponse:
    model = Model(pipeline, {"model_version": "v"})
    return Explainer(model, lambda text: model.predict([text])[0]).explain(text)
