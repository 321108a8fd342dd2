"""Words of column names in one spelling: English, German, Spanish, French, and databases' own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from lepton import roles

_MEANT: Mapping[str, str] = {
    "transaction": "tx trx txn trans transactions payment transaktion transaktions buchung "
    "buchungs zahlung zahlungs transaccion operacion pago paiement operation",
    "at": "datetime timestamp date time ts when dt step epoch unix datum zeit zeitpunkt fecha "
    "hora fechahora momento horodatage heure instant zeitstempel",
    "fraud": "label class target fraudulent betrug fraude fraudulento frauduleux",
    "customer": "client cust user payer account holder acct orig org kunde kunden konto cliente "
    "cuenta titular compte",
    "merchant": "merch shop store vendor payee seller dest handler haendler comercio comerciante "
    "commercant marchand boutique",
    "card": "cc karte karten tarjeta carte",
    "terminal": "pos till tpv tpe",
    "amount": "amt sum price value betrag umsatz importe monto cantidad montant",
    "device": "gerat geraet dispositivo appareil",
    "channel": "kanal canal",
    "currency": "ccy wahrung waehrung moneda divisa devise",
    "country": "land ctry pais pays",
    "before": "old antes avant vorher",
    "balance": "saldo solde kontostand",
    "lat": "latitude latitud breitengrad",
    "lon": "longitude long lng longitud langengrad laengengrad",
    "id": "identifier key no nr num number nummer ref uuid token identifiant identificador "
    "referencia reference numero clave",
    "email": "mail correo courriel",
    "typology": "scenario fraudtype tipologia typologie",
    "ingested": "received loaded arrived",
    "asset": "machine equipment engine maschine anlage aggregat maquina equipo activo engin",
    "failed": "failure fail breakdown broken defect ausfall ausgefallen defekt averia fallo panne",
    "meter": "metre zaehler zahler zaehlpunkt zahlpunkt mpan nmi contador medidor compteur",
    "power": "kw mw watt load demand leistung last potencia puissance charge wirkleistung",
    "energy": "kwh mwh wh energie energia consumption verbrauch consumo consommation",
    "temp": "temperature temperatur temperatura",
    "sensor": "detector loop vds mst capteur detektor messstelle sensore detecteur",
    "speed": "velocity geschwindigkeit velocidad vitesse kmh mph",
    "flow": "volume count intensity verkehrsstarke verkehrsstaerke intensidad debit",
    "occupancy": "occ belegung belegungsgrad ocupacion",
    "reading": "record measurement sample messung messwert lectura medicion mesure",
}
_SAME: Mapping[str, str] = {
    written: meant for meant, spelled in _MEANT.items() for written in spelled.split()
}
# words that say nothing about which column is meant
NOISE = {
    *("is", "the", "of", "flag", "name", "utc", "second", "seconds", "code", "codigo", "codice"),
    *("de", "del", "la", "le", "el", "du", "des", "es", "est", "ist"),
}
MONEY = {"cent", "cents", "minor", "eur", "usd", "gbp", "chf", "inr", "euro", "euros", "dollars"}
MINOR = {"cent", "cents", "minor", "centimes", "centimos"}
_CANONICAL = {*_MEANT, "is", "label"}
_VOCABULARY = {*_SAME, *_CANONICAL, *MONEY, *MINOR, "is", "of", "name", "flag"}
# words that do not tell one instant, or one id, from another
GENERIC = {"at", "id"}
ROLE_WORDS = {
    roles.EVENT_AT: {"transaction", "event", "at"},
    roles.TARGET: {"fraud", "transaction", "failed", "asset"},
    roles.VALUE: {"amount", "transaction"},
}


def words(name: str) -> frozenset[str]:
    """The name's words in one spelling: `TX_DATETIME` and `transactionDate` are the same."""
    # kW and kWh are one word
    apart = re.sub(r"(?<=[a-z0-9])(?<!(?<![A-Za-z])k)(?=[A-Z])", " ", name).casefold()
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(each)
    )
    parts = (part for word in re.findall(r"[^\W\d_]+|\d+", plain) for part in _parts(word))
    found = (_SAME.get(part, part) for part in parts)
    return frozenset(word for word in found if word not in NOISE)


def _parts(word: str) -> tuple[str, ...]:
    """Two known words that were written as one, such as `custid`; else the word itself."""
    if word in _VOCABULARY:
        return (word,)
    cuts = ((word[:place], word[place:]) for place in range(2, len(word) - 1))
    return next((cut for cut in cuts if _VOCABULARY.issuperset(cut)), (word,))


def is_minor_unit(name: str) -> bool:
    """Whether the name says that its numbers are hundredths of the currency."""
    return bool(words(name) & MINOR)


def is_major_unit(name: str) -> bool:
    """Whether the name says that its numbers are whole units of a currency."""
    return bool(words(name) & (MONEY - MINOR))
