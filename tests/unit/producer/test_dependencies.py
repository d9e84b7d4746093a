"""A producer service needs boto3 and pydantic beside the package, nothing else."""

import subprocess
import sys
from importlib.metadata import requires


def test_the_producer_imports_neither_model_nor_terminal_libraries() -> None:
    foreign = "{'llama_cpp', 'llguidance', 'numpy', 'rich', 'cyclopts', 'locust', 'gevent'}"
    program = (
        "import sys, zeroidle_producer, zeroidle_producer.testing\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        f"print(sorted(loaded & {foreign}))"
    )

    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert output == "[]\n"


def test_the_package_asks_for_boto3_and_pydantic_alone() -> None:
    asked = {*(requires("zeroidle-producer") or ()), *(requires("zeroidle-contract") or ())}

    names = {requirement.split(">")[0] for requirement in asked}
    assert names == {"zeroidle-contract", "boto3", "pydantic"}
