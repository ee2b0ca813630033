"""The codes of EN 16931 that a document of ours can meet, and how our words are written in them.

The lists are those of the official rules; a test compares them. A code that some list in use does
not have is left out here, since a receiver would refuse the document.
"""

import re
from decimal import Decimal
from typing import Literal

Profile = Literal["facturx", "peppol"]

INVOICE, CREDIT_NOTE = "380", "381"  # UNTDID 1001
CREDIT_TRANSFER, SEPA_CREDIT_TRANSFER = "30", "58"  # UNTDID 4461
PIECE = "C62"  # UN/ECE Rec 20; there is no unit for a message
CSV = "text/csv"
E_MAIL = "EM"

# UNTDID 5305, by the treatment of a tax.
CATEGORIES = {
    "standard": "S",
    "reduced": "S",
    "zero": "Z",
    "reverse_charge": "AE",
    "exempt": "E",
    "outside_scope": "O",
}
EXEMPTION_CODES = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}
DECIMALS_MAX = 2  # of any amount, BR-DEC-01 and the like

# Of the currencies with an amount that could be written, those that a list does not have.
_UNKNOWN_CURRENCIES = {
    "facturx": frozenset("ANG BGN STN".split()),
    "peppol": frozenset("ANG BGN MRU SLE STN VED VES XCG ZWG".split()),
}
COUNTRIES = frozenset(
    (
        "1A AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN "
        "BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE "
        "DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN "
        "GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE "
        "KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
        "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA "
        "PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK "
        "SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG "
        "UM US UY UZ VA VC VE VG VI VN VU WF WS XI YE YT ZA ZM ZW"
    ).split()
)
VAT_PREFIXES = COUNTRIES | {"EL"}  # Greece has one of its own
# Electronic address schemes: those of the network Peppol, and those that only others know.
_PEPPOL_SCHEMES = frozenset(
    (
        "0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0151 0183 0184 0188 0190 "
        "0191 0192 0193 0195 0196 0198 0199 0200 0201 0202 0204 0208 0209 0210 0211 0212 0213 "
        "0215 0216 0218 0221 0230 9910 9913 9914 9915 9918 9919 9920 9922 9923 9924 9925 9926 "
        "9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 "
        "9944 9945 9946 9947 9948 9949 9950 9951 9952 9953 9957 9959"
    ).split()
)
_OTHER_SCHEMES = frozenset(
    (
        "0147 0154 0158 0170 0177 0194 0203 0205 0217 0225 0235 0240 0242 0244 0245 0246 0248 "
        "AN AQ AS AU EM"
    ).split()
)
# The scheme of a registration number, ISO 6523, in countries that ask for it.
REGISTERS = {"DK": "0184", "IS": "0196", "NL": "0106"}
SCHEMES = {"facturx": _PEPPOL_SCHEMES | _OTHER_SCHEMES, "peppol": _PEPPOL_SCHEMES}


# XML cannot hold these at all, and a line break in a name says nothing.
_NOT_IN_TEXT = re.compile("[\x00-\x20\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


def text(words: str) -> str:
    """Write words as XML can hold them, on one line.

    Example:
        >>> text(" Juniper\\x0b\\n Ltd ")
        'Juniper Ltd'
    """
    return _NOT_IN_TEXT.sub(" ", words).strip()


def has_currency(profile: Profile, currency: str) -> bool:
    """Say whether a profile has a currency at all."""
    return currency not in _UNKNOWN_CURRENCIES[profile]


def percent(rate_ratio: Decimal) -> str:
    """Write a rate as EN 16931 does.

    Example:
        >>> percent(Decimal("0.190000")), percent(Decimal("0.055")), percent(Decimal(0))
        ('19', '5.5', '0')
    """
    return plain(rate_ratio * 100)


def plain(number: Decimal) -> str:
    """Write a quantity, a price or a rate without an exponent and without trailing zeros.

    Example:
        >>> plain(Decimal("1200.000")), plain(Decimal("0.0000011300"))
        ('1200', '0.00000113')
    """
    return f"{number.normalize():f}" if number else "0"
