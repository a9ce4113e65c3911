"""Settings: one typed class, read from the environment and `.env`, built once and passed around."""

from __future__ import annotations

import os
import re
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.clock import ClockFile, as_utc
from app.core.errors import BadInput

WATCHLIST = ("AAPL", "MSFT", "GOOG", "AMZN", "NVDA", "META", "JPM", "KO", "XOM", "IBM")
"""Ten liquid US names that a new store starts with."""

SECRETS = ("database_url", "mlflow_uri", "admin_token", "alert_url", "smtp_url")
"""What may hold a password or a token, and may therefore stand in a file."""
_HOST = re.compile(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_SCHEMES = {"alert_url": ("https", "http"), "smtp_url": ("smtps", "smtp"), "cluster": ("tcp", "tls")}
"""What an address begins with, by the setting's name."""


class Settings(BaseSettings):
    """Every setting of the program; `nextclose settings` prints the effective ones."""

    model_config = SettingsConfigDict(env_prefix="NEXTCLOSE_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(Path("var"), description="The one folder that is written to: store, MLflow, logs")
    database_url: str | None = Field(
        None, description="SQLAlchemy URL of the store; unset: a SQLite file in HOME", repr=False
    )
    source: Literal["auto", "yahoo", "sample"] = Field(
        "auto",
        description="Where prices come from; `auto` is Yahoo, and the sample only while the store holds nothing else",
    )
    symbols: Annotated[tuple[str, ...], NoDecode] = Field(
        WATCHLIST, description="The watchlist that a new store starts with, separated by commas or blanks"
    )
    models_dir: Path = Field(Path("trained_models"), description="Served model files")
    mlflow_uri: str | None = Field(
        None, description="MLflow tracking and registry; unset: a SQLite file in HOME", repr=False
    )
    mlflow_ui: str | None = Field(
        None, description="Address of MLflow's pages, to link to; unset: that of NEXTCLOSE_MLFLOW_URI if it is a server"
    )
    admin_token: SecretStr | None = Field(
        None,
        description="What one signs in with, or sends as a bearer token, to change something; unset: on loopback only",
    )
    rate_limit: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="Requests a second that one client may make of each server process, ten seconds' worth at once; "
        "0: any number; unset: 100, and this machine any number",
    )
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Names under which requests are answered, separated by commas; `*.example.com` is any before it"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks of the proxies whose X-Forwarded-For and -Proto are believed"
    )
    scheduler: Literal["on", "off"] = Field("on", description="`off` for a replica that only serves")
    cluster: str | None = Field(
        None, description="Scheduler of a running Dask cluster that trainings are handed to: tcp://host:8786 or tls://…"
    )
    events: Literal["auto", "off"] = Field(
        "auto", description="Where earnings days come from: `auto` (the price source's, where it has any), `off`"
    )
    market_series: Annotated[tuple[str, ...], NoDecode] = Field(
        ("^VIX",), description="Series fetched and stored beside the watchlist, separated by commas; empty for none"
    )
    alert_url: SecretStr | None = Field(
        None, description="Webhook that gets alerts as JSON (https://… or http://…); its path is kept secret"
    )
    alert_mail: str | None = Field(None, description="Where alerts are mailed to; needs NEXTCLOSE_SMTP_URL")
    smtp_url: SecretStr | None = Field(
        None, description="Mail server: smtp://host:25, smtp://user:password@host:587 (STARTTLS) or smtps://…"
    )
    alert_inner: Literal["on", "off"] = Field(
        "off", description="`on` lets the webhook be on this machine or in an inner network"
    )
    now: datetime | ClockFile | None = Field(
        None,
        description="A fixed instant, for tests and replays; without a time zone it is UTC. `@FILE` reads it from a "
        "file each time, so that whoever rewrites the file moves time",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what is secret from a file, too, where a variable with `_FILE` behind the name says which."""
        return init_settings, _SecretFiles(settings_cls), env_settings, dotenv_settings, file_secret_settings

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take an empty variable for an unset one, but for the series, of which there may be none."""
        return {name: value for name, value in values.items() if value != "" or name == "market_series"}

    @field_validator("alert_url", "smtp_url", "cluster")
    @classmethod
    def _address(cls, value: SecretStr | str | None, field: ValidationInfo) -> SecretStr | str | None:
        """Refuse what is no address, without repeating it."""
        schemes = _SCHEMES[field.field_name or ""]
        if value is not None:
            try:
                url = urlsplit(value.get_secret_value() if isinstance(value, SecretStr) else value)
                is_address = url.scheme in schemes and bool(url.hostname) and url.port != 0
            except ValueError:
                is_address = False
            if not is_address:
                raise ValueError(f"it is no address that begins with {' or '.join(f'{one}://' for one in schemes)}")
        return value

    @field_validator("mlflow_ui")
    @classmethod
    def _page(cls, value: str | None) -> str | None:
        """Refuse what no page may link to: it would show a password."""
        if value is not None and (not value.startswith(("https://", "http://")) or "@" in value):
            raise ValueError("it is no address that begins with https:// or http://, without a user")
        return value

    @field_validator("now", mode="before")
    @classmethod
    def _file(cls, value: Any) -> Any:
        is_file = isinstance(value, str) and value.startswith("@")
        return ClockFile(Path(value[1:]).absolute()) if is_file else value

    @field_validator("now")
    @classmethod
    def _in_utc(cls, value: datetime | ClockFile | None) -> datetime | ClockFile | None:
        return as_utc(value) if isinstance(value, datetime) else value

    @field_validator("symbols", "market_series", "trusted_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any, field: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        are_names = (field.field_name or "").startswith("trusted")
        return tuple((value.lower() if are_names else value.upper()).replace(",", " ").split())

    @field_validator("trusted_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is more than a name, such as an address with `http://` or a port, which would never match."""
        if wrong := next((name for name in value if not _HOST.fullmatch(name)), None):
            raise ValueError(f"{wrong} is no host name: write it without scheme, port and path")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one)
        return value

    @field_validator("symbols", "market_series")
    @classmethod
    def _sorted_out(cls, value: tuple[str, ...], field: ValidationInfo) -> tuple[str, ...]:
        """Series begin with a caret and are never forecast; what is forecast doesn't."""
        series = field.field_name == "market_series"
        if wrong := next((name for name in value if name.startswith("^") is not series), None):
            raise ValueError(f"{wrong} is {'no market series' if series else 'a market series'}: those begin with ^")
        return value

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{(self.home / 'nextclose.db').absolute()}"

    @property
    def mlflow(self) -> str:
        """URI of MLflow's tracking store and registry."""
        return self.mlflow_uri or f"sqlite:///{(self.home / 'mlflow.db').absolute()}"

    @property
    def mlflow_pages(self) -> str | None:
        """Address of MLflow's pages, without a slash at its end; None where it has none."""
        server = self.mlflow_uri or ""
        is_open = server.startswith(("https://", "http://")) and "@" not in server
        found = self.mlflow_ui or (server if is_open else "")
        return found.rstrip("/") or None


class _SecretFiles(PydanticBaseSettingsSource):
    """`NEXTCLOSE_ADMIN_TOKEN_FILE=/run/secrets/token`, as containers get their secrets; the file goes first."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base's
        """Return the text of the file without its line end; None where no file is named."""
        path = os.environ.get(f"NEXTCLOSE_{field_name.upper()}_FILE")
        try:
            return (Path(path).read_text().strip() if path else None), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"NEXTCLOSE_{field_name.upper()}_FILE: {path} can't be read: {error}") from None

    def __call__(self) -> dict[str, Any]:
        """Return the secrets that stand in files."""
        found = {name: self.get_field_value(Settings.model_fields[name], name)[0] for name in SECRETS}
        return {name: value for name, value in found.items() if value is not None}


def load_settings() -> Settings:
    """Read the settings; raises `BadInput` with one line naming the first wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "NEXTCLOSE_" + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise BadInput(f"{name}: {first['msg']}") from None


def masked(address: SecretStr | None) -> str | None:
    """Tell an address without what is secret in it: user, password, path and query."""
    if address is None:
        return None
    url = urlsplit(address.get_secret_value())
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.hostname}{port}/***"
