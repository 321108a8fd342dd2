"""Group C of the reliability catalogue: configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lepton import stages
from lepton.config import load_config
from lepton.context import make_context
from lepton.contracts.mapping import load_mappings
from lepton.contracts.model import Contract
from lepton.contracts.odcs import load_contract, load_contracts
from lepton.errors import ConfigError
from lepton.solution import find_project
from lepton.strict_yaml import parse_yaml

ROOT = Path(__file__).parents[2]
FRAUD = ROOT / "data_contracts" / "fraud_detection" / "transactions.odcs.yaml"


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(FRAUD.parent)


def refusal(tmp_path: Path, text: str, contracts: dict[str, Contract]) -> str:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_mappings(path, contracts)
    return str(caught.value)


def test_c01_misspelt_keys_refused_with_suggestions_all_at_once(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    text = (
        "tables: {transactions: {dialekt: {}, columns: {event_at: {from: T, zona: UTC},"
        " amount: {fromm: A}}}}"
    )
    message = refusal(tmp_path, text, contracts)
    assert "dialekt' is unknown; did you mean 'dialect'?" in message
    assert "zona' is unknown; did you mean 'zone'?" in message
    assert "fromm' is unknown; did you mean 'from'?" in message


def test_c01_unknown_canonical_names_refused_with_suggestions(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    message = refusal(tmp_path, "tables: {transactions: {columns: {amout: A, evt: B}}}", contracts)
    assert "no column 'amout'; did you mean 'amount'?" in message
    assert "2 name(s)" in message
    assert "no table 'transaction'; did you mean 'transactions'?" in refusal(
        tmp_path, "tables: {transaction: {}}", contracts
    )


def test_c01_unknown_key_in_a_contract_refused_with_suggestion(tmp_path: Path) -> None:
    path = tmp_path / "transactions.odcs.yaml"
    path.write_text(FRAUD.read_text().replace("required: true", "requird: true", 1))
    with pytest.raises(ConfigError, match="requird' is unknown; did you mean 'required'"):
        load_contract(path)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2\n", "LK107"),
        ("a: &x [1]\nb: *x\n", "LK104"),
        ("a: " + "[" * 3000, "LK106"),
        ("a: " + "x" * 300_000, "LK102"),
        ("a: !!python/object:os.system {}\n", "LK105"),
    ],
)
def test_c02_dangerous_yaml_refused(
    tmp_path: Path, contracts: dict[str, Contract], text: str, code: str
) -> None:
    assert refusal(tmp_path, text, contracts).startswith(code)


def test_c03_yaml_guesses_nothing(tmp_path: Path, contracts: dict[str, Contract]) -> None:
    raw = b"country: NO\nat: 12:30\nbig: 1e3\nold: 0o17\n"
    content = parse_yaml(raw, where="here")
    assert content == {"country": "NO", "at": "12:30", "big": "1e3", "old": "0o17"}
    path = tmp_path / "mapping.yaml"
    path.write_text("tables: {transactions: {columns: {card_country: {constant: NO}}}}")
    operation = load_mappings(path, contracts)["transactions"].columns["card_country"]
    assert operation.constant == "NO"


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("maximum: 10000000", "maximum: -1", "minimum 0 leaves nothing below maximum -1"),
        ("later: label_at", "later: labelled_at", "no column 'labelled_at'"),
        ("value: [key]", "value: [kee]", "role 'kee' is unknown; did you mean 'key'?"),
        ('"^[0-9]{4}$"', '"^[0-9"', "is not a regular expression"),
        ("maxQuarantineShare, value: 0.05", "maxQuarantineShare, value: 5", "not within 0..1"),
    ],
)
def test_c08_contradictory_contract_refused(tmp_path: Path, good: str, bad: str, told: str) -> None:
    path = tmp_path / "transactions.odcs.yaml"
    assert good in FRAUD.read_text()
    path.write_text(FRAUD.read_text().replace(good, bad, 1))
    with pytest.raises(ConfigError) as caught:
        load_contract(path)
    assert caught.value.code == "LK121"
    assert told in str(caught.value)


SETTINGS = "solution: fraud_detection\nsource: {transactions: data.parquet}\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("password: hunter2-planted", "'password' looks like the name of a secret"),
        ("costs: {api_key: 4711}", "'costs.api_key' looks like the name of a secret"),
        (
            "mapping: postgres://me:hunter2-planted@db/fraud",
            "'mapping' looks like a password inside an address",
        ),
        (
            "customer: https://x.test/d?sv=1&sig=hunter2-planted",
            "'customer' looks like a signed or keyed address",
        ),
        ("customer: AKIAABCDEFGHIJKLMNOP", "'customer' looks like an access key of a cloud"),
        ("rules: ghp_hunter2plantedhunter2planted", "'rules' looks like a token of a code host"),
        (
            'rules: "-----BEGIN RSA PRIVATE KEY-----hunter2-planted"',
            "'rules' looks like a private key",
        ),
    ],
)
def test_c05_a_secret_in_the_settings_is_refused_and_never_repeated(
    tmp_path: Path, line: str, told: str
) -> None:
    path = tmp_path / "solution.yaml"
    path.write_text(SETTINGS + line + "\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert caught.value.code == "LK115"
    assert told in message
    assert not any(word in message for word in ("hunter2", "4711", "ABCDEFGHIJ"))


def test_c05_a_mapping_may_name_columns_of_tokens_but_hold_none(
    tmp_path: Path, contracts: dict[str, Contract]
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("tables: {transactions: {columns: {card_id: CARD_TOKEN}, ignore: [API_KEY]}}")
    assert load_mappings(path, contracts)["transactions"].ignore == ("API_KEY",)
    text = "tables: {transactions: {ignore: ['s3://key:hunter2@bucket/x']}}"
    message = refusal(tmp_path, text, contracts)
    assert message.startswith("LK115")
    assert "hunter2" not in message


def test_c01_what_a_stream_puts_up_with_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "solution.yaml"
    start = "solution: fraud_detection\nsource: {transactions: t.csv}\n"
    path.write_text(start + "stream: {lateness_s: 900}\n")
    found = load_config(path).stream
    assert (found.lateness_s, found.ahead_s) == (900.0, 300.0)
    path.write_text(start + "stream: {latenes_s: 900, ahead_s: -1}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert "'stream.latenes_s' is unknown; did you mean 'lateness_s'?" in str(caught.value)
    assert "'stream.ahead_s': Input should be greater than or equal to 0" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "name", "nearest"),
    [("costs", "review_kost", "review_cost"), ("gates", "leekage", "leakage")],
)
def test_c01_a_misspelt_cost_or_gate_is_refused_before_anything_is_read(
    tmp_path: Path, key: str, name: str, nearest: str
) -> None:
    source = {"transactions": str(tmp_path / "missing.csv")}
    changes: dict[str, Any] = {key: {name: 1.0}, "source": source}
    project = replace(find_project(ROOT), state=tmp_path)
    ctx = make_context(project, "fraud_detection", run_id="strict", **changes)
    with pytest.raises(ConfigError, match=f"LK109 {key}.*\n.*did you mean '{nearest}'"):
        stages.read(ctx)
