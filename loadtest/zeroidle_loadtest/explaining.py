"""One sentence for an expected error; None for a surprise."""

from zeroidle_contract import ContractError
from zeroidle_loadtest.errors import LoadTestError
from zeroidle_ops.errors import explain as explain_ops


def explain(error: Exception) -> str | None:
    """The sentence, of ours, of the contract, or of AWS."""
    if isinstance(error, LoadTestError):
        return str(error)
    sentence = explain_ops(error)
    return str(error) if sentence is None and isinstance(error, ContractError) else sentence
