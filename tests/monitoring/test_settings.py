from dataclasses import asdict, fields
from pathlib import Path

import pytest

from monitoring.settings import Settings, SettingsError
from tests.conftest import ROOT

SIGN_IN = {
    "OIDC_METADATA_URL": "https://login.example/.well-known/openid-configuration",
    "OIDC_CLIENT_ID": "monitor",
    "OIDC_CLIENT_SECRET": "passw0rd",
    "OIDC_COOKIE_SECRET": "passw0rd" * 4,
    "PUBLIC_URL": "https://monitor.example/page/",
}


def test_an_empty_environment_gives_the_documented_defaults():
    settings = Settings.from_env({})

    assert settings == Settings()
    assert (settings.log_dir, settings.api_url) == (Path("logs"), "http://localhost:8000")
    assert (settings.accuracy_threshold, settings.min_labels, settings.refresh_seconds) == (0.80, 30, 3.0)
    assert settings.stale_minutes == 15


def test_the_default_reference_is_the_one_that_ships():
    assert Settings.from_env({}).reference_path == ROOT / "monitoring" / "reference.json"


def test_every_variable_is_read():
    environ = {
        "LOG_DIR": "/data",
        "REFERENCE_PATH": "/profiles/r.json",
        "API_URL": "https://api.example:8443",
        "API_TOKEN": "abcDEF-._~+/0123==",
        "ACCURACY_THRESHOLD": "0.9",
        "MIN_LABELS": "12",
        "FALSE_ALARM_BUDGET": "0.1",
        "LISTEN_ADDRESS": "*",
        "ALLOWED_HOSTS": "Monitor.example.org, *.team.example",
        "KEEP_ALIVE_SECONDS": "90",
        "REFRESH_SECONDS": "1.5",
        "STALE_MINUTES": "2.5",
        "STATE_DIR": "/state",
        "WATCH_PORT": "9000",
        "WATCH_NAME": "shop",
        "WEBHOOK_URL": "https://me:pw@hooks.example/a/?b=c/",
        "ALERTMANAGER_URL": "http://alerts.example:9093/",
        **SIGN_IN,
        "SIGN_IN_ALLOWED": "ann@example.org, @example.com",
        "SIGN_IN_HOURS": "8",
    }
    settings = Settings.from_env(environ)

    assert set(environ) == {field.name.upper() for field in fields(Settings)}
    assert not asdict(settings).items() & asdict(Settings()).items()
    assert settings == Settings(
        log_dir=Path("/data"),
        reference_path=Path("/profiles/r.json"),
        api_url="https://api.example:8443",
        api_token="abcDEF-._~+/0123==",
        accuracy_threshold=0.9,
        min_labels=12,
        false_alarm_budget=0.1,
        listen_address="*",
        allowed_hosts="monitor.example.org *.team.example",
        keep_alive_seconds=90,
        refresh_seconds=1.5,
        stale_minutes=2.5,
        state_dir=Path("/state"),
        watch_port=9000,
        watch_name="shop",
        webhook_url="https://me:pw@hooks.example/a/?b=c/",
        alertmanager_url="http://alerts.example:9093",
        oidc_metadata_url="https://login.example/.well-known/openid-configuration",
        oidc_client_id="monitor",
        oidc_client_secret="passw0rd",
        oidc_cookie_secret="passw0rd" * 4,
        public_url="https://monitor.example/page",
        sign_in_allowed="ann@example.org @example.com",
        sign_in_hours=8,
    )


def test_the_token_and_addresses_that_may_hold_credentials_are_not_shown():
    settings = Settings(
        webhook_url="https://me:passw0rd@hooks.example",
        alertmanager_url="http://me:passw0rd@a.example",
        api_token="passw0rd",
    )

    assert "passw0rd" not in repr(settings)


@pytest.mark.parametrize(
    "value", ["hooks.example/passw0rd", "ftp://passw0rd", "http://a b/passw0rd", "http://a:x/passw0rd"]
)
def test_one_that_cannot_be_used_is_refused_without_showing_it(value):
    with pytest.raises(SettingsError, match="WEBHOOK_URL is no address") as refused:
        Settings.from_env({"WEBHOOK_URL": value})
    assert "passw0rd" not in str(refused.value)


@pytest.mark.parametrize(
    "value", ["dashboard:predict:passw0rd", "Bearer passw0rd", "passw0rd\nx", "passw0rd é", "passw0rd=x"]
)
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(value):
    with pytest.raises(SettingsError, match=r"API_TOKEN is no token; .* or unset it\.") as refused:
        Settings.from_env({"API_TOKEN": value})
    assert "passw0rd" not in str(refused.value)


