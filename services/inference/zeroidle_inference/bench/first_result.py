"""One cold start of ours: `python -m zeroidle_inference.bench.first_result TASK.json DOCUMENT.txt`.

Imports the real handler, which begins the load as in Lambda, with every import that the function
has; then does one document and prints its result. Only AWS is missing: nothing is claimed or
committed, and the settings name tables and queues that are never called.
"""

import os
import sys
from pathlib import Path

_UNUSED = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "unused",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "ZEROIDLE_JOBS_TABLE": "unused",
    "ZEROIDLE_BUCKET": "unused",
    "ZEROIDLE_QUEUE_URL": "http://127.0.0.1/unused",
    "ZEROIDLE_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/unused",
}


def main() -> None:
    """Load as the handler does, run the task, print its output."""
    os.environ.update(_UNUSED)
    from zeroidle_inference import handler, tasks  # noqa: PLC0415 - the import is what is measured

    engine = handler._LOADING.wait()  # noqa: SLF001 - what the service waits for
    from pydantic import TypeAdapter  # noqa: PLC0415 - imported by then

    from zeroidle_contract import Task  # noqa: PLC0415
    from zeroidle_inference.engine.request import Answer  # noqa: PLC0415

    task = TypeAdapter[Task](Task).validate_json(Path(sys.argv[1]).read_bytes())
    steps = tasks.start(task, Path(sys.argv[2]).read_text(), engine.text_model)
    (request,) = next(steps)
    engine.submit(request)
    answers: list[Answer] = []
    while not answers:
        answers = [finished.answer for finished in engine.step() if finished.answer is not None]
    try:
        steps.send(answers)
    except StopIteration as stop:
        sys.stdout.write(stop.value.model_dump_json() + "\n")
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
