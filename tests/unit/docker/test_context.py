"""What is sent to the builder is what the Dockerfile copies, and nothing else of the clone."""

import re

from zeroidle_image.build import ROOT

IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
RULES = [line for line in IGNORED if line and not line.startswith("#")]


def copied() -> set[str]:
    """Sources of every COPY from the clone itself."""
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_nothing_is_sent_but_what_is_named() -> None:
    assert RULES[0] == "*"


def test_what_is_named_is_what_the_dockerfile_copies() -> None:
    named = {rule.removeprefix("!") for rule in RULES if rule.startswith("!")}
    needed = {next((one for one in named if _holds(one, path)), path) for path in copied()}
    assert needed == named


def test_what_python_leaves_behind_is_not_sent() -> None:
    assert RULES[-2:] == ["**/__pycache__", "**/*.egg-info"]


def _holds(rule: str, path: str) -> bool:
    return (
        path == rule
        or path.startswith(f"{rule}/")
        or re.fullmatch(rule.replace(".", r"\.").replace("*", "[^/]*"), path) is not None
    )
