"""The last output of a cell is waited for as long as some comes."""

import asyncio

import pytest

from flowkernel.worker.notebook.last_output import LastOutput


async def wait(collecting, silences, limit=0.01):
    """Wait as nbclient does; `silences`: what is measured each time."""
    seconds = iter(silences)
    await asyncio.wait_for(LastOutput(collecting, lambda: next(seconds), limit), None)


def test_a_kernel_that_goes_on_to_send_output_is_listened_to():
    async def scene():
        collecting = asyncio.get_running_loop().create_future()

        def silences():
            yield from [0.0] * 20  # Twenty times as long as it may be silent.
            collecting.set_result(None)
            yield 0.0

        await wait(collecting, silences())

    asyncio.run(scene())


def test_after_a_silence_the_rest_of_the_output_is_left_out():
    async def scene():
        collecting = asyncio.get_running_loop().create_future()

        with pytest.raises(TimeoutError):
            await wait(collecting, [0.0, 0.02])
        assert collecting.cancelled()

    asyncio.run(scene())


def test_what_fails_while_output_is_taken_is_raised():
    async def scene():
        collecting = asyncio.get_running_loop().create_future()
        collecting.set_exception(ValueError("no"))

        with pytest.raises(ValueError, match="no"):
            await wait(collecting, [0.0])

    asyncio.run(scene())


def test_a_cancel_ends_the_taking_of_output():
    async def scene():
        collecting = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(wait(collecting, [0.0], limit=60.0))
        await asyncio.sleep(0)
        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert collecting.cancelled()

    asyncio.run(scene())
