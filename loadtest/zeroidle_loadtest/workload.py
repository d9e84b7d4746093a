"""What each request asks for: the n-th draw from a scenario's mixture, the same on every worker."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from zeroidle_contract import Document, Job, Task
from zeroidle_loadtest.documents import document
from zeroidle_loadtest.errors import ScenarioError
from zeroidle_loadtest.scenario import MixEntry, Scenario, Tokens
from zeroidle_ops.errors import InputError
from zeroidle_ops.samples import read_task, read_text


@dataclass(frozen=True, kw_only=True)
class _Kind:
    name: str
    task: Task
    texts: tuple[str, ...]
    tokens: Tokens | None


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One request's content; `sample` is its name in the mixture."""

    sample: str
    task: Task
    text: str

    def job(self, job_id: str, *, submitted_at: datetime) -> Job:
        """The job."""
        return Job(
            job_id=job_id,
            task=self.task,
            document=Document(text=self.text),
            submitted_at=submitted_at,
        )


class Workload:
    """Draws requests. Reads the samples once.

    Raises:
        ScenarioError: a folder of samples that cannot be read.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._seed = scenario.seed
        self._kinds = tuple(_read(entry) for entry in scenario.mix)
        self._weights = [entry.weight for entry in scenario.mix]

    def draw(self, number: int) -> Draw:
        """The content of the n-th request of the whole run."""
        random = Random(f"{self._seed}/{number}")  # noqa: S311 - a simulation
        kind = random.choices(self._kinds, self._weights)[0]
        if kind.tokens is None:
            text = random.choice(kind.texts)
        else:
            text = document(random.randint(kind.tokens.min, kind.tokens.max), random)
        return Draw(sample=kind.name, task=kind.task, text=text)


def _read(entry: MixEntry) -> _Kind:
    if entry.samples is None:
        assert entry.task is not None  # noqa: S101 - the scenario saw to it
        return _Kind(name=entry.name, task=entry.task, texts=(), tokens=entry.tokens)
    try:
        task, texts = read_task(entry.samples / "task.json"), _texts(entry.samples)
    except InputError as error:
        raise ScenarioError(f"mix {entry.name!r}: {error}") from None
    if not texts and entry.tokens is None:
        raise ScenarioError(f"mix {entry.name!r}: {entry.samples} holds no .txt document")
    return _Kind(name=entry.name, task=task, texts=texts, tokens=entry.tokens)


def _texts(folder: Path) -> tuple[str, ...]:
    return tuple(read_text(file) for file in sorted(folder.glob("*.txt")))
