"""Say whether the locks in requirements/ still answer pyproject.toml; needs no network.

Every requirement of the project, its extras and its groups must be pinned in its lock to a version that satisfies it,
every pin must carry hashes, the locks must agree with each other, and none may name an address.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PIN = re.compile(
    r"^(?P<name>[a-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+))?", re.MULTILINE
)


def pins(text: str) -> dict[str, set[str]]:
    """Return each package's pinned versions; a universal lock may hold one version per interpreter."""
    found: dict[str, set[str]] = {}
    for match in PIN.finditer(text):
        if match["marker"]:
            Marker(match["marker"].strip())
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def requirements() -> dict[str, list[Requirement]]:
    """Return what each lock must answer."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    runtime = project["project"]["dependencies"] + extras["postgres"] + groups["build"]
    wanted = {
        "runtime": runtime,
        "cluster": runtime + extras["cluster"],
        "admin": groups["admin"],
        "dev": runtime + extras["cluster"] + groups["admin"] + groups["dev"],
    }
    return {name: [Requirement(line) for line in lines] for name, lines in wanted.items()}


def complaints() -> list[str]:
    """Return one line for each thing that is wrong with the locks."""
    texts = {name: (ROOT / "requirements" / f"{name}.txt").read_text() for name in (*requirements(), "uv")}
    locked = {name: pins(text) for name, text in texts.items()}
    found = []
    for name, wanted in requirements().items():
        for requirement in wanted:
            key = re.sub(r"[-_.]+", "-", requirement.name).lower()
            versions = locked[name].get(key, set())
            if not versions or not all(requirement.specifier.contains(version) for version in versions):
                found.append(f"requirements/{name}.txt: {requirement} is pinned to {sorted(versions) or 'nothing'}")
    for name, text in texts.items():
        blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
        found += [
            f"requirements/{name}.txt: {block.split()[0]} has no hash" for block in blocks if "--hash" not in block
        ]
        found += [
            f"requirements/{name}.txt names an address" for _ in re.findall(r"https?://|--index|--find-links", text)
        ]
    for name in ("runtime", "cluster", "admin"):
        found += [
            f"requirements/{name}.txt: {package} differs from dev.txt"
            for package, versions in locked[name].items()
            if versions - locked["dev"].get(package, set())
        ]
    return found


if __name__ == "__main__":
    wrong = complaints()
    print("\n".join(wrong) or "locks: ok")  # noqa: T201 - a program's answer
    sys.exit(1 if wrong else 0)
