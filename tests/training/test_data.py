"""Reading texts, labelled or not: what is kept, what is counted, and what is refused with which sentence."""

import gzip
import hashlib
import lzma

import pytest

from training.data import DataError, LabelledTexts, read_labelled_texts, read_unlabelled_texts


def test_texts_and_labels_are_read_in_order(rows, write_csv):
    data = read_labelled_texts(write_csv(rows))
    assert list(zip(data.texts, data.labels, strict=True)) == rows
    assert data.dropped_rows == 0
    assert data.label_counts == {"negative": 40, "positive": 40}


def test_quotes_commas_line_breaks_and_other_scripts_survive(rows, write_csv):
    text = 'He said "no, never",\nthen left. 映画は最高 🎬'
    assert read_labelled_texts(write_csv([(text, "positive"), *rows])).texts[0] == text


def test_words_that_look_like_missing_values_are_texts(rows, write_csv):
    data = read_labelled_texts(write_csv([("NA", "negative"), ("null", "positive"), *rows]))
    assert data.texts[:2] == ["NA", "null"]


def test_rows_without_text_or_label_are_dropped_and_counted(rows, write_csv):
    empty = [("", "positive"), (" \n ", "negative"), ("fine text", ""), ("fine text", "  ")]
    data = read_labelled_texts(write_csv([*empty, *rows]))
    assert data.dropped_rows == 4
    assert len(data.texts) == len(rows)


def test_rows_cut_short_are_dropped_and_counted(rows, write_csv):
    path = write_csv(rows)
    path.write_text(path.read_text(encoding="utf-8") + "a text and no label\n", encoding="utf-8")
    assert read_labelled_texts(path).dropped_rows == 1


def test_blanks_around_a_label_do_not_make_another_label(rows, write_csv):
    data = read_labelled_texts(write_csv([("fine", " positive "), *rows]))
    assert set(data.labels) == {"negative", "positive"}


def test_a_text_of_a_million_characters_is_read(rows, write_csv):
    assert len(read_labelled_texts(write_csv([("x" * 1_000_000, "positive"), *rows])).texts[0]) == 1_000_000


def test_a_byte_order_mark_is_no_part_of_the_first_column(rows, write_csv):
    path = write_csv(rows)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_labelled_texts(path).texts) == len(rows)


