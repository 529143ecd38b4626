"""Terms: what counts as a word, which runs of words are terms, and which texts and sentences they are found in."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import ignore, to_corpus
from training.data import DataError
from training.terms import MIN_SENTENCE_WORDS, MIN_TEXTS, TOKEN_PATTERN, Counted, count_terms, split_sentences

TOKENS = ["good", "isn't", "a", "7", "/", "10", "!", ".", '"', "<br />", "né", "映画"]
texts_of_tokens = st.lists(st.lists(st.sampled_from(TOKENS), max_size=8).map(" ".join), min_size=2, max_size=6)


def terms_of(text: str) -> set[str]:
    tokens = re.findall(TOKEN_PATTERN, text.lower())
    return {
        " ".join(tokens[first : first + length]) for length in (1, 2, 3) for first in range(len(tokens) - length + 1)
    }


def to_corpus_of(texts, unlabelled=()):
    return count_terms(texts, unlabelled, 1, ignore)


def found(matrix: sp.csr_array, terms: list[str]) -> list[set[str]]:
    """The terms of each row."""
    return [{terms[column] for column in matrix[[row]].indices} for row in range(matrix.shape[0])]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It isn't, I don't", ["it", "isn't", ",", "i", "don't"]),
        ("shouldn't've been rock'n'roll", ["shouldn't've", "been", "rock'n'roll"]),
        ("'quoted' and the boys' film", ["quoted", "and", "the", "boys", "film"]),
        ("7 / 10", ["7", "/", "10"]),
        ("7/10!", ["7", "/", "10", "!"]),
        ("I gave it a C-", ["i", "gave", "it", "a", "c", "-"]),
        ("Dull.<br /><br />I left", ["dull", ".", "/", "/", "i", "left"]),
        ("Dull.<br/>I left<br>early", ["dull", ".", "/", "i", "left", "early"]),
        ("(so-so) 50% $5 & *more*", ["(", "so", "-", "so", ")", "50", "%", "$", "5", "&", "*", "more", "*"]),
        ("Très drôle — 映画", ["très", "drôle", "映画"]),
        ("🎬 ~ ^", []),
        ("", []),
    ],
)
def test_contractions_short_words_and_punctuation_are_tokens_and_line_breaks_are_none(text, tokens):
    assert re.findall(TOKEN_PATTERN, text.lower()) == tokens


def test_terms_are_words_and_runs_of_up_to_three_of_them():
    corpus = to_corpus_of(["Not a good film", "not a good FILM"])
    assert corpus.terms == sorted(
        [*("not", "a", "good", "film"), *("not a", "a good", "good film"), *("not a good", "a good film")]
    )


def test_a_term_of_a_single_text_is_none_however_often_it_is_in_it():
    assert to_corpus_of(["rare rare rare common", "common"]).terms == ["common"]


def test_a_term_that_only_unlabelled_texts_repeat_is_none():
    corpus = to_corpus_of(["once common", "common"], ["once", "once", "common once"])
    assert corpus.terms == ["common"]
    assert found(corpus.unlabelled.texts, corpus.terms) == [set(), set(), {"common"}]


@given(texts_of_tokens, texts_of_tokens)
def test_every_text_and_sentence_has_exactly_its_own_terms(texts, unlabelled):
    texts = [*texts, "good", "good"]
    corpus = to_corpus_of(texts, unlabelled)

    in_texts = [terms_of(text) for text in texts]
    assert corpus.terms == sorted(
        {term for terms in in_texts for term in terms if sum(term in other for other in in_texts) >= MIN_TEXTS}
    )
    known = set(corpus.terms)
    for counted, part, step in ((corpus.labelled, texts, 1), (corpus.unlabelled, unlabelled, 3)):
        sentences, source = split_sentences(part, step)
        assert found(counted.texts, corpus.terms) == [terms_of(text) & known for text in part]
        assert found(counted.sentences, corpus.terms) == [terms_of(sentence) & known for sentence in sentences]
        assert counted.source.tolist() == source.tolist()


def test_a_term_counts_once_for_a_text_however_often_it_is_in_it(two_labels):
    repeated = [f"{text} {text}" for text in two_labels.texts]
    corpus = to_corpus_of(repeated, repeated)
    for counted in (corpus.labelled, corpus.unlabelled):
        assert set(counted.texts.data) == set(counted.sentences.data) == {1}


def test_some_texts_in_another_order_keep_their_terms_and_their_sentences():
    corpus = to_corpus_of(
        ["red one two three.", "too red", "red is red and red. blue is not that red.", "blue and blue"]
    )
    taken = corpus.labelled.take(np.array([2, 1, 0]))

    assert [terms & {"red", "blue"} for terms in found(taken.texts, corpus.terms)] == [
        {"red", "blue"},
        {"red"},
        {"red"},
    ]
    assert [terms & {"red", "blue"} for terms in found(taken.sentences, corpus.terms)] == [
        {"red"},
        {"red"},
        {"red", "blue"},
    ]
    assert taken.source.tolist() == [2, 0, 0]


@given(st.data())
def test_whichever_texts_are_taken_their_sentences_are_those_of_a_corpus_of_only_them(data):
    texts = [f"{'good film and story. ' * number}bad number {number}" for number in range(5)]
    counted = to_corpus_of(texts).labelled
    rows = np.array(data.draw(st.permutations(range(5)))[: data.draw(st.integers(0, 5))], dtype=np.intp)
    taken: Counted = counted.take(rows)

    assert np.array_equal(taken.texts.toarray(), counted.texts[rows].toarray())
    assert taken.sentences.shape[0] == len(taken.source) == np.isin(counted.source, rows).sum()
    assert np.array_equal(rows[taken.source], counted.source[np.isin(counted.source, rows)])


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "I like this film. Do you like it?  Yes, I really do!",
            ["I like this film.", "Do you like it?", "Yes, I really do!"],
        ),
        ("One two three four. Too short. Five six seven eight.", ["One two three four.", "Five six seven eight."]),
        ("It is so good<br /><br />and so very sad", ["It is so good", "and so very sad"]),
        ("It is so good<br/>and so very sad", ["It is so good", "and so very sad"]),
        ("It is so good\n\nand so very sad", ["It is so good", "and so very sad"]),
        ('He said "this is bad." Then he left it.', ['He said "this is bad.', "Then he left it."]),
        ("(It is not good.) Really not so good...", ["(It is not good.", "Really not so good..."]),
        ("It cost 7.50 and e.g.this is one", ["It cost 7.50 and e.g.this is one"]),
        ("", []),
        ("no sentence", []),
    ],
)
def test_sentences_end_with_a_mark_and_a_blank_or_with_a_line(text, sentences):
    assert split_sentences([text])[0] == sentences


def test_every_sentence_knows_its_text_and_every_third_is_every_third_of_all():
    texts = ["One two three four. Five six seven eight.", "short", "A b c d! E f g h? I j k l."]
    sentences, source = split_sentences(texts)
    assert source.tolist() == [0, 0, 2, 2, 2]
    assert [sentence in texts[index] for sentence, index in zip(sentences, source, strict=True)] == [True] * 5
    thinned, of_thinned = split_sentences(texts, 3)
    assert (thinned, of_thinned.tolist()) == ([sentences[0], sentences[3]], [0, 2])


@given(st.lists(st.text("ab .!?\"')\n<>/br", max_size=60)))
def test_every_sentence_is_long_enough_and_part_of_its_text(texts):
    sentences, source = split_sentences(texts)
    assert all(len(sentence.split()) >= MIN_SENTENCE_WORDS for sentence in sentences)
    assert all(sentence in texts[index] for sentence, index in zip(sentences, source, strict=True))
    assert source.tolist() == sorted(source)


@pytest.mark.processes
def test_two_processes_count_what_one_does():
    labelled = ["a good film about a dog", "a good film about a cat"]
    unlabelled = [f"a {['good', 'bad'][number % 2]} film number {number % 11}" for number in range(20_001)]
    one, two = (count_terms(labelled, unlabelled, processes, ignore).unlabelled for processes in (1, 2))
    assert one.texts.shape[0] == 20_001
    assert one.texts.nnz > 50_000
    assert np.array_equal(one.texts.toarray(), two.texts.toarray())
    assert np.array_equal(one.sentences.toarray(), two.sentences.toarray())
    assert np.array_equal(one.source, two.source)


def test_without_unlabelled_texts_there_are_none(two_labels):
    corpus = to_corpus(two_labels)
    assert corpus.unlabelled.texts.shape == corpus.unlabelled.sentences.shape == (0, len(corpus.terms))
    assert corpus.unlabelled.source.tolist() == []


def test_texts_too_short_for_sentences_are_counted_whole():
    corpus = to_corpus_of(["good film", "good film"])
    assert found(corpus.labelled.texts, corpus.terms) == [{"good", "film", "good film"}] * 2
    assert corpus.labelled.sentences.shape[0] == 0


@pytest.mark.parametrize("texts", [["one two", "three four"], ["🎬", "🎬"], ["", ""]])
def test_texts_that_share_no_word_are_refused_with_a_sentence(texts):
    with pytest.raises(DataError, match=r"^No word is found in two of the texts; more, or longer, texts are needed\.$"):
        to_corpus_of(texts)


def test_every_step_says_how_much_it_counts():
    steps: list[str] = []
    count_terms(["it is so good. it is so bad.", "it is so good."], ["it is so so"], 1, steps.append)
    assert steps == ["2 texts", "3 sentences of them", "1 unlabelled texts", "1 of the sentences of these"]
