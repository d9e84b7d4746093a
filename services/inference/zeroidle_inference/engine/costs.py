"""What a step costs, learnt from the steps themselves."""

from dataclasses import dataclass

SMOOTHING = 0.1
"""Weight of the newest step in the moving averages."""


@dataclass(slots=True)
class Rates:
    """Measured speeds; 0.0 while unknown.

    `prefill_tokens_per_s`: rows of all sequences together, in steps that carry prompts.
    `decode_tokens_per_s`: tokens of one sequence, at the widths that occurred.
    """

    prefill_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0

    def learn(self, *, rows: int, is_prefilling: bool, seconds: float) -> None:
        """Take one step into account."""
        if seconds <= 0:
            return
        if is_prefilling:
            self.prefill_tokens_per_s = _blend(self.prefill_tokens_per_s, rows / seconds)
        else:
            self.decode_tokens_per_s = _blend(self.decode_tokens_per_s, 1 / seconds)


def _blend(average: float, value: float) -> float:
    return value if average == 0.0 else average + SMOOTHING * (value - average)
