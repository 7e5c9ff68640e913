"""What a process takes from its environment, and how a variable that cannot be used is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from claimbus.settings import Exports, Settings, SettingsError

Given = Callable[..., Settings]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """The settings that some variables give, all others unset."""

    def read(**variables: str) -> Settings:
        for field in Settings.model_fields:
            monkeypatch.delenv(f"CLAIMBUS_{field.upper()}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings.read()

    return read


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    file = tmp_path / "nkey"
    file.write_text(f"SU{'A' * 56}\n")
    return file


def test_nothing_has_to_be_set(given: Given) -> None:
    assert given().model_dump(exclude={"exports"}) == {
        "nats_url": None, "nats_nkey": None, "health_host": "127.0.0.1", "health_port": None, "log_level": "INFO",
        "profiles": None, "suggester": None, "wait": 0.0, "held_after": 300.0,
    }  # fmt: skip
    assert given().server == "nats://127.0.0.1:4222"


def test_each_variable_is_read(given: Given, seed: Path) -> None:
    read = given(
        CLAIMBUS_NATS_URL="tls://broker:4222", CLAIMBUS_NATS_NKEY=str(seed), CLAIMBUS_HEALTH_HOST="0.0.0.0",  # noqa: S104
        CLAIMBUS_HEALTH_PORT="8080", CLAIMBUS_LOG_LEVEL="DEBUG", CLAIMBUS_PROFILES="/profiles",
        CLAIMBUS_SUGGESTER="m:n", CLAIMBUS_WAIT="60", CLAIMBUS_HELD_AFTER="0",
    )  # fmt: skip
    assert (read.nats_url, read.server, read.nats_nkey) == ("tls://broker:4222", "tls://broker:4222", seed)
    assert (read.health_host, read.health_port) == ("0.0.0.0", 8080)  # noqa: S104
    assert (read.log_level, read.profiles, read.suggester) == ("DEBUG", Path("/profiles"), "m:n")
    assert (read.wait, read.held_after) == (60.0, 0.0)


@pytest.mark.parametrize("field", sorted(Settings.model_fields.keys() - {"exports"}))
def test_an_empty_variable_counts_as_unset(given: Given, field: str) -> None:
    assert getattr(given(**{f"CLAIMBUS_{field.upper()}": ""}), field) == getattr(given(), field)


def test_what_is_exported_is_read_with_the_rest(given: Given) -> None:
    read = given(CLAIMBUS_TRACES_DIR="/traces", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://collector:4318")
    assert read.exports == Exports(frozenset({"traces"}), traces=Path("/traces"))


@pytest.mark.parametrize("name", ["CLAIMBUS_HELD_AFTER", "CLAIMBUS_WAIT"])
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e9"])
def test_a_time_that_is_none_is_refused_by_name(given: Given, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        given(**{name: value})
    assert str(refused.value) == f"{name}: {value!r} is not a number of seconds from 0 to 604800; 0 turns it off"


@pytest.mark.parametrize("value", ["http", "-1", "65536", "80.5"])
def test_a_port_that_is_none_is_refused_by_name(given: Given, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        given(CLAIMBUS_HEALTH_PORT=value)
    assert str(refused.value) == f"CLAIMBUS_HEALTH_PORT: {value!r} is not a port from 0 to 65535"


def test_a_key_file_that_cannot_be_used_is_refused_by_name_and_its_content_is_not_repeated(
    given: Given, seed: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        given(CLAIMBUS_NATS_NKEY=f"{seed}s")
    assert str(refused.value) == f"CLAIMBUS_NATS_NKEY: {seed}s: No such file or directory; see: claimbus keys --help"
    seed.write_text("SUSECRET")
    with pytest.raises(SettingsError, match=r"CLAIMBUS_NATS_NKEY: .* holds no seed of a user") as refused:
        given(CLAIMBUS_NATS_NKEY=str(seed))
    assert "SECRET" not in str(refused.value)
