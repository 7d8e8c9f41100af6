"""The adapter registry's rows on PostgreSQL, where transactions really run side by side."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.services.generation.adapters.test_keeping import (  # noqa: F401 - run here too
    test_a_deleted_adapter_takes_the_names_of_those_whom_it_was_granted,
    test_desired_are_the_ready_ones_of_all_tenants,
    test_the_same_adapter_of_two_tenants_is_one_folder_until_both_delete_it,
    test_what_is_registered_again_before_the_sweep_stays,
)
from tests.unit.services.generation.adapters.test_names import (  # noqa: F401 - run here too
    test_a_component_has_names_of_its_own_before_the_tenants,
    test_a_foreign_adapter_is_told_of_as_one_that_does_not_exist,
    test_a_granted_adapter_is_used_until_the_grant_is_taken_back,
    test_a_moved_name_is_followed_by_the_next_request_and_can_go_back,
)
from tests.unit.services.generation.adapters.test_pinning import (  # noqa: F401 - run here too
    test_only_an_own_and_ready_adapter_is_pinned,
    test_what_is_pinned_is_wanted_everywhere_until_it_is_let_go,
)
from tests.unit.services.generation.adapters.world import World, open_world

pytestmark = pytest.mark.integration


@pytest.fixture
async def world(tmp_path: Path, empty_postgres_url: str) -> AsyncIterator[World]:
    async with open_world(tmp_path, empty_postgres_url) as made:
        yield made


async def test_side_by_side_registrations_do_not_pass_the_quota_together(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    async with open_world(tmp_path, empty_postgres_url, adapter_quota=2) as world:
        await world.race_for_the_quota()


async def test_side_by_side_moves_of_a_name_are_numbered_one_after_the_other(
    world: World,
) -> None:
    await world.race_for_a_name()
