"""The documents say what is there: links, commands, targets, tests, modules, codes, prices."""

import re
import shlex
from pathlib import Path

import pytest
from cyclopts import CycloptsError, MissingArgumentError

from zeroidle_contract import EXPLANATIONS, ErrorCode, load_prices
from zeroidle_ops.cli import app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4,}(.+)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
ASSIGNMENTS = r"(?:[A-Z_]+=(?:\"[^\"]*\"|\S+) )*"
COMMAND = rf"^(?:\$ )?{ASSIGNMENTS}(?:\.venv/bin/)?"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name)


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text())


def commands(page: Path, program: str) -> list[str]:
    """What stands after `program` in the page's code, up to a pipe, a bracket or a comment."""
    fenced = [
        line
        for language, block in FENCED.findall(page.read_text())
        if language in {"", "sh", "console"}
        for line in block.splitlines()
    ]
    code = [*fenced, *INDENTED.findall(prose(page)), *INLINE.findall(prose(page))]
    found = [re.match(rf"{COMMAND}{program} (.+)$", line.strip()) for line in code]
    in_brackets = [line for line in code for line in re.findall(rf"\$\({program} ([^)]*)\)", line)]
    lines = [match.group(1) for match in found if match] + in_brackets
    # Two spaces end a command: what follows explains it.
    return [command for line in lines if (command := re.split(r" [|&#>]|  |;", line)[0])]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@every_page
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, section = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if section:
            assert section in map(anchor, HEADING.findall(linked.read_text())), target


@every_page
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {command.split()[0] for command in commands(page, "make")} <= targets


@every_page
def test_every_zeroidle_command_is_understood(page: Path) -> None:
    for command in commands(page, "zeroidle"):
        try:
            app.parse_args(shlex.split(command), exit_on_error=False, print_error=False)
        except MissingArgumentError:
            continue  # a mention of the command by its name
        except CycloptsError as error:
            pytest.fail(f"zeroidle {command}: {error}")


@every_page
def test_every_test_that_is_named_exists(page: Path) -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    code += (ROOT / "tests/unit/inference/service/store_laws.py").read_text()
    named = {span for span in INLINE.findall(prose(page)) if re.fullmatch(r"test_\w+", span)}
    assert {test for test in named if f"def {test}(" not in code} == set()


@every_page
def test_every_module_that_is_named_exists(page: Path) -> None:
    folders = ("services", "ops", "loadtest", "tests", "docker")
    files = [f"/{name(path)}" for folder in folders for path in (ROOT / folder).rglob("*.*")]
    named = {
        span for span in INLINE.findall(prose(page)) if re.fullmatch(r"[\w/-]+\.(py|yaml)", span)
    }
    assert {module for module in named if not any(f.endswith(f"/{module}") for f in files)} == set()


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_stands_in_the_table_as_the_code_explains_it(code: ErrorCode) -> None:
    explained = EXPLANATIONS[code]
    unchanged = "yes" if explained.retryable else "no"
    row = f"| `{code}` | {explained.meaning} | {explained.remedy} | {unchanged} |"
    assert row in (ROOT / "docs/bad-input.md").read_text().splitlines()


def test_every_decision_record_stands_in_the_index() -> None:
    records = {path.name for path in (ROOT / "docs/adr").glob("0*.md")}
    index = (ROOT / "docs/adr/README.md").read_text()
    assert {record for record in records if f"({record})" not in index} == set()


def test_the_readmes_prices_are_those_of_the_price_list() -> None:
    readme = (ROOT / "README.md").read_text()
    prices = load_prices()
    assert f"read on {prices.as_of}" in readme
    for model, price in prices.managed.items():
        usd = (1000 * price.input + 100 * price.output) / 1_000_000
        shown = "Llama 3.1 8B, managed" if model == "Llama 3.1 8B" else model
        assert f"| {shown} | {usd:.6f} | list price |" in readme


def test_the_readmes_projection_is_its_own_arithmetic() -> None:
    readme = (ROOT / "README.md").read_text()
    read_per_s, written_per_s, memory_gb = 20, 15.8, 10
    seconds = 1000 / read_per_s + 100 / written_per_s
    usd = seconds * memory_gb * load_prices().aws_lambda.arm64_gb_second
    assert f"{read_per_s} tokens a second read, {written_per_s} written" in readme
    assert f"That makes {seconds:.0f} s" in readme
    assert f"| {usd:.4f} | projection" in readme


def test_the_readmes_example_works_with_its_own_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [
        block for language, block in FENCED.findall((ROOT / "README.md").read_text())
        if language == "python"
    ]  # fmt: skip
    for block in blocks:
        (tmp_path / block.splitlines()[0].removeprefix("# ")).write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    module: dict[str, object] = {}
    exec((tmp_path / "test_triage.py").read_text(), module)  # noqa: S102 - our own README
    run = module["test_a_ticket_gets_its_label"]
    assert callable(run)
    run()
