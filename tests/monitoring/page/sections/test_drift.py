import pytest

from monitoring.page.sections.drift import in_words


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (None, ""),
        (0.0, ""),
        (0.0049, ""),
        (-0.0049, ""),
        (0.0051, "By 0.01 standard deviations longer. "),
        (-1.234, "By 1.23 standard deviations shorter. "),
    ],
)
def test_a_shift_is_said_if_there_is_any(shift, said):
    assert in_words(shift, "longer", "shorter") == said
