"""The signs of the status bar, ten pixels tall, drawn as they look."""

from collections.abc import Mapping

from firmware.screens.page import Icon

_REGISTERED = """
.........##
.........##
.........##
......##.##
......##.##
......##.##
...##.##.##
...##.##.##
##.##.##.##
##.##.##.##
"""

_REGISTERING = """
...........
...........
...........
...........
...........
...........
...##......
...##......
##.##.##.##
##.##.##.##
"""

_NOT_REGISTERED = """
##.....##..
.##...##...
..##.##....
...###.....
..##.##....
.##...##...
##.....##..
...........
##.##.##.##
##.##.##.##
"""

_MICROPHONE = """
...###...
..#####..
..#####..
..#####..
#.#####.#
#.#####.#
#..###..#
.#.....#.
..#####..
...###...
"""

_MUTED = """
#..###...
.#.####..
..#.###..
..##.##..
#.###.#.#
#.####..#
#..###.##
.#.....#.
..#####.#
...###..#
"""

_MISSED = """
#.......#..
##.....#...
#.#...#....
#..#.#.....
....#......
...........
..#######..
.#########.
###.....###
###.....###
"""

_PROBLEM = """
.....#.....
....###....
....#.#....
...##.##...
...##.##...
..###.###..
..###.###..
.#########.
.####.####.
###########
"""

ICONS: Mapping[Icon, tuple[str, ...]] = {
    icon: tuple(art.split())
    for icon, art in {
        Icon.REGISTERED: _REGISTERED,
        Icon.REGISTERING: _REGISTERING,
        Icon.NOT_REGISTERED: _NOT_REGISTERED,
        Icon.MICROPHONE: _MICROPHONE,
        Icon.MUTED: _MUTED,
        Icon.MISSED: _MISSED,
        Icon.PROBLEM: _PROBLEM,
    }.items()
}
"""Rows from top to bottom; `#` is a lit pixel."""
