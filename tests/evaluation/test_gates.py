from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from lepton.errors import ConfigError, GateRefused
from lepton.evaluation.gates import DEFAULTS, Findings, judge, require
from lepton.evaluation.intervals import LossBound
from lepton.evaluation.results import GateResult, MetricResult

NAN = float("nan")


@dataclass(frozen=True)
class Parity:
    max_abs_diff: float = 0.0
    flips: int = 0


GOOD = Findings(
    metric="ap",
    baseline="amount",
    gain=LossBound(-0.2, -0.1, 0.05),
    compression=LossBound(0.001, 0.004, 0.001),
    ece=MetricResult("ece", 0.01),
    positives=100,
    parity=Parity(),
    leaks=(),
)


def gate(findings: Findings, name: str, **given: float) -> GateResult:
    return {result.name: result for result in judge(findings, given)}[name]


def test_all_gates_pass_on_good_findings() -> None:
    results = judge(GOOD, {})
    assert [result.name for result in results] == list(DEFAULTS)
    assert all(result.passed for result in results)
    require(results)


def test_baseline_must_be_beaten_by_the_lower_bound_not_the_point() -> None:
    assert gate(GOOD, "beats_baseline", beats_baseline=0.099).passed
    assert not gate(GOOD, "beats_baseline", beats_baseline=0.1).passed
    worse = replace(GOOD, gain=LossBound(0.03, 0.05, 0.01))
    result = gate(worse, "beats_baseline")
    assert not result.passed
    assert "-0.0300 over amount, at least -0.0500" in result.found


def test_compression_may_exceed_its_limit_by_one_standard_error_and_no_more() -> None:
    at_limit = replace(GOOD, compression=LossBound(0.006, 0.01, 0.001))
    assert gate(at_limit, "compression_loss", compression_loss=0.005).passed
    beyond = replace(GOOD, compression=LossBound(0.0061, 0.01, 0.001))
    assert not gate(beyond, "compression_loss", compression_loss=0.005).passed


@pytest.mark.parametrize(
    ("parity", "passed"),
    [
        (Parity(1e-6, 0), True),
        (Parity(1.1e-6, 0), False),
        (Parity(0.0, 1), False),
        (Parity(NAN, 0), False),
    ],
)
def test_parity_needs_a_small_difference_and_no_flip(parity: Parity, passed: bool) -> None:
    assert gate(replace(GOOD, parity=parity), "parity", parity=1e-6).passed is passed


def test_calibration_passes_at_its_limit_and_fails_above() -> None:
    assert gate(GOOD, "calibration_ece", calibration_ece=0.01).passed
    assert not gate(GOOD, "calibration_ece", calibration_ece=0.0099).passed


def test_calibration_gap_that_chance_explains_does_not_refuse() -> None:
    by_chance = replace(GOOD, ece_by_chance=0.009)
    result = gate(by_chance, "calibration_ece", calibration_ece=0.0011)
    assert result.passed
    assert result.found == "0.0100, of which 0.0090 by chance"
    assert not gate(by_chance, "calibration_ece", calibration_ece=0.0009).passed


def test_positives_are_counted_inclusively() -> None:
    assert gate(GOOD, "min_positives_holdout", min_positives_holdout=100).passed
    assert not gate(GOOD, "min_positives_holdout", min_positives_holdout=101).passed


def test_l01_a_leak_suspect_fails_its_gate_and_is_named() -> None:
    result = gate(replace(GOOD, leaks=("x_case_number",)), "leakage")
    assert not result.passed
    assert "x_case_number" in result.found


def test_o04_what_is_no_number_fails_its_gate() -> None:
    lost = replace(
        GOOD,
        baseline=None,
        gain=LossBound(NAN, NAN),
        compression=LossBound(NAN, NAN),
        ece=MetricResult("ece", None, reason="a score is not finite"),
    )
    failed = {result.name for result in judge(lost, {}) if not result.passed}
    assert failed == {"beats_baseline", "compression_loss", "calibration_ece"}
    assert "a score is not finite" in gate(lost, "calibration_ece").found


def test_an_unknown_gate_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="LK109") as caught:
        judge(GOOD, {"beats_base": 0.1})
    assert "did you mean 'beats_baseline'?" in str(caught.value)


def test_refusal_names_every_gate_that_does_not_hold() -> None:
    results = judge(replace(GOOD, leaks=("a",), positives=1), {})
    with pytest.raises(GateRefused) as caught:
        require(results)
    assert caught.value.code == "LK701"
    assert "2 of 6 gates" in str(caught.value)
    assert len(caught.value.details) == 2
    assert caught.value.exit_code == 5
