"""How `make sbom` reads an image's files, and that it writes nothing that breaks CycloneDX's schema."""

import json

import pytest

from scripts.sbom import PACKAGES, RELEASE, VENV, add_installation, base, named, valid

BILL = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12+deb13u1
Description: GNU C Library
 Package: not one

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


@pytest.fixture
def root(tmp_path):
    """The files of an image that are read."""
    texts = {PACKAGES: STATUS, RELEASE: 'ID=debian\nVERSION_ID="13"\n', VENV: "home = /usr/bin\nversion = 3.13.5\n"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_base_is_debian_python_and_the_packages_that_are_installed(root):
    found = list(base(root))

    assert [(component["name"], component["version"]) for component in found] == [
        ("debian", "13"),
        ("python", "3.13.5"),
        ("libc6", "2.41-12+deb13u1"),
    ]
    assert found[2]["purl"] == "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13"
    assert valid(json.dumps(BILL | {"components": found}))


def test_a_package_gets_the_hash_of_the_wheel_that_pip_took_and_another_version_does_not():
    components: list[dict] = [
        {"name": "Typing_Extensions", "version": "4.16.0"},
        {"name": "packaging", "version": "25.0"},
    ]
    wheels = [("typing-extensions", "4.16.0", "a" * 64), ("packaging", "26.3", "b" * 64)]
    report = {
        "install": [
            {
                "metadata": {"name": name, "version": version, "license": "PSF\nin full: …"},
                "download_info": {"archive_info": {"hashes": {"sha256": digest}}},
            }
            for name, version, digest in wheels
        ]
    }
    add_installation(components, report)

    assert components[0]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert components[0]["licenses"] == [{"license": {"name": "PSF"}}]
    assert components[1] == {"name": "packaging", "version": "25.0"}


def test_what_breaks_the_schema_is_not_written():
    with pytest.raises(SystemExit, match=r"does not keep to the schema of CycloneDX 1\.6"):
        valid(json.dumps(BILL | {"components": [{"name": "without a type"}]}))


@pytest.mark.parametrize(
    ("image", "name_and_tag"),
    [
        ("sentiment-monitor-api:dev", ("sentiment-monitor-api", "dev")),
        ("registry.example.org:5000/team/api", ("api", "latest")),
        ("registry.example.org:5000/team/api:1.0", ("api", "1.0")),
    ],
)
def test_a_file_is_named_after_the_image(image, name_and_tag):
    assert named(image) == name_and_tag
