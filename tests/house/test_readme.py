"""What the README says is what the program does: settings, commands, routes and the test command."""

import re
from pathlib import Path

import typer.main

from app.cli import app as command_line
from app.core.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def first_column(heading: str) -> list[str]:
    """Return the code spans that begin the rows of the table below a heading."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_settings_table_is_the_settings() -> None:
    """Each setting stands in the table, in the order of the class, and nothing else does."""
    assert first_column("Settings") == [f"NEXTCLOSE_{name.upper()}" for name in Settings.model_fields]


def test_commands_table_is_the_commands() -> None:
    """Each command stands in the table, and nothing else does."""
    commands = typer.main.get_group(command_line).commands
    assert set(first_column("Use it from the command line")) == {f"nextclose {name}" for name in commands}


def test_every_command_explains_itself() -> None:
    """No command is without a help text."""
    commands = typer.main.get_group(command_line).commands
    assert [name for name, command in commands.items() if not command.help] == []


def test_make_targets_exist() -> None:
    """The commands that the README names are targets of the Makefile, with a line in `make help`."""
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)(?:`|$)", README, re.MULTILINE)) <= targets


def test_ci_runs_the_readmes_test_command() -> None:
    """What lands was tested the way the README says."""
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()
