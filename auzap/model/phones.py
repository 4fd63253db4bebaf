"""Phone numbers of people: what they type, and which numbers are one person.

WhatsApp knows most Brazilian mobiles under one of two numbers, with the ninth digit or without it, and which one
cannot be told from the number. Mexico's 1 and Argentina's 9 are alike. So numbers are compared by their *key*, and
never as they stand. No number is called invalid here: libraries that validate call real WhatsApp accounts invalid.
"""

from __future__ import annotations

import re

from auzap.model.jids import PHONE_SERVERS, split_jid

__all__ = ["DDDS", "dialled", "phone_forms", "phone_key", "same_person", "typed_digits"]

_DDD = "(?:1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9])"
#: Brazil's 67 area codes
DDDS = frozenset(code for code in map(str, range(11, 100)) if re.fullmatch(_DDD, code))

_DIGITS = re.compile(r"[0-9]{5,15}")
#: country, (area,) the digit that WhatsApp may leave out, the rest
_WITH_OR_WITHOUT = (
    # landlines (2-5) have no ninth digit: a mobile 9[2-5]… never was without it, and must not equal the landline
    re.compile(rf"(55{_DDD})(9?)([6-9][0-9]{{7}})"),
    re.compile(r"(52)(1?)([0-9]{10})"),
    re.compile(r"(54)(9?)([0-9]{10})"),
)
_OPTIONAL_DIGIT = {"55": "9", "52": "1", "54": "9"}
_NATIONAL = re.compile(rf"{_DDD}(?:9[0-9]{{8}}|[2-9][0-9]{{7}})")
#: 0, or 0 and a carrier's two digits, before a national number
_TRUNK = re.compile(r"0(?:[1-9][0-9])?([1-9][0-9]{9,10})")
#: 0800 and its like have no area; their 0 is a trunk prefix too
_NOT_GEOGRAPHIC = re.compile(r"0([3589]00[0-9]{6,7})")


def typed_digits(text: str) -> str | None:
    """The international digits of a number as people type it, or of a phone's JID; None when it is neither.

    Brazil is assumed where no country is given: ``(11) 90000-0010``, ``011 90000-0010`` and ``0 15 11 90000-0010``
    (with a carrier) are ``5511900000010``. Only for what was typed: digits that WhatsApp gave have their country.
    """
    if "@" in text:
        return _jid_digits(text)
    if any(character.isalnum() and character not in "0123456789" for character in text):
        return None
    digits = _only_digits(text)
    if digits.startswith("00"):
        return _international(_only_digits(text.replace("(0)", ""))[2:])
    if re.match(r"[^0-9]*\+", text):
        return _international(_only_digits(text.replace("(0)", "")))
    return _brazilian(digits) or _international(digits)


def phone_key(digits: str | None) -> str | None:
    """What all numbers of one person have in common; None when these are not 5 to 15 digits."""
    if digits is None or not _DIGITS.fullmatch(digits):
        return None
    parts = _with_or_without(digits)
    return parts[0] + parts[1] if parts else digits


def phone_forms(key: str) -> tuple[str, ...]:
    """All digits that have this key, the key itself first: to look somebody up where numbers stand as they came."""
    canonical = phone_key(key)
    if canonical is None:
        return ()
    parts = _with_or_without(canonical)
    if parts is None:
        return (canonical,)
    prefix, rest = parts
    return (canonical, prefix + _OPTIONAL_DIGIT[prefix[:2]] + rest)


def dialled(digits: str) -> str:
    """Which of a number's forms to write to first, when WhatsApp has not told its own.

    Brazilian mobiles are mostly registered with the ninth digit up to area code 28, and without it from 31 on.
    """
    found = _WITH_OR_WITHOUT[0].fullmatch(digits)
    if found is None:
        return digits
    return found[1] + ("9" if found[1] < "5531" else "") + found[3]


def same_person(a: str | None, b: str | None) -> bool:
    """Whether two numbers (digits with their country) are one person. No number is nobody's."""
    key = phone_key(a)
    return key is not None and key == phone_key(b)


def _with_or_without(digits: str) -> tuple[str, str] | None:
    for form in _WITH_OR_WITHOUT:
        if found := form.fullmatch(digits):
            return found[1], found[3]
    return None


def _only_digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _jid_digits(text: str) -> str | None:
    user, server = split_jid(text.strip()) or ("", "")
    return user if server in PHONE_SERVERS and user == _only_digits(user) else None


def _international(digits: str) -> str | None:
    """As they are, but for a trunk prefix behind Brazil's 55, where it does not belong."""
    brazilian = _brazilian(digits[2:]) if digits.startswith("550") else None
    return brazilian or digits or None


def _brazilian(national: str) -> str | None:
    """With 55 in front, without trunk prefix and carrier; None when it is no number of Brazil's."""
    if found := _NOT_GEOGRAPHIC.fullmatch(national):
        return f"55{found[1]}"
    if found := _TRUNK.fullmatch(national):
        national = found[1]
    return f"55{national}" if _NATIONAL.fullmatch(national) else None
