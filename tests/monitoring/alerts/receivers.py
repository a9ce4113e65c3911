"""Receivers of alerts on this machine: a small HTTP server and a real SMTP server, each in a thread."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword


@dataclass
class Hook:
    """A webhook: what it got, and what it does before it answers `status`."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None


@contextmanager
def hook(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """Serve a webhook, over TLS where its side of it is given."""
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            made.headers.append({**self.headers, "path": self.path})
            made.meanwhile()
            self.send_response(made.status)
            self.send_header("location", f"{made.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Mailbox:
    """What a mail server took; it refuses everything while `code` is set."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.to: list[list[str]] = []
        self.logged_in: list[tuple[bytes, bytes]] = []
        self.code = 250

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        if self.code != 250:
            return f"{self.code} not now, s3cret"
        self.to.append(list(envelope.rcpt_tos))
        self.mails.append(message_from_bytes(envelope.content or b""))
        return "250 kept"

    def log_in(self, _server: Any, _session: Any, _envelope: Any, _how: str, given: LoginPassword) -> AuthResult:
        """Let anybody in, and note who."""
        self.logged_in.append((given.login, given.password))
        return AuthResult(success=True)


Scheme = Literal["smtp", "starttls", "smtps"]


@contextmanager
def mailbox(scheme: Scheme = "smtp", tls: ssl.SSLContext | None = None) -> Iterator[tuple[Mailbox, str]]:
    """Serve a mailbox, and yield it with its address; over TLS from the first byte, or once it is asked for."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller can't say which port it was given
        port = free.getsockname()[1]
    later = {"tls_context": tls, "require_starttls": True} if scheme == "starttls" else {}
    wrapped = {"ssl_context": tls, "auth_require_tls": False} if scheme == "smtps" else {}
    controller = Controller(box, hostname="127.0.0.1", port=port, authenticator=box.log_in, **later, **wrapped)
    controller.start()
    try:
        yield box, f"{'smtps' if scheme == 'smtps' else 'smtp'}://127.0.0.1:{port}"
    finally:
        controller.stop()
