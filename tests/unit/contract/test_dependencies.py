"""The contract needs pydantic alone."""

import pytest
from fresh_process import printed_by

import zeroidle_contract


def test_the_contract_imports_without_boto3() -> None:
    program = (
        "import sys, zeroidle_contract\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'boto3', 'botocore', 'numpy', 'llama_cpp', 'rich', 'jsonschema'}))"
    )

    assert printed_by(program) == "[]\n"


def test_what_only_operators_need_is_imported_when_they_ask_for_it() -> None:
    program = (
        "import sys, zeroidle_contract as contract\n"
        "late = {'zeroidle_contract.' + name for name in ('prices', 'profile', 'stack')}\n"
        "print(sorted(late & set(sys.modules)))\n"
        "missing = [name for name in contract.__all__ if not hasattr(contract, name)]\n"
        "print(missing, sorted(late - set(sys.modules)))"
    )

    assert printed_by(program) == "[]\n[] []\n"


def test_a_name_that_the_contract_lacks_is_told_as_always() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        zeroidle_contract.Nothing  # noqa: B018
