"""Whatever a voice says that a packet took over: what is believed of it never makes the phone stumble."""

import random
from itertools import count
from typing import get_args

import pytest

from firmware.display.artist import Artist
from firmware.phone.call import CallId
from firmware.phone.commands import ShowPage, StartTimer
from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, KeyPressed, Timer, TimerExpired
from firmware.phone.key import Key
from firmware.phone.news import CallNews, CallsFound, VoiceNews
from firmware.phone.orders import PlaceCall
from firmware.phone.phone import Phone
from firmware.voice.news_gate import NewsGate
from tests.lab import chance
from tests.lab.display_reader import FAMILY, NoPictures
from tests.lab.random_news import RandomNews
from tests.unit.phone.desk import settings

NEWS = 2000
LIVES = chance.counted(200, 5)
KEYS_ONE_IN = 8
PAGES_ONE_IN = 20
# It is the first word of a voice; see test_phone_takeover.
KINDS = (*get_args(CallNews) * 3, *(kind for kind in get_args(VoiceNews) if kind is not CallsFound))


class Life:
    """A phone whose voice is not its own, with random fingers; its page is drawn now and then."""

    def __init__(self, dice: random.Random) -> None:
        ids = count(1)
        self.dice = dice
        self.phone = Phone(settings("x.T", max_calls=dice.choice((1, 2, 4))), lambda: CallId(f"{next(ids):032x}"))
        self.phone.start()
        self.news = RandomNews(dice, only_believable=True)
        self.gate = NewsGate([""], count(0, 0.5).__next__)
        self.artist = Artist("en", NoPictures())
        self.running: set[Timer] = set()

    def hear_news(self) -> bool:
        """Hear some, and say whether they were believed."""
        self.news.calls = list(self.gate.calls)
        news = self.news.any(KINDS)
        if not (isinstance(news, VoiceNews) and self.gate.passes(news)):
            return False
        self._handle(news)
        return True

    def use_the_phone(self) -> None:
        if self.running and self.dice.random() < 0.5:
            timer = self.dice.choice(sorted(self.running))
            self.running.discard(timer)
            self._handle(TimerExpired(timer))
        else:
            key = KeyPressed(self.dice.choice(tuple(Key)))
            self._handle(self.dice.choice((key, key, HandsetLifted(), HandsetReplaced())))

    def _handle(self, event: Event) -> None:
        for command in self.phone.handle(event):
            match command:
                case PlaceCall(call_id):
                    self.gate.call_placed(call_id)
                case StartTimer(timer):
                    self.running.add(timer)
                case ShowPage(view) if not self.dice.randrange(PAGES_ONE_IN):
                    self.artist.draw(view, FAMILY, "12:00")
        assert len(self.phone.view.other_calls) <= 4


@pytest.mark.soak
def test_no_sequence_of_news_that_are_believed_makes_the_phone_or_its_page_stumble() -> None:
    dice = chance.dice()
    for _ in range(LIVES):
        life = Life(dice)
        believed = 0
        while believed < NEWS:
            if not life.dice.randrange(KEYS_ONE_IN):
                life.use_the_phone()
            believed += life.hear_news()