def test_an_empty_variable_counts_as_unset():
    assert Settings.from_env({"LOG_DIR": "", "API_URL": " ", "MIN_LABELS": ""}) == Settings()


def test_space_around_a_value_does_not_count():
    assert Settings.from_env({"MIN_LABELS": " 12\n"}).min_labels == 12


def test_a_slash_at_the_end_of_the_address_does_not_double_in_paths():
    assert Settings.from_env({"API_URL": "http://api:8000/"}).api_url == "http://api:8000"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("ACCURACY_THRESHOLD", "0", 0.0),
        ("ACCURACY_THRESHOLD", "1", 1.0),
        ("MIN_LABELS", "1", 1),
        ("REFRESH_SECONDS", "0.5", 0.5),
        ("REFRESH_SECONDS", "3600", 3600.0),
        ("STALE_MINUTES", "1", 1.0),
        ("STALE_MINUTES", "1000000", 1e6),
        ("ACCURACY_THRESHOLD", ".8", 0.8),
        ("MIN_LABELS", "+012", 12),
    ],
)
def test_numbers_are_read_up_to_the_ends_of_the_allowed_range(name, value, read):
    assert getattr(Settings.from_env({name: value}), name.lower()) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCURACY_THRESHOLD", "80"),
        ("ACCURACY_THRESHOLD", "80%"),
        ("ACCURACY_THRESHOLD", "-0.1"),
        ("ACCURACY_THRESHOLD", "nan"),
        ("ACCURACY_THRESHOLD", "0,8"),
        ("MIN_LABELS", "0"),
        ("MIN_LABELS", "30.5"),
        ("MIN_LABELS", "many"),
        ("MIN_LABELS", "30.0"),
        ("MIN_LABELS", "true"),
        ("MIN_LABELS", "9" * 5000),
        ("REFRESH_SECONDS", "0"),
        ("REFRESH_SECONDS", "inf"),
        ("STALE_MINUTES", "0.9"),
        ("STALE_MINUTES", "nan"),
        ("STALE_MINUTES", "15 min"),
        ("WATCH_PORT", "9" * 4301),
        ("WATCH_PORT", "-1"),
        ("FALSE_ALARM_BUDGET", "9" * 4301),
        ("API_URL", "http://localhost:" + "9" * 4301),
        ("API_URL", "localhost:8000"),
        ("API_URL", "file:///etc"),
        ("API_URL", "http://"),
        ("API_URL", "http://[::1"),
        ("API_URL", "http://localhost:65536"),
        ("API_URL", "http://localhost:0"),
    ],
)
def test_a_bad_value_is_a_sentence_that_names_variable_and_value(name, value):
    with pytest.raises(SettingsError, match=name) as raised:
        Settings.from_env({name: value})

    assert repr(value) in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_whole_number_is_asked_for_where_only_that_will_do():
    with pytest.raises(SettingsError, match=r"whole number from 1 to .* or unset it for 30"):
        Settings.from_env({"MIN_LABELS": "2.5"})


@pytest.mark.parametrize("missing", SIGN_IN)
def test_sign_in_that_was_only_begun_is_refused_with_what_is_missing(missing):
    begun = {name: value for name, value in SIGN_IN.items() if name != missing}

    with pytest.raises(
        SettingsError, match=f"Sign-in also needs {missing}, since there is .*; set all of them"
    ) as refused:
        Settings.from_env(begun)
    assert "passw0rd" not in str(refused.value)


def test_naming_who_may_see_the_page_without_a_provider_does_not_leave_it_open():
    with pytest.raises(SettingsError, match="OIDC_COOKIE_SECRET, PUBLIC_URL, since there is SIGN_IN_ALLOWED"):
        Settings.from_env({"SIGN_IN_ALLOWED": "@example.org"})


def test_a_cookie_secret_that_could_be_guessed_is_refused_without_showing_it():
    with pytest.raises(SettingsError, match="OIDC_COOKIE_SECRET has 8 characters; set it to 32 or more") as refused:
        Settings.from_env(SIGN_IN | {"OIDC_COOKIE_SECRET": "passw0rd"})
    assert "passw0rd" not in str(refused.value)


@pytest.mark.parametrize("entry", ["example.org", "ann@", "@", "ann@@example.org", "*"])
def test_an_entry_that_is_neither_address_nor_domain_is_refused(entry):
    with pytest.raises(SettingsError, match="name e-mail addresses such as") as refused:
        Settings.from_env(SIGN_IN | {"SIGN_IN_ALLOWED": f"@example.org {entry}"})
    assert repr(entry) in str(refused.value)


def test_secrets_of_the_sign_in_are_not_shown():
    assert "passw0rd" not in repr(Settings.from_env(SIGN_IN))
