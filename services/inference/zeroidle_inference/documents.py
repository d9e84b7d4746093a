"""The text of a job, wherever it lies."""

from zeroidle_contract import ClaimCheck, Job
from zeroidle_inference.dependency import guard


class Documents:
    """Reads inline texts and claim-checked ones."""

    def __init__(self, claim_check: ClaimCheck) -> None:
        self._claim_check = claim_check

    def read(self, job: Job) -> str | None:
        """The document's text; None for a job without one.

        Raises:
            ClaimCheckError: the object is missing, foreign, altered or not text.
            DependencyDownError: S3 does not serve us.
        """
        if job.document is None or job.document.s3 is None:
            return job.document.text if job.document is not None else None
        with guard("s3"):
            return self._claim_check.get(job.tenant, job.document.s3)
