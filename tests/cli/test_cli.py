"""The command line: documented exit codes, no tracebacks, nothing that steers a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lepton.cli import main as cli
from lepton.cli.judge import find_protocol, metric_rows, parse_settings
from lepton.cli.project import parse_budget
from lepton.cli.screen import clean, number
from lepton.errors import ConfigError, IntegrityError
from lepton.registry.store import Registry
from lepton.solution import find_project
from lepton.testing import tiny_bundle

ROOT = Path(__file__).parents[2]
VERBS = ["run", "new", "map", "validate", "bench", "simulate", "score", "parity"]
VERBS += ["promote", "rollback", "doctor"]


def ended(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """Exit code of `lepton` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["lepton", *argv])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    return ending.value.code


def breaking(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every verb end in `error`."""

    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)


def project_at(folder: Path) -> Path:
    """A copy of this project's folders by link, with a registry of its own."""
    for name in ("solutions", "pipelines", "data_contracts"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_help_names_every_verb_and_every_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ended(["--help"], monkeypatch) == 0
    told = capsys.readouterr().out
    codes = " ".join(told.split())
    assert [verb for verb in VERBS if f"\n  {verb} " not in told] == []
    assert [code for code in ("0 ", "5 ", "7 ", "130 ", "143 ") if code not in codes] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended([verb, "--help"], monkeypatch) == 0


@pytest.mark.parametrize("argv", [["nonsense"], ["run"], ["promote", "x", "--version", "0"]])
def test_wrong_usage_ends_with_2(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(argv, monkeypatch) == 2


def test_a_known_fault_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ended(["run", "fraud_detektion"], monkeypatch) == 3
    told = capsys.readouterr().err
    assert "LK111" in told
    assert "did you mean 'fraud_detection'?" in told
    assert "remedy: known are: energy_load, fraud_detection, predictive_maintenance" in told
    assert "Traceback" not in told


def test_an_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(KeyboardInterrupt(), monkeypatch)
    assert ended([], monkeypatch) == 130


def test_an_unexpected_fault_is_one_line_and_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    breaking(RuntimeError("boom\x1b[2J\nsecond line"), monkeypatch)
    assert ended([], monkeypatch) == 1
    told = capsys.readouterr().err
    (log,) = (tmp_path / ".lepton" / "logs").iterdir()
    assert "unexpected RuntimeError: boom\\x1b[2J" in told
    assert str(log) in told
    assert "Traceback" not in told
    assert "Traceback" in log.read_text()


def test_an_unexpected_fault_on_a_full_disk_is_still_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".lepton").write_text("in the way")
    breaking(RuntimeError("boom"), monkeypatch)
    assert ended([], monkeypatch) == 1
    assert "no log could be written: Not a directory" in capsys.readouterr().err


def test_data_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = IntegrityError("LK633", where="\x1b[31mred", found="\x07[bold]bell", remedy="\r\0none")
    breaking(error, monkeypatch)
    assert ended([], monkeypatch) == 6
    told = capsys.readouterr().err
    assert told == "LK633 \\x1b[31mred: \\x07[bold]bell\n  remedy: \\r\\x00none\n"


def test_a_folder_that_is_no_project_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ["--project", str(tmp_path), "rollback", "fraud_detection"]
    assert ended(argv, monkeypatch) == 3
    assert "LK150" in capsys.readouterr().err


def test_promote_and_rollback_move_what_is_deployed(tmp_path: Path) -> None:
    project = project_at(tmp_path)
    registry = Registry(find_project(project).workspace.registry("fraud_detection"))
    for text in (b"a", b"b"):
        registry.publish(tiny_bundle(tmp_path / text.decode(), text), {})
    where = ["--project", str(project)]
    for argv, told in [
        (["promote", "fraud_detection", "--version", "1"], "version 1\nprevious      none"),
        (["promote", "fraud_detection"], "version 2\nprevious      version 1"),
        (["rollback", "fraud_detection"], "version 1\nprevious      none"),
    ]:
        result = CliRunner().invoke(cli.app, [*where, *argv])
        assert result.exit_code == 0
        assert told in result.stdout
    failed = CliRunner().invoke(cli.app, [*where, "rollback", "fraud_detection"])
    assert isinstance(failed.exception, IntegrityError)


def test_contracts_alone_are_checked() -> None:
    result = CliRunner().invoke(cli.app, ["validate", "fraud_detection", "--contracts"])
    assert result.exit_code == 0, result.exception
    assert "transactions" in result.stdout
    assert "sound" in result.stdout


def test_simulate_repeats_itself(tmp_path: Path) -> None:
    for name in ("a", "b"):
        argv = ["simulate", "fraud_detection", "--rows", "200", "--out", str(tmp_path / name)]
        assert CliRunner().invoke(cli.app, argv).exit_code == 0
    one, other = (tmp_path / name / "transactions.parquet" for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_map_never_writes_over_an_edited_mapping(tmp_path: Path) -> None:
    taken = tmp_path / "mapping.yaml"
    taken.write_text("edited")
    argv = ["map", "fraud_detection", "--data", "x.csv", "--out", str(taken)]
    error = CliRunner().invoke(cli.app, argv).exception
    assert isinstance(error, ConfigError)
    assert error.code == "LK153"
    assert taken.read_text() == "edited"


def test_scores_go_to_known_formats_only(tmp_path: Path) -> None:
    argv = ["score", "fraud_detection", "--out", str(tmp_path / "scores.xlsx")]
    error = CliRunner().invoke(cli.app, argv).exception
    assert isinstance(error, ConfigError)
    assert error.code == "LK154"


@pytest.mark.parametrize(("text", "seconds", "units"), [("60s", 60.0, None), ("12u", None, 12)])
def test_a_budget_is_read(text: str, seconds: float | None, units: int | None) -> None:
    budget = parse_budget(text)
    assert (budget.seconds, budget.work_units) == (seconds, units)


@pytest.mark.parametrize("text", ["60", "s", "-1s", "0u", "1.5u", "nans", "", "60m"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="LK151"):
        parse_budget(text)


def test_protocols_are_found_over_all_solutions() -> None:
    project = find_project(ROOT)
    assert find_protocol(project, "handbook").name == "fraud_detection"
    with pytest.raises(ConfigError, match=r"LK155 .*did you mean 'handbook'"):
        find_protocol(project, "handbok")


def test_settings_are_pairs_or_the_name_of_a_set() -> None:
    assert parse_settings(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    assert parse_settings(["FD001", "rows=5"]) == {"set": "FD001", "rows": "5"}
    with pytest.raises(ConfigError, match=r"LK156 .*2 cannot be used: =b, FD002"):
        parse_settings(["FD001", "=b", "c=1", "FD002"])


def test_metrics_stand_with_their_intervals() -> None:
    result = json.loads('{"metrics": {"ap": 0.70123, "auc": null}, "intervals": {"ap": [0.6, 1]}}')
    assert metric_rows(result) == [("ap", "0.7012", "0.6 .. 1"), ("auc", "-", "-")]


def test_numbers_and_text_are_made_readable() -> None:
    assert [number(v) for v in (12345, 0.00012345, None, "x")] == ["12,345", "0.0001234", "-", "x"]
    assert clean("ä\n\t\u202e") == "ä\n\\t\\u202e"


@pytest.mark.parametrize("option", ["--inputs", "--history"])
def test_options_of_scored_rows_are_refused_for_forecasts(option: str, tmp_path: Path) -> None:
    argv = ["score", "energy_load", "--out", str(tmp_path / "x.csv")]
    found = CliRunner().invoke(cli.app, [*argv, option, str(tmp_path / "y.csv")])
    assert isinstance(found.exception, ConfigError)
    assert (found.exception.code, found.exception.where) == ("LK158", option)
    assert not list(tmp_path.iterdir())