@pytest.mark.parametrize(("suffix", "compress"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_a_compressed_file_is_the_same_data_as_the_plain_one(rows, write_csv, suffix, compress):
    plain = write_csv(rows)
    compressed = plain.with_name(plain.name + suffix)
    compressed.write_bytes(compress(plain.read_bytes()))
    assert read_labelled_texts(compressed) == read_labelled_texts(plain)


def test_the_hash_is_that_of_the_uncompressed_content(rows, write_csv):
    path = write_csv(rows)
    assert read_labelled_texts(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no file .*absent\.csv"):
        read_labelled_texts(tmp_path / "absent.csv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_labelled_texts(tmp_path)


def test_a_missing_column_is_named_with_the_columns_there_are(rows, write_csv):
    expected = (
        r"has no column sentiment; its columns are: review, mood\. Name others with --text-column and --label-column\.$"
    )
    with pytest.raises(DataError, match=expected):
        read_labelled_texts(write_csv(rows, columns=("review", "mood")))


def test_columns_may_have_other_names_and_stand_in_any_order(rows, write_csv):
    path = write_csv([(label, "7", text) for text, label in rows], columns=("stars", "id", "what they say"))
    data = read_labelled_texts(path, "what they say", "stars")
    assert list(zip(data.texts, data.labels, strict=True)) == rows


def test_a_text_column_of_another_name_is_named_too(rows, write_csv):
    with pytest.raises(DataError, match="no column text; its columns are: review, sentiment"):
        read_labelled_texts(write_csv(rows), "text")


def test_an_empty_file_has_no_columns(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="its columns are: none"):
        read_labelled_texts(tmp_path / "empty.csv")


def test_a_file_without_rows_is_refused(write_csv):
    with pytest.raises(DataError, match="no row with both a text and a label"):
        read_labelled_texts(write_csv([]))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(rows, write_csv, encoding):
    path = write_csv([("café", "positive"), *rows])
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    with pytest.raises(DataError, match=r"is not UTF-8: byte \d+ cannot be decoded; save it as UTF-8\.$"):
        read_labelled_texts(path)


def test_utf_16_without_a_byte_order_mark_has_none_of_the_columns(rows, write_csv):
    path = write_csv(rows)
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16-le"))
    with pytest.raises(DataError, match="has no column review"):
        read_labelled_texts(path)


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_refused(rows, write_csv, suffix):
    path = write_csv(rows, name="texts.csv" + suffix)
    with pytest.raises(DataError, match=f"not a complete {suffix} file"):
        read_labelled_texts(path)


@pytest.mark.parametrize(("suffix", "compress"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_a_compressed_file_cut_short_is_refused(rows, write_csv, suffix, compress):
    path = write_csv(rows, name="texts.csv" + suffix)
    path.write_bytes(compress(path.read_bytes())[:-20])
    with pytest.raises(DataError, match=f"not a complete {suffix} file"):
        read_labelled_texts(path)


def test_a_quote_that_is_never_closed_is_refused(rows, write_csv):
    path = write_csv(rows)
    path.write_text(path.read_text(encoding="utf-8") + '"never closed,positive\n', encoding="utf-8")
    with pytest.raises(DataError, match="not a CSV file: unexpected end of data"):
        read_labelled_texts(path)


def test_truth_points_at_the_labels_in_the_order_asked_for():
    data = LabelledTexts(["x", "y", "z"], ["b", "a", "b"], 0, "")
    assert data.label_names == ["a", "b"]
    assert data.truth(["a", "b"]).tolist() == [1, 0, 1]
    assert data.truth(["b", "c", "a"]).tolist() == [0, 2, 0]


def test_a_single_label_is_refused(rows, write_csv):
    with pytest.raises(DataError, match="only one label, positive"):
        read_labelled_texts(write_csv([(text, "positive") for text, _ in rows]))


def test_nine_rows_of_a_label_are_too_few_and_ten_are_enough(rows, write_csv):
    rare = [("rare text", "mixed")]
    with pytest.raises(DataError, match="only 9 rows of mixed; at least 10"):
        read_labelled_texts(write_csv(rows + rare * 9))
    assert read_labelled_texts(write_csv(rows + rare * 10)).label_counts["mixed"] == 10


def test_unlabelled_texts_are_read_in_order_from_their_column_alone(write_csv):
    path = write_csv([("1", "one"), ("2", "two"), ("3", "three")], columns=("id", "review"))
    unlabelled = read_unlabelled_texts(path, [])
    assert (unlabelled.texts, unlabelled.dropped_rows) == (["one", "two", "three"], 0)
    assert unlabelled.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_empty_repeated_and_labelled_texts_are_dropped_and_counted(write_csv):
    texts = ["one", "", " \n", "labelled", "two", "one", "one", "labelled"]
    path = write_csv([(text,) for text in texts], columns=("text",))
    unlabelled = read_unlabelled_texts(path, ["labelled", "another"], "text")
    assert (unlabelled.texts, unlabelled.dropped_rows) == (["one", "two"], 6)


def test_unlabelled_texts_may_all_be_dropped(rows, write_csv):
    unlabelled = read_unlabelled_texts(write_csv(rows), [text for text, _ in rows])
    assert (unlabelled.texts, unlabelled.dropped_rows) == ([], len(rows))


def test_a_compressed_file_holds_the_same_unlabelled_texts(rows, write_csv):
    plain = write_csv(rows)
    compressed = plain.with_name("texts.csv.xz")
    compressed.write_bytes(lzma.compress(plain.read_bytes()))
    assert read_unlabelled_texts(compressed, []) == read_unlabelled_texts(plain, [])


def test_unlabelled_texts_without_their_column_are_refused(rows, write_csv):
    with pytest.raises(DataError, match="no column text; its columns are: review, sentiment"):
        read_unlabelled_texts(write_csv(rows), [], "text")


def test_an_unlabelled_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no file .*absent\.csv"):
        read_unlabelled_texts(tmp_path / "absent.csv", [])
