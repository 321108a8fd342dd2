"""Files as customers send them, each with what every canonical column really is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

N = 600


@dataclass(frozen=True)
class Customer:
    """A customer's file and its truth: canonical column -> source columns that may be taken.

    asked: canonical columns of which only the customer can say how they are to be read.
    """

    write: Callable[[Path], Path]
    truth: Mapping[str, frozenset[str]]
    asked: frozenset[str] = frozenset()


def truth(**sources: str) -> dict[str, frozenset[str]]:
    return {column: frozenset(names.split("|")) for column, names in sources.items()}


def parquet(frame: pd.DataFrame) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "delivery.parquet"
        frame.to_parquet(path, index=False)
        return path

    return write


def csv(frame: pd.DataFrame, *, sep: str = ",", encoding: str = "utf-8") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "delivery.csv"
        frame.to_csv(path, index=False, sep=sep, encoding=encoding)
        return path

    return write


number = np.arange(N)
fraud = (number % 40 == 7).astype(int)
rng = np.random.default_rng(0)
amount = np.round(rng.lognormal(3.2, 1.0, N), 2)
instant = pd.date_range("2024-03-04", periods=N, freq="67min")


def pick(*values: str, size: int = N) -> np.ndarray:
    return np.array(values)[np.arange(size) % len(values)]


def token(prefix: str, distinct: int) -> list[str]:
    return [f"{prefix}{each}" for each in rng.integers(0, distinct, N)]


def comma(values: np.ndarray) -> list[str]:
    return [
        f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".") for value in values
    ]


creditcard = pd.DataFrame(
    {
        "Time": np.sort(rng.integers(0, 172_792, N)).astype(float),
        **{f"V{n}": rng.normal(size=N) for n in range(1, 29)},
        "Amount": amount,
        "Class": fraud,
    }
)
sparkov = pd.DataFrame(
    {
        "Unnamed: 0": number,
        "trans_date_trans_time": instant.strftime("%Y-%m-%d %H:%M:%S"),
        "cc_num": rng.choice([4111111111111111, 5500005555555559, 340000000000009], N),
        "merchant": token("fraud_Kirlin ", 40),
        "category": pick("misc_net", "grocery_pos", "travel"),
        "amt": amount,
        "first": pick("Ann", "Bob", "Cid"),
        "gender": pick("F", "M"),
        "city": token("Town ", 30),
        "zip": rng.integers(10_000, 99_999, N),
        "lat": 36.1 + rng.normal(0, 2, N),
        "long": -81.2 + rng.normal(0, 2, N),
        "city_pop": rng.integers(100, 100_000, N),
        "job": token("job", 20),
        "dob": pick("1988-03-09", "1978-06-21", "1962-01-19"),
        "trans_num": [f"{7_919 * int(each) + 2**90:032x}" for each in number],
        "unix_time": 1_325_376_018 + number * 4_020,
        "merch_lat": 36.0 + rng.normal(0, 2, N),
        "merch_long": -82.0 + rng.normal(0, 2, N),
        "is_fraud": fraud,
    }
)
paysim = pd.DataFrame(
    {
        "step": np.sort(rng.integers(1, 744, N)),
        "type": pick("PAYMENT", "TRANSFER", "CASH_OUT", "DEBIT"),
        "amount": amount * 100,
        "nameOrig": token("C", 500),
        "oldbalanceOrg": amount * 900,
        "newbalanceOrig": amount * 800,
        "nameDest": token("M", 200),
        "oldbalanceDest": amount * 300,
        "newbalanceDest": amount * 400,
        "isFraud": fraud,
        "isFlaggedFraud": (number % 200 == 7).astype(int),
    }
)
ieee = pd.DataFrame(
    {
        "TransactionID": 2_987_000 + number,
        "isFraud": fraud,
        "TransactionDT": 86_400 + np.cumsum(rng.integers(1, 4_000, N)),
        "TransactionAmt": amount,
        "ProductCD": pick("W", "C", "H", "R"),
        "card1": rng.integers(1_000, 18_000, N),
        "card2": rng.integers(100, 600, N),
        "card4": pick("visa", "mastercard", "discover"),
        "card6": pick("debit", "credit"),
        "addr1": rng.integers(100, 500, N),
        "addr2": pick("87", "60"),
        "dist1": rng.integers(0, 900, N),
        "P_emaildomain": pick("gmail.com", "yahoo.com", "hotmail.com"),
        "C1": rng.integers(0, 9, N),
        "D1": rng.integers(0, 300, N),
        "M1": pick("T", "F"),
        "V1": rng.normal(size=N),
        "DeviceType": pick("desktop", "mobile"),
        "DeviceInfo": pick("Windows", "iOS Device", "MacOS"),
        "id_01": rng.normal(size=N),
    }
)
german = pd.DataFrame(
    {
        "Buchungsnummer": [f"B{n:06d}" for n in number],
        "Buchungszeitpunkt": instant.strftime("%d.%m.%Y %H:%M"),
        "Betrag": comma(amount * 20),
        "Kundennr": token("K", 90),
        "Kartennr": token("T", 120),
        "Händler": token("H", 40),
        "Währung": pick("EUR", "EUR", "CHF"),
        "Land Händler": pick("DE", "AT", "NL"),
        "Betrug": np.where(fraud == 1, "J", "N"),
        "Filiale": pick("Nord", "Süd"),
    }
)
spanish = pd.DataFrame(
    {
        "id_transaccion": [f"T{n}" for n in number],
        "fecha_operacion": instant.strftime("%Y-%m-%dT%H:%M:%S+01:00"),
        "importe": amount,
        "divisa": pick("EUR", "USD", "MXN"),
        "cliente": token("C", 80),
        "tarjeta": token("P", 100),
        "comercio": token("M", 30),
        "pais_comercio": pick("ES", "MX", "PT"),
        "codigo_mcc": pick("5411", "5812", "4829"),
        "fraude": np.where(fraud == 1, "SI", "NO"),
        "fecha_fraude": np.where(
            fraud == 1, (instant + pd.Timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%S+01:00"), ""
        ),
    }
)
french = pd.DataFrame(
    {
        "référence": [f"R{n}" for n in number],
        "date_opération": instant.strftime("%d/%m/%Y %H:%M:%S"),
        "montant": comma(amount),
        "devise": pick("EUR", "EUR", "USD"),
        "client": token("C", 70),
        "commerçant": token("M", 30),
        "appareil": token("D", 90),
        "fraude": np.where(fraud == 1, "oui", "non"),
    }
)
cents = pd.DataFrame(
    {
        "payment_ref": [f"p-{n}" for n in number],
        "created_ms": 1_700_000_000_000 + number.astype("int64") * 3_600_000,
        "timestamp": 1_700_000_000_000 + number.astype("int64") * 3_600_000,
        "value": (amount * 100).astype(int),
        "user_id": token("u", 70),
        "device_token": token("d", 90),
        "fraud_label": fraud,
    }
)
american = pd.DataFrame(
    {
        "txn_id": [f"X{n}" for n in number],
        "txn_date": pd.date_range("2024-03-01", periods=N, freq="25min").strftime(
            "%m/%d/%Y %I:%M %p"
        ),
        "amount_usd": amount,
        "settlement_amount": np.round(amount * 0.98, 2),
        "account_no": token("A", 70),
        "merchant_name": token("Shop ", 30),
        "pos_id": token("P", 40),
        "fraud_flag": np.where(fraud == 1, "Y", "N"),
    }
)
early = pd.DataFrame(
    {
        "order_uuid": [f"o{n:08x}" for n in number],
        "day": pd.date_range("2024-01-01", periods=N, freq="24min").strftime("%d/%m/%Y"),
        "date": [f"{1 + n % 12:02d}/{1 + n // 12 % 12:02d}/2024" for n in number],
        "price": [f"{value:.2f}" for value in amount],
        "iso_ctry": pick("DE", "FR", "US"),
        "ccy": pick("EUR", "EUR", "USD"),
        "chargeback": fraud,
    }
)
handbook = pd.DataFrame(
    {
        "TRANSACTION_ID": number,
        "TX_DATETIME": instant,
        "CUSTOMER_ID": rng.integers(0, 90, N),
        "TERMINAL_ID": rng.integers(0, 50, N),
        "TX_AMOUNT": amount,
        "TX_TIME_SECONDS": number * 4_020,
        "TX_TIME_DAYS": number * 4_020 // 86_400,
        "TX_FRAUD": fraud,
        "TX_FRAUD_SCENARIO": fraud * (1 + number % 3),
    }
)

CUSTOMERS: Mapping[str, Customer] = {
    "handbook": Customer(
        parquet(handbook),
        truth(
            transaction_id="TRANSACTION_ID",
            event_at="TX_DATETIME",
            customer_id="CUSTOMER_ID",
            terminal_id="TERMINAL_ID",
            amount="TX_AMOUNT",
            is_fraud="TX_FRAUD",
        ),
        frozenset({"event_at", "label_at"}),
    ),
    "creditcard": Customer(
        csv(creditcard),
        truth(event_at="Time", amount="Amount", is_fraud="Class"),
        frozenset({"event_at", "label_at"}),
    ),
    "sparkov": Customer(
        csv(sparkov),
        truth(
            transaction_id="trans_num",
            event_at="trans_date_trans_time|unix_time",
            amount="amt",
            merchant_id="merchant",
            lat="lat|merch_lat",
            lon="long|merch_long",
            is_fraud="is_fraud",
        ),
        frozenset({"event_at", "lat", "lon"}),
    ),
    "paysim": Customer(
        csv(paysim),
        truth(
            event_at="step",
            amount="amount",
            customer_id="nameOrig",
            merchant_id="nameDest",
            balance_before="oldbalanceOrg",
            is_fraud="isFraud",
        ),
        frozenset({"event_at", "label_at"}),
    ),
    "ieee": Customer(
        csv(ieee),
        truth(
            transaction_id="TransactionID",
            event_at="TransactionDT",
            amount="TransactionAmt",
            is_fraud="isFraud",
        ),
        frozenset({"event_at", "label_at"}),
    ),
    "german": Customer(
        csv(german, sep=";", encoding="cp1252"),
        truth(
            transaction_id="Buchungsnummer",
            event_at="Buchungszeitpunkt",
            amount="Betrag",
            customer_id="Kundennr",
            card_id="Kartennr",
            merchant_id="Händler",
            currency="Währung",
            merchant_country="Land Händler",
            is_fraud="Betrug",
        ),
        frozenset({"event_at", "label_at"}),
    ),
    "spanish": Customer(
        csv(spanish),
        truth(
            transaction_id="id_transaccion",
            event_at="fecha_operacion",
            label_at="fecha_fraude",
            amount="importe",
            currency="divisa",
            customer_id="cliente",
            card_id="tarjeta",
            merchant_id="comercio",
            merchant_country="pais_comercio",
            mcc="codigo_mcc",
            is_fraud="fraude",
        ),
    ),
    "french": Customer(
        csv(french, sep=";"),
        truth(
            transaction_id="référence",
            event_at="date_opération",
            amount="montant",
            currency="devise",
            customer_id="client",
            merchant_id="commerçant",
            device_id="appareil",
            is_fraud="fraude",
        ),
        frozenset({"event_at", "label_at"}),
    ),
    "cents": Customer(
        csv(cents),
        truth(
            transaction_id="payment_ref",
            event_at="timestamp|created_ms",
            amount="value",
            customer_id="user_id",
            device_id="device_token",
            is_fraud="fraud_label",
        ),
        frozenset({"amount", "label_at"}),
    ),
    "american": Customer(
        csv(american),
        truth(
            transaction_id="txn_id",
            event_at="txn_date",
            amount="amount_usd|settlement_amount",
            customer_id="account_no",
            merchant_id="merchant_name",
            terminal_id="pos_id",
            is_fraud="fraud_flag",
        ),
        frozenset({"amount", "event_at", "label_at"}),
    ),
    "web shop": Customer(
        csv(early),
        truth(
            transaction_id="order_uuid",
            event_at="date|day",
            amount="price",
            merchant_country="iso_ctry",
            card_country="iso_ctry",
            currency="ccy",
            is_fraud="chargeback",
        ),
        frozenset({"event_at", "is_fraud", "merchant_country"}),
    ),
}


@pytest.fixture(params=CUSTOMERS, ids=lambda name: name.replace(" ", "_"))
def customer(request: pytest.FixtureRequest) -> Customer:
    """Each of the customers in turn."""
    return CUSTOMERS[request.param]
