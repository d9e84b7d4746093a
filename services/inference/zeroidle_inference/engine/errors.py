"""What can go wrong inside the engine.

EngineError
├── ModelFileError        the GGUF is missing, damaged, or not a chat model
├── PromptTooLongError    prompt and answer do not fit one sequence's context
├── GrammarError          a JSON Schema that cannot be compiled, or cannot be met
└── DecodeError           llama.cpp refused a batch: the engine must be reset
"""


class EngineError(Exception):
    """Base of the engine's errors."""


class ModelFileError(EngineError):
    """The GGUF is missing, damaged, or not a chat model. Says what to do."""


class PromptTooLongError(EngineError):
    """Prompt and answer do not fit one sequence's context."""


class GrammarError(EngineError):
    """A JSON Schema that cannot be compiled, or cannot be met."""


class DecodeError(EngineError):
    """llama.cpp refused or aborted a batch; sequences under way are lost."""
