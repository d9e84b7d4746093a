"""What few functions use is not imported by all at their cold start."""

from fresh_process import printed_by


def test_redaction_is_imported_by_its_first_job() -> None:
    program = (
        "import sys\n"
        "from zeroidle_contract import Entity, Redact\n"
        "from zeroidle_inference import tasks\n"
        "late = 'zeroidle_inference.tasks.redact'\n"
        "print(late in sys.modules)\n"
        "tasks.start(Redact(entities=(Entity.EMAIL,)), 'text', None)\n"
        "print(late in sys.modules)"
    )

    assert printed_by(program) == "False\nTrue\n"
