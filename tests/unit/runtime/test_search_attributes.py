from collections import Counter

import pytest

from messages.queues import CORE, PROVIDERS, beside, queue_name
from messages.search_attributes import ALL, dev_server_types

# What a namespace with SQL visibility has room for.
ROOM = {"Keyword": 10, "Int": 3, "Bool": 3, "Datetime": 3}


def test_the_attributes_fit_a_namespace_of_sql_visibility() -> None:
    types = dev_server_types()
    assert set(types) == {key.name for key in ALL}
    for kind, used in Counter(types.values()).items():
        assert used <= ROOM[kind]


def test_a_queue_is_found_beside_another_of_the_same_installation() -> None:
    assert beside(queue_name("blue-", CORE), PROVIDERS) == queue_name("blue-", PROVIDERS)
    assert beside("core", PROVIDERS) == "providers"
    with pytest.raises(ValueError, match="not one of our"):
        beside("elsewhere", CORE)
    with pytest.raises(ValueError, match="no task queue"):
        queue_name("", "elsewhere")
