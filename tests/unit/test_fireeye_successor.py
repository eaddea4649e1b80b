"""The signature and the digests of the service that follows Fireeye, by its page's examples."""

import pytest
from pydantic import SecretStr

from providers.fireeye_successor import hashed_card_number, hashed_identifier, request_signature


def test_the_pages_example_is_signed_as_printed() -> None:
    body = (
        b'{"id":"0001000001","data":{"certId":'
        b'"391EE5771E5F5D153E2594CBC760DB5CCF99940FE66B2AF9050B387BA217B50A","queryHash":"1",'
        b'"queryTp":"01","queryFraudApply":"1","queryEconomicCrime":"1","queryLoseTrust":"1"}}'
    )
    signature = request_signature(SecretStr("aaaabbbbccccdddd"), body, 1595419093337)
    assert signature == "fcfec49bc95a401aefede6a348c656fb038a637178f282751196756764eee197"


def test_a_digest_is_that_of_the_standard() -> None:
    """GB/T 32905, examples 1 and 2."""
    assert hashed_identifier("abc") == (
        "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0"
    )
    assert hashed_identifier("abcd" * 16) == (
        "DEBE9FF92275B8A138604889C18E5A4D6FDB70E5387E5765293DCBA39C0C5732"
    )


def test_the_pages_mobile_is_hashed_as_printed() -> None:
    printed = "62166D8D29A0A576D5E0017AAF77EF8FB50F908526B57940462"
    assert hashed_identifier("13500001111").startswith(printed)


@pytest.mark.parametrize("number", ["6262320120123210", "6212262308004359191"])
def test_a_card_is_hashed_behind_its_length(number: str) -> None:
    assert hashed_card_number(number) == hashed_identifier(f"{len(number)}{number}")
