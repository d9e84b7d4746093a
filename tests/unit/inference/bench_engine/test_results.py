"""From runs to rows and ratios: medians over rounds, each round's pair compared."""

from typing import Any

import pytest

from zeroidle_inference.bench.results import Run, agrees, ratios, rows, where_the_rest_goes

DETAILS: dict[str, Any] = {
    "efficiency": {"ideal": 0.9, "other": 0.1},
    "usage": {"prompt": 400, "cached": 200, "forced": 20, "sampled": 60},
    "account": {"rows": 280, "steps": 10, "passes": 12},
}


def run(system: str, seconds: float, *, number: int = 1, setting: str = "json", **more: Any) -> Run:
    """Two classified documents."""
    outputs = more.pop("outputs", None) or (
        [{"kind": "classify", "label": "good"}] * 2
        if system == "zeroidle"
        else ['{"label": "good"}', '{"label": "bad"}']
    )
    return Run(
        model="small",
        task="classify",
        system=system,
        setting=setting,
        is_common=setting == "json",
        round=number,
        items=2,
        seconds=seconds,
        cpu_s=2 * seconds,
        peak_rss_mib=100.0,
        output_tokens=10,
        outputs=outputs,
        details=DETAILS if system == "zeroidle" else {},
    )


def test_a_row_holds_the_medians_over_the_rounds() -> None:
    measured = rows([run("zeroidle", seconds, number=i) for i, seconds in enumerate((1, 2, 4))])
    assert measured == [
        {
            "model": "small",
            "task": "classify",
            "system": "zeroidle",
            "tasks_per_s": 1.0,
            "cpu_s_per_task": 2.0,
            "peak_rss_mib": 100.0,
            "output_tokens": 5.0,
            "efficiency": 0.9,
            "agreement": None,
            "shared": 100.0,
            "prefilled": 100.0,
            "forced": 10.0,
            "sampled": 30.0,
        }
    ]


def test_a_peer_has_its_setting_in_its_name_and_its_agreement_with_us() -> None:
    _, peer = rows([run("zeroidle", 1), run("llama-server", 2)])
    assert peer["system"] == "llama-server, json"
    assert peer["agreement"] == 0.5
    assert peer["efficiency"] is None


def test_the_ratio_is_the_median_of_each_rounds_pair() -> None:
    drifting = [
        made
        for number, slow in enumerate((1, 3, 1))
        for made in (run("zeroidle", slow, number=number), run("peer", 2 * slow, number=number))
    ]
    (ratio,) = ratios(drifting)
    assert ratio["ratio_any"] == pytest.approx(2.0)


def test_the_common_way_is_compared_apart_from_the_best_way() -> None:
    measured = [
        run("zeroidle", 1),
        run("zeroidle", 1, setting="one token"),
        run("peer", 3),
        run("peer", 2, setting="one token"),
    ]
    (ratio,) = ratios(measured)
    assert (ratio["ratio_any"], ratio["best_any"]) == (2.0, "peer, one token")
    assert (ratio["ratio_common"], ratio["best_common"]) == (3.0, "peer, json")


def test_the_account_names_each_share_and_the_shape_of_the_steps() -> None:
    assert where_the_rest_goes([run("zeroidle", 1)]) == (
        "small, classify: ideal 90.0 %, other 10.0 %; 28 rows and 1.2 passes a step"
    )


@pytest.mark.parametrize(
    ("ours", "peers", "expected"),
    [
        ({"kind": "classify", "label": "good"}, '{"label": "good"}', True),
        ({"kind": "classify", "label": "good"}, " go", True),
        ({"kind": "classify", "label": "good"}, "", False),
        ({"kind": "extract", "data": {"total": "1.00"}}, '{ "total" : "1.00" }', True),
        ({"kind": "extract", "data": {"total": "1.00"}}, "not JSON", False),
        ({"kind": "summarize", "summary": "One."}, " One. Two, and", True),
        ({"kind": "redact", "text": "", "spans": []}, "anything", None),
    ],
)
def test_agreement_is_judged_by_what_the_answers_say(
    ours: dict[str, Any], peers: str, expected: bool | None
) -> None:
    assert agrees(ours, peers) is expected
