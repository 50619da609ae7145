import random
import re

from firmware.privacy.egress.border import reportable_number
from fleet.simulator.handset import fictional_number

# As the regulators write them: NANPA 555-0100 to 555-0199; Ofcom 01632 960, 020 7946 0, 0161 496 0, 07700 900; ARCEP
# 01 99 00 and 06 39 98; ACMA 02 5550 and 08 7010. Extensions have four digits.
NOBODYS = re.compile(
    r"\+1\d{3}55501\d\d|\+441632960\d{3}|\+442079460\d{3}|\+441614960\d{3}|\+447700900\d{3}"
    r"|\+3319900\d{4}|\+3363998\d{4}|\+6125550\d{4}|\+6187010\d{4}|1\d{3}"
)


def test_every_number_belongs_to_nobody_and_may_stand_in_a_record() -> None:
    rng = random.Random(7)
    numbers = [fictional_number(rng) for _ in range(5000)]
    called = [number for number in numbers if number is not None]
    assert [number for number in called if not NOBODYS.fullmatch(number)] == []
    assert [number for number in called if reportable_number(number) != number] == []
    assert 0 < len(numbers) - len(called) < 500, "some are withheld, and few"
