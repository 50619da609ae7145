"""Whatever becomes of bundles, one after the other: numbers only rise, and what counts is something that was kept."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.results import BundleResult, CheckName
from firmware.configuration.standing import MOST_KEPT, Ended, Standing
from provisioning.errors import BundleRefusedError
from tests.lab.bundle_desk import NOW_S, candidate
from tests.lab.bundles import manifest

pytestmark = pytest.mark.feature("bundle trial")


@dataclass
class Story:
    """What has happened so far.

    Attributes:
        kept: the numbers that have come to count, in the order in which they did.
        failed: those that were tried in vain.
    """

    standing: Standing = field(default_factory=Standing)
    kept: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def offer(self, number: int, *, works: bool) -> None:
        """Bring a bundle with this number."""
        try:
            manifest(number).check_number(self.standing.newest, self.standing.reverted)
        except BundleRefusedError:
            return
        assert number not in self.kept, "a number came to count twice"
        self._try(number, goes_back=False, works=works)
        (self.kept if works else self.failed).append(number)

    def go_back(self, *, works: bool) -> None:
        """Have the one before again."""
        if (before := self.standing.before) is not None:
            self._try(before.number, goes_back=True, works=works)

    def _try(self, number: int, *, goes_back: bool, works: bool) -> None:
        before = self.standing
        tried = candidate(number, goes_back=goes_back)
        self.standing = before.trying(tried)
        assert self.standing.active == before.active, "what is tried counted before it was kept"
        if works:
            self.standing = self.standing.keeping(NOW_S, ())
            assert self.standing.active == number
            ended = Ended.of(tried, BundleResult.APPLIED, checks=(), at_s=NOW_S)
        else:
            ended = Ended.of(tried, BundleResult.REVERTED, CheckName.LINES, checks=(), at_s=NOW_S)
        self.standing = self.standing.ending(ended)
        if not works:
            assert (self.standing.active, self.standing.kept) == (before.active, before.kept)


_HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.integers(1, 12), st.booleans()),
        st.tuples(st.just("go back"), st.just(0), st.booleans()),
    ),
    max_size=40,
)


@given(_HAPPENINGS)
def test_numbers_only_rise_and_what_counts_was_kept(happenings: list[tuple[str, int, bool]]) -> None:
    story = Story()
    for what, number, works in happenings:
        newest = story.standing.newest
        if what == "offer":
            story.offer(number, works=works)
        else:
            story.go_back(works=works)
        standing = story.standing
        assert standing.newest >= newest
        assert standing.newest == max(story.kept, default=0)
        assert (standing.trial, standing.finishing) == (None, None)
        numbers = [kept.number for kept in standing.kept]
        assert numbers == sorted(set(numbers))
        assert len(numbers) <= MOST_KEPT
        assert standing.active is None if not story.kept else standing.active == numbers[-1]
        assert Standing.model_validate_json(standing.model_dump_json()) == standing


@given(st.integers(1, 100), st.lists(st.integers(1, 100), min_size=1))
def test_a_number_that_failed_is_refused_until_a_higher_one_counts(failing: int, others: list[int]) -> None:
    story = Story()
    story.offer(failing, works=False)
    for number in others:
        story.offer(number, works=True)
        refused = failing in story.standing.reverted or failing <= story.standing.newest
        assert refused


def test_what_was_written_when_bundles_brought_firmware_counts_on() -> None:
    standing = Standing().trying(candidate(6)).keeping(NOW_S, ()).trying(candidate(7))
    written = standing.model_dump(mode="json")
    written["trial"]["exchanges_firmware"] = written["finishing"]["candidate"]["exchanges_firmware"] = True
    written["kept"][0]["exchanged_firmware"] = True
    assert Standing.model_validate(written) == standing
