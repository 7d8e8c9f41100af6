"""A request that breaks a server's answer, and not the server, keeps nobody else from it."""

import pytest

from kit.errors import Interrupted
from services.generation.service.routing.admin import RequestBroke
from services.generation.service.routing.line import Seat
from services.generation.service.routing.policy import Policy
from tests.unit.services.generation.routing.test_router import World
from tests.unit.services.generation.routing.world import asked, replica


async def test_requests_that_a_server_breaks_at_do_not_shut_it_to_others() -> None:
    world = World(replica("only"), policy=Policy())

    async def breaks(seat: Seat) -> None:
        raise RequestBroke("The model server answered 500.")

    async def answers(seat: Seat) -> str:
        return seat.replica.id

    for _ in range(5):
        with pytest.raises(RequestBroke):
            async with world.router.begun(asked(), breaks):
                pass
    async with world.router.begun(asked(), answers) as (_, reply):
        assert reply == "only"


async def test_a_request_under_which_every_server_goes_away_is_told_so() -> None:
    """And not that the model starts, which would have it sent again as soon as it has."""
    world = World(replica("only"), policy=Policy())

    async def kills(seat: Seat) -> None:
        world.fleet.ready = ()
        raise Interrupted("The model server broke off.", retry_after=1)

    with pytest.raises(Interrupted):
        async with world.router.begun(asked(), kills):
            pass
