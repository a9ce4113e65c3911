"""Settings come from the environment, typed, and complain in one line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.clock import Clock
from app.core.errors import BadInput
from app.core.settings import WATCHLIST, Settings, load_settings, masked


def test_defaults_need_no_environment(tmp_path: Path) -> None:
    """Everything has a default; the store and MLflow are files in HOME."""
    settings = load_settings()
    assert settings.symbols == WATCHLIST
    assert settings.database == f"sqlite:///{tmp_path}/var/nextclose.db"
    assert settings.mlflow == f"sqlite:///{tmp_path}/var/mlflow.db"


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists split at commas and blanks; an instant without a zone is UTC."""
    monkeypatch.setenv("NEXTCLOSE_SYMBOLS", "aapl, KO brk-b")
    monkeypatch.setenv("NEXTCLOSE_NOW", "2021-12-31T22:00:00")
    settings = load_settings()
    assert settings.symbols == ("AAPL", "KO", "BRK-B")
    assert settings.now == datetime(2021, 12, 31, 22, tzinfo=UTC)


def test_an_instant_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever rewrites the file moves time for every process, and a child finds it whatever its folder is."""
    monkeypatch.setenv("NEXTCLOSE_NOW", "@now")
    settings = load_settings()
    assert str(settings.now) == f"@{tmp_path}/now"
    clock = Clock(settings.now)
    for day in (30, 31):
        (tmp_path / "now").write_text(f"2021-12-{day}T22:00\n")
        assert clock.now() == datetime(2021, 12, day, 22, tzinfo=UTC)
    (tmp_path / "now").write_text("soon")
    with pytest.raises(BadInput, match=r"NEXTCLOSE_NOW: .*holds no instant"):
        clock.now()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass empty strings for what isn't set."""
    monkeypatch.setenv("NEXTCLOSE_ADMIN_TOKEN", "")
    monkeypatch.setenv("NEXTCLOSE_SYMBOLS", "")
    settings = load_settings()
    assert settings.admin_token is None
    assert settings.symbols == WATCHLIST


def test_secrets_may_stand_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable with _FILE names the file; it goes before the variable without, and one that isn't there is named."""
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("NEXTCLOSE_ADMIN_TOKEN", "other")
    monkeypatch.setenv("NEXTCLOSE_ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    token = load_settings().admin_token
    assert token is not None
    assert token.get_secret_value() == "s3cret"
    monkeypatch.setenv("NEXTCLOSE_SMTP_URL_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match=r"NEXTCLOSE_SMTP_URL_FILE: .*nowhere can't be read"):
        load_settings()


def test_series_may_be_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list is one; unset it is the volatility index."""
    assert load_settings().market_series == ("^VIX",)
    monkeypatch.setenv("NEXTCLOSE_MARKET_SERIES", "")
    assert load_settings().market_series == ()
    monkeypatch.setenv("NEXTCLOSE_MARKET_SERIES", "^vix, ^tnx")
    assert load_settings().market_series == ("^VIX", "^TNX")


@pytest.mark.parametrize(("name", "value"), [("SYMBOLS", "AAPL ^VIX"), ("MARKET_SERIES", "^VIX,KO")])
def test_series_and_symbols_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What begins with a caret is never forecast, and nothing else is a series."""
    monkeypatch.setenv(f"NEXTCLOSE_{name}", value)
    with pytest.raises(BadInput, match=rf"NEXTCLOSE_{name}: .*those begin with \^"):
        load_settings()


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line says which variable, and what would be right."""
    monkeypatch.setenv("NEXTCLOSE_SOURCE", "bloomberg")
    with pytest.raises(BadInput, match=r"NEXTCLOSE_SOURCE: Input should be 'auto', 'yahoo' or 'sample'"):
        load_settings()


def test_secrets_stay_out_of_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token or a database password never shows in a log of the settings."""
    monkeypatch.setenv("NEXTCLOSE_ADMIN_TOKEN", "s3cret")
    monkeypatch.setenv("NEXTCLOSE_DATABASE_URL", "postgresql://user:s3cret@db/nextclose")
    assert "s3cret" not in repr(load_settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_URL", "ftp://s3cret"),
        ("ALERT_URL", "s3cret"),
        ("ALERT_URL", "http://h:s3cret/"),
        ("SMTP_URL", "http://s3cret"),
        ("CLUSTER", "s3cret:8786"),
    ],
)
def test_a_wrong_address_is_refused_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The line says which variable, and how an address begins; the value may hold a token."""
    monkeypatch.setenv(f"NEXTCLOSE_{name}", value)
    with pytest.raises(BadInput, match=f"NEXTCLOSE_{name}: .*it is no address that begins with") as caught:
        load_settings()
    assert "s3cret" not in caught.value.detail


def test_an_address_is_told_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """User, password, path and query are left out."""
    monkeypatch.setenv("NEXTCLOSE_ALERT_URL", "https://hooks.example:8443/s3cret?token=s3cret")
    monkeypatch.setenv("NEXTCLOSE_SMTP_URL", "smtps://s3cret:s3cret@mail.example")
    settings = load_settings()
    assert (masked(settings.alert_url), masked(settings.smtp_url)) == (
        "https://hooks.example:8443/***",
        "smtps://mail.example/***",
    )
    assert masked(None) is None
    assert "s3cret" not in repr(settings)


def test_every_setting_is_described() -> None:
    """`nextclose settings` has a meaning for each."""
    assert all(field.description for field in Settings.model_fields.values())
