"""The log: one JSON object a line, whatever a value holds."""

import json
import subprocess
import sys

SCRIPT = """
import logging
from app.core import log
log.configure()
log.get("app.test").warning("odd name", symbol="AAPL\\n2020-01-01 forged error \\x1b[31m")
logging.getLogger("library").error("asked for %s", "a\\r\\nforged")
"""


def test_a_value_cannot_begin_a_line_of_its_own() -> None:
    """Line breaks and escapes of a terminal are encoded, from our records and from a library's."""
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in found.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["odd name", "asked for a\r\nforged"]
    assert lines[0]["symbol"] == "AAPL\n2020-01-01 forged error \x1b[31m"
    assert "\x1b" not in found.stderr
