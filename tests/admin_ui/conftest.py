"""A service on a free port of this machine, and the analyst's view pointed at it."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from fastapi import FastAPI
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.web.conftest import _pg_seeded, _seeded, app, apps, bare, build, seeded, settings, store_url
from tests.web.serving import serve

__all__ = ["_pg_seeded", "_seeded", "app", "apps", "bare", "build", "seeded", "settings", "store_url"]

MAIN = Path(__file__).parents[2] / "admin_ui" / "main.py"


@pytest.fixture(scope="session", autouse=True)
def _scanned_once() -> Iterator[None]:
    """Let Streamlit look through what is installed once, as its server does at its start; AppTest does at each run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def service(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the sample and a champion, and point the view at it."""
    with serve(app) as address:
        monkeypatch.setenv("NEXTCLOSE_API_URL", address)
        yield address


@pytest.fixture
def empty_service(bare: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve an empty store, and point the view at it."""
    with serve(bare) as address:
        monkeypatch.setenv("NEXTCLOSE_API_URL", address)
        yield address


@pytest.fixture
def view() -> AppTest:
    """Open the view as `streamlit run admin_ui/main.py` does, with nothing in memory."""
    st.cache_data.clear()
    return AppTest.from_file(str(MAIN), default_timeout=30)
