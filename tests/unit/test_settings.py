"""Settings: where a value comes from, and that a wrong one is a line that names the variable and what is expected."""

import re
from pathlib import Path

import pytest

from stream_app.errors import ConfigError
from stream_app.settings import Settings, child_environment, load_settings, read_erasure_key


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without files, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"STREAM_APP_{name.upper()}", raising=False)
    monkeypatch.delenv("STREAM_APP_SETTINGS_FILE", raising=False)
    return tmp_path


def test_the_defaults_of_the_contract() -> None:
    settings = load_settings()
    assert settings.brokers == ["127.0.0.1:9092"]
    assert (settings.topic_prefix, settings.grace_ms, settings.metrics_host, settings.transaction_timeout_ms) == (
        "",
        200,
        "127.0.0.1",
        15_000,
    )
    assert settings.retention_days is None


def test_the_command_line_wins_over_the_environment_over_dotenv_over_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "stream-app.yaml").write_text("grace_ms: 1\nbatch_wait_ms: 1\nunit_records_max: 1\nmerge_wait_ms: 1\n")
    (elsewhere / ".env").write_text("STREAM_APP_GRACE_MS=2\nSTREAM_APP_BATCH_WAIT_MS=2\nSTREAM_APP_UNIT_RECORDS_MAX=2\nOTHER=x\n")
    monkeypatch.setenv("STREAM_APP_GRACE_MS", "3")
    monkeypatch.setenv("STREAM_APP_BATCH_WAIT_MS", "3")
    settings = load_settings(grace_ms=4, batch_wait_ms=None)
    assert (settings.grace_ms, settings.batch_wait_ms, settings.unit_records_max, settings.merge_wait_ms) == (4, 3, 2, 1)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_GRACE_MS", "")
    assert load_settings().grace_ms == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRACE_MS", "soon"),
        ("GRACE_MS", "-1"),
        ("BROKER", "localhost"),
        ("BROKER", "localhost:0"),
        ("BROKER", "a:1,,b:2"),
        ("ID", "a/b"),
        ("TOPIC_PREFIX", "a b"),
        ("METRICS_PORT", "65536"),
        ("RETENTION_DAYS", "0"),
        ("STORE", "sqlite"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_variable_and_what_is_expected(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"STREAM_APP_{name}", value)
    with pytest.raises(ConfigError, match=rf"^STREAM_APP_{name}: .*; expected: \S") as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_a_settings_file_that_is_missing_or_unreadable_is_one_line(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_SETTINGS_FILE", str(elsewhere / "no.yaml"))
    with pytest.raises(ConfigError, match="is no file"):
        load_settings()
    (elsewhere / "no.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        load_settings()


def test_the_erasure_key_comes_from_a_variable_or_a_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_erasure_key(load_settings()) is None
    monkeypatch.setenv("STREAM_APP_ERASURE_KEY", "sixteen bytes ok")
    given = read_erasure_key(load_settings())
    assert "sixteen" not in repr(load_settings())
    monkeypatch.delenv("STREAM_APP_ERASURE_KEY")
    (elsewhere / "key").write_text("sixteen bytes ok\n")
    monkeypatch.setenv("STREAM_APP_ERASURE_KEY_FILE", str(elsewhere / "key"))
    assert read_erasure_key(load_settings()) == given
    assert len(given or b"") == 32


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"ERASURE_KEY": "sixteen bytes ok", "ERASURE_KEY_FILE": "key"},
            "STREAM_APP_ERASURE_KEY: STREAM_APP_ERASURE_KEY_FILE is set as well",
        ),
        ({"ERASURE_KEY": ""}, "STREAM_APP_ERASURE_KEY: it is set, and empty"),
        ({"ERASURE_KEY_FILE": ""}, "STREAM_APP_ERASURE_KEY_FILE: it is set, and empty"),
        ({"ERASURE_KEY": "fifteen bytes.."}, "STREAM_APP_ERASURE_KEY: it is too short"),
        ({"ERASURE_KEY": "   "}, "STREAM_APP_ERASURE_KEY: it is empty"),
        ({"ERASURE_KEY_FILE": "short"}, "STREAM_APP_ERASURE_KEY_FILE: it is too short"),
        ({"ERASURE_KEY_FILE": "nothing"}, "STREAM_APP_ERASURE_KEY_FILE: it is empty"),
        ({"ERASURE_KEY_FILE": "no"}, "STREAM_APP_ERASURE_KEY_FILE: no cannot be read"),
        ({"ERASURE_KEY_FILE": "."}, "STREAM_APP_ERASURE_KEY_FILE: . cannot be read"),
    ],
)
def test_an_erasure_key_that_cannot_be_used_is_one_line_without_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, content in (("key", "sixteen bytes ok"), ("short", "fifteen bytes.."), ("nothing", "\n")):
        (elsewhere / name).write_text(content)
    for name, value in given.items():
        monkeypatch.setenv(f"STREAM_APP_{name}", value)
    with pytest.raises(ConfigError) as caught:
        read_erasure_key(load_settings())
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert "bytes.." not in str(caught.value)


def test_the_instance_is_derived_from_host_and_data_directory(elsewhere: Path) -> None:
    here = load_settings(data_dir=elsewhere / "a")
    assert here.instance == load_settings(data_dir=elsewhere / "a").instance
    assert here.instance != load_settings(data_dir=elsewhere / "b").instance
    assert re.fullmatch(r"[A-Za-z0-9._-]+", here.instance)
    assert load_settings(instance="mine").instance == "mine"


def test_a_child_gets_our_environment_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_ID", "x")
    environment = child_environment(BROKER="b:1")
    assert (environment["STREAM_APP_ID"], environment["STREAM_APP_BROKER"]) == ("x", "b:1")
