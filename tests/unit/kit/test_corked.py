"""What is written in one turn of the loop is sent as one, and never after the end."""

import asyncio
from typing import cast

from kit.corked import CorkedTransport


class Wire:
    """Keeps each packet."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.closed = False

    def writelines(self, parts: list[bytes]) -> None:
        self.packets.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def corked() -> tuple[CorkedTransport, Wire]:
    wire = Wire()
    return CorkedTransport(cast(asyncio.Transport, wire), asyncio.get_running_loop()), wire


async def test_what_is_written_in_one_turn_is_one_packet() -> None:
    transport, wire = corked()
    transport.write(b"head ")
    transport.write(b"")
    transport.write(b"body")
    assert wire.packets == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.packets == [b"head body", b"next"]


async def test_closing_sends_what_is_held_first() -> None:
    transport, wire = corked()
    transport.write(b"last")
    transport.close()
    assert (wire.packets, wire.closed) == ([b"last"], True)


async def test_much_is_not_held() -> None:
    transport, wire = corked()
    transport.write(bytes(70_000))
    assert [len(packet) for packet in wire.packets] == [70_000]


async def test_nothing_is_sent_once_the_connection_is_gone() -> None:
    transport, wire = corked()
    transport.write(b"late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.packets == []
