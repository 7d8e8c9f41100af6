"""The knowledge bases' rows on PostgreSQL, where transactions really run side by side."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.services.search.service.test_answering import (  # noqa: F401 - run here too
    corpus,
    test_a_session_remembers_and_its_answers_are_cited,
    test_an_answer_from_what_was_erased_while_it_was_made_is_not_remembered,
    test_an_erased_document_takes_its_turns_and_all_after_them,
)
from tests.unit.services.search.service.test_broken_off import (  # noqa: F401 - run here too
    test_what_an_attempt_left_behind_is_swept_though_its_document_went_back,
    test_what_an_undisturbed_sync_ends_as,
)
from tests.unit.services.search.service.test_removing import (  # noqa: F401 - run here too
    test_a_data_source_is_deleted_with_its_documents_or_without,
    test_a_knowledge_base_goes_with_everything_in_it,
)
from tests.unit.services.search.service.test_side_by_side import *  # noqa: F403 - run here too
from tests.unit.services.search.service.test_syncing import (  # noqa: F401 - run here too
    test_hierarchical_children_are_searched_and_parents_returned,
)
from tests.unit.services.search.service.world import World, open_world


@pytest.fixture
async def world(tmp_path: Path, empty_postgres_url: str) -> AsyncIterator[World]:
    async with open_world(tmp_path, empty_postgres_url) as made:
        yield made
