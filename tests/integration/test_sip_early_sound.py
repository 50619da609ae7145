"""Whoever speaks before their answer has been taken in, as most servers do, is heard once it is."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firmware.phone.call import CallState, RegistrationState, SipUri
from firmware.phone.orders import PlaceCall
from tests.lab.audio import level
from tests.lab.kamailio import Kamailio
from tests.lab.patience import wait_until
from tests.lab.preload import preloaded
from tests.lab.rtp_port import RtpPort, g722
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.second_phone import SecondPhone
from tests.lab.three_agents import new_call_id, settings_of

TONE_HZ = 1000
HEARD = 700.0

# A computer that does something else for a moment each time that the library lets go of a socket's lock, right after it
# has asked for the first packet there.
SLOW_FIRST_READS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char asked[1024];
static __thread int pauses;

int bind(int file, const struct sockaddr *address, socklen_t length)
{
    if (file >= 0 && file < 1024) asked[file] = 0;
    return ((int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind"))(file, address, length);
}

int epoll_ctl(int queue, int operation, int file, struct epoll_event *event)
{
    if (operation != EPOLL_CTL_DEL && (event->events & EPOLLIN) && file < 1024 && !asked[file]) {
        asked[file] = 1;
        pauses = 4;
    }
    return ((int (*)(int, int, int, struct epoll_event *))dlsym(RTLD_NEXT, "epoll_ctl"))(queue, operation, file, event);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);
    int result;

    if (!real) real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    result = real(mutex);
    if (pauses > 0) {
        --pauses;
        usleep(30000);
    }
    return result;
}
"""


def test_whoever_speaks_before_the_answer_is_taken_in_is_heard(
    server: Kamailio, peer: ScriptedPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in preloaded(tmp_path, SLOW_FIRST_READS).items():
        monkeypatch.setenv(name, value)
    with SecondPhone(settings_of("alice", server)) as phone, RtpPort() as port, ThreadPoolExecutor(1) as elsewhere:
        monkeypatch.delenv("LD_PRELOAD")
        phone.wait_for_registration(RegistrationState.REGISTERED)
        call_id = new_call_id()
        phone.stack.order(PlaceCall(call_id, SipUri("sip:peer@localhost")))
        invite = peer.take_call()
        elsewhere.submit(port.speak, invite.audio_port, 9, g722(TONE_HZ, 3))
        peer.reply(invite, 200, body=sdp(port.port, formats="9 101"))
        peer.receive("ACK")
        phone.wait_for_call(call_id, CallState.ACTIVE)
        wait_until(lambda: level(phone.last_heard(0.2), TONE_HZ) > HEARD, "the other end is heard")
        peer.hang_up()
