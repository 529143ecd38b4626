import pytest

from monitoring.page.sections.drift import in_words


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (None, ""),
        (0.0, ""),
        (0.0049, ""),
        (-0.0049, ""),
        (0.0051, "The mean length is 0.01 standard deviations above the reference. "),
        (-1.234, "The mean length is 1.23 standard deviations below the reference. "),
    ],
)
def test_a_shift_is_said_if_there_is_any(shift, said):
    assert in_words(shift, "length") == said
