"""What producer services import: submit documents, await results.

    with Producer.from_stack("zeroidle", tenant="claims") as producer:
        producer.submit(Job(job_id="letter-1", task=Summarize(), document=Document(text=letter)))
        result = producer.wait(["letter-1"], timeout_s=60)["letter-1"]

Needs boto3 and pydantic, nothing else. For tests there is `zeroidle_producer.testing`.
"""

from zeroidle_contract import (
    Classify,
    Complete,
    Document,
    Entity,
    Extract,
    Job,
    Message,
    NamedSchema,
    Redact,
    Result,
    Status,
    Summarize,
)
from zeroidle_producer.errors import (
    InvalidJobError,
    JobConflictError,
    NotSentError,
    ProducerError,
    UnknownJobError,
    WaitTimeoutError,
)
from zeroidle_producer.intake import JobLike, valid_tenant
from zeroidle_producer.producer import Producer
from zeroidle_producer.submission import Submission

__all__ = [
    "Classify",
    "Complete",
    "Document",
    "Entity",
    "Extract",
    "InvalidJobError",
    "Job",
    "JobConflictError",
    "JobLike",
    "Message",
    "NamedSchema",
    "NotSentError",
    "Producer",
    "ProducerError",
    "Redact",
    "Result",
    "Status",
    "Submission",
    "Summarize",
    "UnknownJobError",
    "WaitTimeoutError",
    "valid_tenant",
]
