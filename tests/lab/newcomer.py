"""Somebody who takes a new handset into use, by its keys and as its display asks."""

from tests.lab.display_reader import below_the_clock
from tests.lab.handset import Handset
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person

PIN = "2580"
GUARDIANS_PIN = "1379"
TITLES = ("Language", "Your age", "PIN", "Policy", "Service", "Not set up")
ALL_SET = "All set. Lift and dial."
_MOST_PAGES = 60


class Newcomer(Person):
    """Answers step after step; of a text as many pages as there are."""

    def __init__(self, handset: Handset, titles: tuple[str, ...] = TITLES) -> None:
        super().__init__(handset)
        self._titles = titles

    def title(self, step: str) -> str:
        """Return what the display says above a step."""
        return f"{self._titles.index(step) + 1}/{len(self._titles)} {step}"

    async def reaches(self, step: str) -> None:
        """Wait until a step is shown."""
        await self.reads(self.title(step))

    async def presses_ok_until(self, words: str) -> None:
        """Press OK, each time that the display shows something else, until it says these words.

        Raises:
            AssertionError: they never come.
        """
        for _ in range(_MOST_PAGES):
            if self.sees(words):
                return
            await self.goes_on()
        raise AssertionError(f"The display never said {words!r}")

    async def goes_on(self) -> None:
        """Press OK, and wait for what the display shows then."""
        before = self.frame
        await self.press("ok")
        await self.sees_what_follows(before)

    async def sees_what_follows(self, before: bytes) -> None:
        """Wait until the display shows something else below its clock than that, and not that it is at work."""
        await self.wait_until(lambda page: below_the_clock(page.frame) != below_the_clock(before), PATIENCE_S)
        for words in ("One moment…", "请稍候…"):
            await self.no_longer_reads(words)

    async def sets_pin(self, pin: str) -> None:
        """Set a PIN where one is asked for."""
        for words in ("Choose 4 to 8 digits", "The same once more"):
            await self.reads(words)
            await self.dial(pin)
            await self.press("ok")

    async def types_pin(self, title: str, pin: str) -> None:
        await self.reads(title)
        await self.dial(pin)
        await self.press("ok")

    async def answers_about_the_service(self, *, yes: bool) -> None:
        """Say yes or no to the service."""
        await self.reaches("Service")
        await self.reads("Yes: calls work")
        for _ in range(1 if yes else 2):
            await self.press("volume_down")
        await self.press("ok")

    async def goes_on_to(self, step: str) -> None:
        """Answer everything up to a step, with a yes to the service."""
        await self.goes_on_from(self._titles[0], step)

    async def goes_on_from(self, first: str, step: str) -> None:
        """Answer everything from one step up to another."""
        places = range(self._titles.index(first), self._titles.index(step))
        for title, following in ((self._titles[place], self._titles[place + 1]) for place in places):
            await self.reaches(title)
            if title == "PIN":
                await self._proves_to_be_the_holder(following)
            elif title == "Your age":
                # Nothing is selected there; the last row is the oldest.
                await self.press("volume_up")
                await self.press("ok")
            elif title == "Service":
                await self.answers_about_the_service(yes=True)
            else:
                await self.presses_ok_until(self.title(following))
        await self.reaches(step)

    async def _proves_to_be_the_holder(self, following: str) -> None:
        """Set a PIN, or type the one that is set."""
        await self.wait_until(lambda page: page.sees("4 to 8 digits") or page.sees("Type your PIN"), PATIENCE_S)
        if self.sees("4 to 8 digits"):
            await self.sets_pin(PIN)
        else:
            await self.types_pin(self.title("PIN"), PIN)
        await self.reaches(following)

    async def finishes(self) -> None:
        """Say yes to the service, and be told that the phone is set up."""
        await self.answers_about_the_service(yes=True)
        await self.reads(ALL_SET)
        await self.wait_for_mode("idle")
