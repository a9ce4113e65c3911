"""A service on a free port of this machine, and the analyst's view pointed at it."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
import uvicorn
from fastapi import FastAPI
from streamlit.testing.v1 import AppTest

from tests.web.conftest import _furnished, app, bare, furnished, settings

__all__ = ["_furnished", "app", "bare", "furnished", "settings"]

MAIN = Path(__file__).parents[2] / "admin_ui" / "main.py"


def serve(app: FastAPI) -> Iterator[str]:
    """Serve an app in a thread of its own, without its clockwork, and yield its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def service(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the sample and a champion, and point the view at it."""
    for address in serve(app):
        monkeypatch.setenv("NEXTCLOSE_API_URL", address)
        yield address


@pytest.fixture
def empty_service(bare: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve an empty store, and point the view at it."""
    for address in serve(bare):
        monkeypatch.setenv("NEXTCLOSE_API_URL", address)
        yield address


@pytest.fixture
def view() -> AppTest:
    """Open the view as `streamlit run admin_ui/main.py` does, with nothing in memory."""
    st.cache_data.clear()
    return AppTest.from_file(str(MAIN), default_timeout=30)
