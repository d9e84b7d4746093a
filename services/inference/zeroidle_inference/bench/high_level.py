"""llama-cpp-python's high-level class, one request after the other, in a process of its own.

A script for the peers' environment: it imports nothing of ours. Reads a line of JSON with calls
(see workloads.Call) and answers with a line of JSON: texts and the number of tokens written.

    build/peers/env/bin/python high_level.py --model model.gguf --threads 2 --context-tokens 1024
"""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

import llama_cpp

_NEVER = -1000.0
_ALWAYS = 100.0


def answer(model: Any, call: Mapping[str, Any]) -> tuple[str, int]:  # noqa: ANN401
    """The text of one call's answer, and its tokens."""
    wanted: dict[str, Any] = {}
    if call["schema"] is not None:
        wanted["response_format"] = {"type": "json_object", "schema": call["schema"]}
    bias = dict.fromkeys(call["always"], _ALWAYS) | dict.fromkeys(call["never"], _NEVER)
    if bias:
        wanted["logit_bias"] = bias
    completion = model.create_chat_completion(
        list(call["messages"]), temperature=0.0, max_tokens=call["max_tokens"], **wanted
    )
    text = completion["choices"][0]["message"]["content"] or ""
    return text, completion["usage"]["completion_tokens"]


def main() -> None:
    """Load, say so, and answer line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--context-tokens", required=True, type=int)
    parser.add_argument("--load-mode", choices=["mapped", "read"], default="mapped")
    parser.add_argument("--calls", type=argparse.FileType(), default=sys.stdin)
    arguments = parser.parse_args()
    model = llama_cpp.Llama(
        arguments.model,
        n_ctx=arguments.context_tokens,
        n_threads=arguments.threads,
        n_threads_batch=arguments.threads,
        use_mmap=arguments.load_mode == "mapped",
        flash_attn=True,
        verbose=False,
    )
    if arguments.calls is sys.stdin:
        _say({"ready": True})
    for line in arguments.calls:
        answers = [answer(model, call) for call in json.loads(line)["calls"]]
        _say(
            {
                "outputs": [text for text, _ in answers],
                "output_tokens": sum(tokens for _, tokens in answers),
            }
        )


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
