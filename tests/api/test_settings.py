from pathlib import Path

import pytest

from api.settings import Settings, SettingsError


def test_an_empty_environment_gives_the_documented_defaults():
    settings = Settings.from_env({})

    assert settings == Settings()
    assert (settings.log_sync, settings.max_text_chars, settings.max_body_bytes) == ("everysec", 20_000, 1_048_576)


def test_every_variable_is_read():
    settings = Settings.from_env(
        {
            "LOG_DIR": "/data",
            "LOG_SYNC": "Always",
            "LOG_SEGMENT_MB": "0.5",
            "LOG_KEEP_DAYS": "30",
            "LOG_KEEP_GB": "4.5",
            "LOG_COMPRESS": "ON",
            "LOG_TEXT": "Hashed",
            "LOG_HASH_KEY": "not to be guessed",
            "AUDIT_RATE": "0.2",
            "MODEL_PATH": "/models/m.pkl",
            "MODEL_CARD_PATH": "/models/c.json",
            "MAX_TEXT_CHARS": "10",
            "MAX_BODY_BYTES": "20",
            "MAX_BATCH_BYTES": "30",
            "MAX_CONNECTIONS": "40",
            "CLIENT_SECONDS": "50",
            "KEEP_ALIVE_SECONDS": "60",
            "WEB_CONCURRENCY": "2",
            "LOG_LEVEL": "DEBUG",
            "API_TOKENS_FILE": "/secrets/tokens",
            "RATE_LIMIT": "40",
            "ALLOWED_HOSTS": "Api, *.example.org [::1]",
            "LISTEN_ADDRESS": "::1",
            "CORS_ORIGINS": "https://App.example:8443 http://localhost:3000, tauri://localhost",
            "ROOT_PATH": "/teams/sentiment/",
            "FORWARDED_ALLOW_IPS": "10.0.0.0/8, 2001:DB8::1 192.0.2.1",
        }
    )

    assert settings == Settings(
        log_dir=Path("/data"),
        log_sync="always",
        log_text="hashed",
        log_hash_key="not to be guessed",
        log_segment_mb=0.5,
        log_keep_days=30,
        log_keep_gb=4.5,
        log_compress="on",
        audit_rate=0.2,
        model_path=Path("/models/m.pkl"),
        model_card_path=Path("/models/c.json"),
        max_text_chars=10,
        max_body_bytes=20,
        max_batch_bytes=30,
        max_connections=40,
        client_seconds=50,
        keep_alive_seconds=60,
        web_concurrency=2,
        log_level="debug",
        api_tokens_file=Path("/secrets/tokens"),
        rate_limit=40,
        allowed_hosts=("api", "*.example.org", "[::1]"),
        listen_address="::1",
        cors_origins=("https://app.example:8443", "http://localhost:3000", "tauri://localhost"),
        root_path="/teams/sentiment",
        forwarded_allow_ips=("10.0.0.0/8", "2001:db8::1", "192.0.2.1"),
    )
    unset = {name for name, value in vars(settings).items() if value == getattr(Settings(), name)}
    assert unset == {"api_tokens"}  # which exclude their file, and are read below


def test_tokens_are_read_and_not_shown():
    settings = Settings.from_env({"API_TOKENS": "shop:predict:0123456789abcdef"})

    assert settings.api_tokens == "shop:predict:0123456789abcdef"
    assert "0123456789abcdef" not in repr(settings)


def test_tokens_in_two_places_are_refused_without_showing_them():
    with pytest.raises(SettingsError, match="API_TOKENS and API_TOKENS_FILE are both set") as refused:
        Settings.from_env({"API_TOKENS": "shop:predict:0123456789abcdef", "API_TOKENS_FILE": "/secrets/tokens"})
    assert "0123456789abcdef" not in str(refused.value)


def test_the_card_is_looked_for_beside_the_model():
    assert Settings.from_env({"MODEL_PATH": "/models/m.pkl"}).model_card_path == Path("/models/model_card.json")


def test_an_empty_variable_counts_as_unset():
    assert Settings.from_env({"LOG_SYNC": " ", "MAX_TEXT_CHARS": ""}) == Settings()


@pytest.mark.parametrize(("value", "rate"), [("0", 0), ("1", 1), ("1e-3", 0.001)])
def test_the_audit_rate_is_any_number_from_0_to_1(value, rate):
    assert Settings.from_env({"AUDIT_RATE": value}).audit_rate == rate


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_SYNC", "sometimes"),
        ("LOG_LEVEL", "loud"),
        ("LOG_SEGMENT_MB", "0"),
        ("LOG_KEEP_DAYS", "-1"),
        ("LOG_KEEP_GB", "all"),
        ("LOG_COMPRESS", "yes"),
        ("LOG_TEXT", "none"),
        ("AUDIT_RATE", "5 %"),
        ("AUDIT_RATE", "1.01"),
        ("AUDIT_RATE", "-0.1"),
        ("AUDIT_RATE", "nan"),
        ("MAX_TEXT_CHARS", "0"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_BATCH_BYTES", "8 MiB"),
        ("WEB_CONCURRENCY", "²"),
        ("RATE_LIMIT", "-1"),
        ("RATE_LIMIT", "0.5"),
        ("RATE_LIMIT", "100001"),
        ("RATE_LIMIT", "9" * 5000),
        ("FORWARDED_ALLOW_IPS", "proxy.example.org"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.1/8"),
        ("CORS_ORIGINS", "app.example"),
        ("CORS_ORIGINS", "https://app.example/"),
        ("CORS_ORIGINS", "https://app.example:443"),
        ("CORS_ORIGINS", "http://app.example:80"),
        ("CORS_ORIGINS", "https://*.example"),
        ("CORS_ORIGINS", "null"),
        ("ROOT_PATH", "sentiment"),
        ("ROOT_PATH", "/a//b"),
        ("ROOT_PATH", "/'><script>"),
        ("ALLOWED_HOSTS", "localhost:8000"),
        ("ALLOWED_HOSTS", "https://example.org"),
        ("ALLOWED_HOSTS", "a.*.example.org"),
        ("ALLOWED_HOSTS", "café.example"),
        ("MAX_TEXT_CHARS", "9" * 4301),
        ("MAX_BATCH_BYTES", "1_000"),
        ("MAX_CONNECTIONS", "2147483648"),
        ("MAX_CONNECTIONS", "１２"),
        ("CLIENT_SECONDS", "9" * 4301),
        ("CLIENT_SECONDS", "1e3"),
        ("WEB_CONCURRENCY", "inf"),
        ("LOG_KEEP_GB", "inf"),
        ("LOG_KEEP_DAYS", "9" * 4301),
        ("LOG_SEGMENT_MB", "nan"),
    ],
)
def test_a_bad_value_is_a_sentence_that_names_variable_and_value(name, value):
    with pytest.raises(SettingsError, match=name) as raised:
        Settings.from_env({name: value})

    assert repr(value) in str(raised.value)


def test_the_key_of_hashes_is_printed_nowhere():
    assert "not to be guessed" not in repr(Settings.from_env({"LOG_HASH_KEY": "not to be guessed"}))

    with pytest.raises(SettingsError, match="LOG_HASH_KEY has 6 characters; set it to 16 or more") as raised:
        Settings.from_env({"LOG_HASH_KEY": "secret"})
    assert "secret" not in str(raised.value)
