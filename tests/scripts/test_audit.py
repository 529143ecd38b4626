"""What `make audit` makes of what pip-audit says: nothing open or unknown, and nothing ignored without a reason."""

import pytest

from scripts.audit import IGNORED, failure, found, reasons

FINE = {"name": "idna", "version": "3.0", "vulns": []}
BAD = {
    "name": "click",
    "version": "8.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["8.1", "9.0"], "description": "It is bad."}],
}
SKIPPED = {"name": "numpy", "skip_reason": "numpy was not found"}
REASON = {"CVE-1": "Only its command line is affected, and nobody starts it here."}


def report(*packages):
    return {"dependencies": list(packages), "fixes": []}


def test_packages_without_advisories_are_clean():
    assert found(report(FINE), {}) == []
    assert failure(report(FINE), {}) == ""


def test_an_advisory_is_shown_with_the_versions_that_have_it_fixed_and_fails_the_audit():
    assert found(report(FINE, BAD), {}) == ["click 8.0: PYSEC-1, fixed in 8.1, 9.0; open"]
    assert failure(report(FINE, BAD), {}).startswith("1 open: raise the version")


def test_an_advisory_may_be_ignored_by_any_of_its_ids_and_is_shown_with_the_reason():
    assert found(report(BAD), REASON) == [f"click 8.0: PYSEC-1, fixed in 8.1, 9.0; ignored: {REASON['CVE-1']}"]
    assert failure(report(BAD), REASON) == ""


def test_what_is_ignored_but_concerns_nothing_any_more_fails_the_audit():
    assert failure(report(FINE), REASON).startswith("audit-ignored.toml ignores CVE-1, which concerns nothing")


@pytest.mark.parametrize("packages", [[FINE, SKIPPED], []])
def test_what_was_not_asked_about_is_never_called_clean(packages):
    assert failure(report(*packages), {}).startswith("Nobody can tell whether")


def test_nothing_is_ignored_without_a_sentence():
    with pytest.raises(SystemExit, match="says 'no' of CVE-1; say in a sentence"):
        reasons('[ignored]\nCVE-1 = "no"')


def test_the_list_that_ships_has_a_reason_for_each():
    assert all(reasons(IGNORED.read_text()).values())
