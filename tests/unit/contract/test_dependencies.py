"""The contract needs pydantic alone."""

import subprocess
import sys


def test_the_contract_imports_without_boto3() -> None:
    program = (
        "import sys, zeroidle_contract\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'boto3', 'botocore', 'numpy', 'llama_cpp', 'rich', 'jsonschema'}))"
    )

    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert output == "[]\n"
