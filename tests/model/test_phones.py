"""Phones: what people type, and which numbers are one person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auzap.model.phones import DDDS, dialled, phone_forms, phone_key, same_person, typed_digits

MOBILE = "5511900000010"
ddds = st.sampled_from(sorted(DDDS))
digits = st.text(alphabet="0123456789", min_size=0, max_size=17)


def eight(first: str) -> st.SearchStrategy[str]:
    return st.builds("{}{:07d}".format, st.sampled_from(first), st.integers(0, 9_999_999))


# ------------------------------------------------------------------ what people type


@pytest.mark.parametrize(
    "typed",
    [
        "+55 11 90000-0010",
        "+5511900000010",
        "(+55) 11 90000-0010",
        "+55 (11) 90000-0010",
        "+55 (0) 11 90000-0010",
        "+55 011 90000-0010",
        "+55 0 15 11 90000-0010",
        "0055 11 90000-0010",
        "00 55 (0) 11 90000 0010",
        "55 11 90000-0010",
        "5511900000010",
        "55 (0)11 90000-0010",
        "(11) 90000-0010",
        "11 9 0000 0010",
        "11.90000.0010",
        "(011) 90000-0010",
        "011900000010",
        "015 11 90000-0010",
        "0 15 11 90000-0010",
        " 11\u00a090000\u20110010 ",
        "\u202a+55 11 90000-0010\u202c",
        "5511900000010@s.whatsapp.net",
        "5511900000010:12@s.whatsapp.net",
        "5511900000010_1:2@s.whatsapp.net",
        "5511900000010@c.us",
        "5511900000010:99@hosted",
        " 5511900000010@s.whatsapp.net\n",
    ],
)
def test_a_brazilian_mobile_in_every_form(typed: str) -> None:
    assert typed_digits(typed) == MOBILE


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("11 3000-0010", "551130000010"),
        ("011 3000-0010", "551130000010"),
        ("0 21 11 3000-0010", "551130000010"),
        ("31 8000-0010", "553180000010"),
        ("(55) 99000-0010", "5555990000010"),
        ("0800 000 0010", "558000000010"),
        ("+55 0800 000 0010", "558000000010"),
        ("+55 800 000 0010", "558000000010"),
        ("+1 212 555 0010", "12125550010"),
        ("+44 (0) 20 7946 0010", "442079460010"),
        ("0044 (0) 20 7946 0010", "442079460010"),
        ("+65 9000 0010", "6590000010"),
        ("442079460010", "442079460010"),
        ("11 1000-0010", "1110000010"),
        ("20 90000-0010", "20900000010"),
        ("11 80000-0010", "11800000010"),
        ("12345", "12345"),
        ("190", "190"),
    ],
)
def test_other_numbers_and_what_is_no_number_of_brazil(typed: str, expected: str) -> None:
    assert typed_digits(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "+",
        "00",
        "-",
        "Nome",
        "Nome 11 90000-0010",
        "١١٩٠٠٠٠٠٠١٠",
        "5511900000010@lid",
        "5511900000010@g.us",
        "5511900000010@hosted.lid",
        "status@broadcast",
        "nome@s.whatsapp.net",
        "+5511900000010@s.whatsapp.net",
        "@s.whatsapp.net",
        "5511900000010@S.WHATSAPP.NET",
        "nome@example.com",
    ],
)
def test_what_is_no_phone_has_no_digits(typed: str) -> None:
    assert typed_digits(typed) is None


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_digits_or_nothing(typed: str) -> None:
    found = typed_digits(typed)
    assert found is None or (found != "" and set(found) <= set("0123456789"))


@given(st.text(alphabet="0123456789+()- @:_abc.", max_size=40))
def test_whatever_looks_like_a_number_gives_digits_or_nothing(typed: str) -> None:
    found = typed_digits(typed)
    assert found is None or (found != "" and set(found) <= set("0123456789"))


@given(ddds, st.one_of(eight("23456789"), eight("0123456789").map("9{}".format)))
def test_a_national_number_is_the_same_typed_with_and_without_its_country(ddd: str, rest: str) -> None:
    expected = f"55{ddd}{rest}"
    for typed in (
        f"{ddd}{rest}",
        f"0{ddd}{rest}",
        f"015{ddd}{rest}",
        f"55{ddd}{rest}",
        f"+55{ddd}{rest}",
        f"0055{ddd}{rest}",
        f"({ddd}) {rest[:-4]}-{rest[-4:]}",
    ):
        assert typed_digits(typed) == expected


# ------------------------------------------------------------------ the key


def test_brazil_has_67_area_codes() -> None:
    assert len(DDDS) == 67
    assert not DDDS & {"10", "20", "23", "25", "26", "29", "30", "36", "39", "40", "50", "52", "56", "57", "58", "59"}
    assert not DDDS & {"60", "70", "72", "76", "78", "80", "90", "00"}


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("5511990000010", "551190000010"),
        ("551190000010", "551190000010"),
        ("5531960000010", "553160000010"),
        ("5551940000010", "5551940000010"),  # 9[2-5]… never had a form of eight digits
        ("555140000010", "555140000010"),  # a landline
        ("551130000010", "551130000010"),
        ("5511900000010", "5511900000010"),  # 90… neither: it stays as it is
        ("558000000010", "558000000010"),
        ("5520990000010", "5520990000010"),  # no such area code
        ("5215500000010", "525500000010"),
        ("525500000010", "525500000010"),
        ("521550000010", "521550000010"),  # ten digits of which the first is 1
        ("5491100000010", "541100000010"),
        ("541100000010", "541100000010"),
        ("549110000010", "549110000010"),
        ("12125550010", "12125550010"),
        ("12345", "12345"),
        ("1" * 15, "1" * 15),
    ],
)
def test_the_key(number: str, key: str) -> None:
    assert phone_key(number) == key


@pytest.mark.parametrize("number", [None, "", "1234", "1" * 16, "+5511900000010", "55 11", "5511٠٠٠٠٠٠٠٠", "12345\n"])
def test_what_is_no_number_has_no_key_and_no_forms(number: str | None) -> None:
    assert phone_key(number) is None
    assert phone_forms(number or "") == ()


@given(digits)
def test_the_key_of_a_key_is_itself(number: str) -> None:
    key = phone_key(number)
    assert phone_key(key) == key


@given(ddds, eight("6789"))
def test_a_mobile_of_brazil_is_one_person_with_and_without_the_ninth_digit(ddd: str, rest: str) -> None:
    with_nine, without = f"55{ddd}9{rest}", f"55{ddd}{rest}"
    assert same_person(with_nine, without)
    assert phone_forms(with_nine) == phone_forms(without) == (without, with_nine)


@given(ddds, eight("2345"))
def test_a_landline_of_brazil_never_equals_a_mobile(ddd: str, rest: str) -> None:
    assert not same_person(f"55{ddd}{rest}", f"55{ddd}9{rest}")
    assert phone_forms(f"55{ddd}{rest}") == (f"55{ddd}{rest}",)


@given(st.integers(0, 99), eight("6789"))
def test_only_real_area_codes_have_a_ninth_digit(code: int, rest: str) -> None:
    ddd = f"{code:02d}"
    assert same_person(f"55{ddd}9{rest}", f"55{ddd}{rest}") == (ddd in DDDS)


@given(st.integers(0, 9_999_999_999))
def test_mexico_and_argentina_are_alike(number: int) -> None:
    assert same_person(f"521{number:010d}", f"52{number:010d}")
    assert same_person(f"549{number:010d}", f"54{number:010d}")
    assert phone_forms(f"52{number:010d}") == (f"52{number:010d}", f"521{number:010d}")
    assert phone_forms(f"54{number:010d}") == (f"54{number:010d}", f"549{number:010d}")
    assert not same_person(f"521{number:010d}", f"54{number:010d}")


# ------------------------------------------------------------------ forms and persons

numbers = st.one_of(
    digits,
    st.builds("55{}{}{}".format, ddds, st.sampled_from(["", "9"]), eight("0123456789")),
    st.builds("{}{:010d}".format, st.sampled_from(["52", "521", "54", "549"]), st.integers(0, 9_999_999_999)),
)


@given(numbers)
def test_forms_are_exactly_the_numbers_of_one_person(number: str) -> None:
    forms = phone_forms(number)
    assert (number in forms) == (phone_key(number) is not None)
    assert len(forms) == len(set(forms)) <= 2
    assert all(same_person(number, form) for form in forms)
    assert all(phone_forms(form) == forms for form in forms)


@given(numbers, numbers)
def test_two_numbers_are_one_person_only_if_each_is_a_form_of_the_other(a: str, b: str) -> None:
    assert same_person(a, b) == same_person(b, a) == (b in phone_forms(a))


@given(ddds, st.sampled_from(["", "9"]), eight("6789"))
def test_a_mobile_of_brazil_is_written_to_with_the_ninth_digit_up_to_area_code_28(
    ddd: str, nine: str, rest: str
) -> None:
    assert dialled(f"55{ddd}{nine}{rest}") == f"55{ddd}{'9' if int(ddd) <= 28 else ''}{rest}"


@pytest.mark.parametrize("number", ["551130000010", "5531940000010", "558000000010", "5215500000010", "12125550010"])
def test_other_numbers_are_written_to_as_they_are(number: str) -> None:
    assert dialled(number) == number


@given(numbers)
def test_whom_a_number_is_written_to_is_its_person(number: str) -> None:
    assert dialled(number) == number or same_person(dialled(number), number)


@pytest.mark.parametrize("nothing", [None, "", "123", "Nome"])
def test_no_number_is_nobodys(nothing: str | None) -> None:
    assert not same_person(nothing, nothing)
    assert not same_person(nothing, MOBILE)
    assert not same_person(MOBILE, nothing)


def test_the_same_digits_are_the_same_person() -> None:
    assert same_person(MOBILE, MOBILE)
    assert not same_person(MOBILE, "5511900000011")
