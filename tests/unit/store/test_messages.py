from dataclasses import replace

from contract.calls import CallDirection
from firmware.phone.call import CallerId, TextMessage
from tests.lab.store import StoreLab

MESSAGE = TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001", "Ann"), "中午回来", delivered=True)


async def test_a_message_is_there_after_a_restart_with_the_time_it_was_kept(lab: StoreLab) -> None:
    await lab.messages.keep(MESSAGE)
    await lab.restart()
    assert await lab.messages.newest(10) == (replace(MESSAGE, at=lab.wall_s),)


async def test_the_newest_message_comes_first_whatever_the_clock_said(lab: StoreLab) -> None:
    await lab.messages.keep(MESSAGE)
    lab.pass_time(1, clock_step_s=-1000)
    await lab.messages.keep(replace(MESSAGE, message_id="b" * 32))
    assert [message.message_id[0] for message in await lab.messages.newest(10)] == ["b", "a"]
    assert [message.message_id[0] for message in await lab.messages.newest(1)] == ["b"]


async def test_keeping_a_message_again_says_what_became_of_it_and_leaves_its_place(lab: StoreLab) -> None:
    sent = replace(MESSAGE, direction=CallDirection.OUTGOING, delivered=False)
    await lab.messages.keep(sent)
    await lab.messages.keep(replace(sent, message_id="b" * 32))
    await lab.messages.keep(replace(sent, delivered=True))
    newest, oldest = await lab.messages.newest(10)
    assert (newest.delivered, oldest.delivered) == (False, True)


async def test_what_was_received_is_unread_until_it_was_seen_and_what_was_sent_is_not(lab: StoreLab) -> None:
    await lab.messages.keep(MESSAGE)
    await lab.messages.keep(replace(MESSAGE, message_id="b" * 32, direction=CallDirection.OUTGOING))
    assert [message.read for message in await lab.messages.newest(10)] == [True, False]
    await lab.messages.mark_read()
    assert all(message.read for message in await lab.messages.newest(10))


async def test_a_deleted_message_is_gone_and_deleting_it_again_means_nothing(lab: StoreLab) -> None:
    await lab.messages.keep(MESSAGE)
    await lab.messages.delete(MESSAGE.message_id)
    await lab.messages.delete(MESSAGE.message_id)
    assert await lab.messages.newest(10) == ()


async def test_whoever_sends_ever_more_messages_pushes_out_the_oldest(lab: StoreLab) -> None:
    for number in range(503):
        await lab.messages.keep(replace(MESSAGE, message_id=f"{number:032x}"))
    kept = await lab.messages.newest(1000)
    assert len(kept) == 500
    assert kept[-1].message_id == f"{3:032x}"
