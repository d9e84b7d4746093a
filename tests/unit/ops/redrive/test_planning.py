"""From sightings to a plan: what is taken, in which order, and what it amounts to."""

from hypothesis import given
from hypothesis import strategies as st

from zeroidle_contract import Job, Status, encode
from zeroidle_ops.redrive.brake import Pace
from zeroidle_ops.redrive.facts import Sighting
from zeroidle_ops.redrive.filter import EVERYTHING, Filter
from zeroidle_ops.redrive.inspection import age_name, inspect
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.plan import Entry
from zeroidle_ops.redrive.planning import Selection
from zeroidle_ops.redrive.rows import Standing

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


def make_sighting(
    number: int, *, age_ms: int = HOUR_MS, code: str = "internal", tenant: str = "acme"
) -> Sighting:
    job = Job.model_validate(
        {
            "job_id": f"job-{number}",
            "tenant": tenant,
            "task": {"kind": "summarize"},
            "document": {"text": "a letter"},
        }
    )
    return Sighting(
        letter=Letter(
            message_id=f"m{number}",
            receipt_handle=f"r{number}",
            body=encode(job),
            attributes={
                "error_code": {"t": "String", "v": code},
                "fingerprint": {"t": "String", "v": f"{code}-print"},
            },
            sent_ms=NOW_MS - age_ms,
            receive_count=1,
        ),
        standing=None,
        now_ms=NOW_MS,
    )


def done(sighting: Sighting) -> Sighting:
    assert sighting.letter.job is not None
    return Sighting(
        letter=sighting.letter,
        standing=Standing(
            status=Status.SUCCEEDED,
            content_sha256=sighting.letter.job.content_sha256(),
            attempts=1,
            mark="2/",
            fingerprint=None,
        ),
        now_ms=NOW_MS,
    )


def entries(selection: Selection) -> list[Entry]:
    return [Entry.from_line(line) for line in selection.lines()]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["internal", "invalid_job"]))))
def test_a_selection_holds_what_matches_and_what_expires_first_comes_first(
    letters: list[tuple[int, str]],
) -> None:
    selection = Selection(where=Filter("code == 'internal'"))
    sightings = [make_sighting(n, age_ms=age, code=code) for n, (age, code) in enumerate(letters)]

    selection.add(sightings)
    chosen = entries(selection)
    selection.close()

    assert [entry.sent_ms for entry in chosen] == sorted(entry.sent_ms for entry in chosen)
    assert {entry.message_id for entry in chosen} == {
        one.letter.message_id for one in sightings if one.letter.code == "internal"
    }


def test_the_causes_and_the_blast_radius_are_counted() -> None:
    selection = Selection(where=Filter(EVERYTHING))
    selection.add(
        [
            make_sighting(1, age_ms=5 * HOUR_MS),
            make_sighting(2, tenant="beta"),
            done(make_sighting(3, code="invalid_job")),
        ]
    )

    radius = selection.blast_radius(backlog=7, retention_s=14 * 86_400)
    causes = [(cause.code, cause.count) for cause in selection.causes()]
    selection.close()

    assert causes == [("internal", 2), ("invalid_job", 1)]
    assert (radius.jobs, radius.tenants, radius.already_done) == (3, ("acme", "beta"), 1)
    assert radius.tasks == {"summarize": 3}
    assert radius.first_expires_at.timestamp() * 1000 == NOW_MS - 5 * HOUR_MS + 14 * 86_400_000


def test_a_filter_may_ask_for_the_age() -> None:
    selection = Selection(where=Filter("age_s > `7200`"))
    selection.add([make_sighting(1, age_ms=HOUR_MS), make_sighting(2, age_ms=3 * HOUR_MS)])
    chosen = entries(selection)
    selection.close()

    assert [entry.message_id for entry in chosen] == ["m2"]


def test_an_inspection_groups_and_names_ages() -> None:
    sightings = [
        make_sighting(1),
        make_sighting(2, age_ms=30 * HOUR_MS),
        make_sighting(3, code="invalid_job"),
    ]

    groups, first = inspect([sightings], retention_s=14 * 86_400, with_text=False)

    assert [(group.cause.code, group.count, dict(group.ages)) for group in groups] == [
        ("internal", 2, {"< 1 d": 1, "< 3 d": 1}),
        ("invalid_job", 1, {"< 1 d": 1}),
    ]
    assert first[0].message_id == "m2"


def test_ages_have_names() -> None:
    names = [age_name(s) for s in (0, 3600, 86_400, 3 * 86_400, 30 * 86_400)]

    assert names == ["< 1 h", "< 1 d", "< 3 d", "< 7 d", "older"]


def test_the_rate_begins_at_an_eighth() -> None:
    assert Pace(rate_per_s=80).first_rate_per_s == 10
    assert Pace(rate_per_s=2).first_rate_per_s == 1
