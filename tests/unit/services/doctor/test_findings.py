from dataclasses import replace
from pathlib import Path

import pytest

from firmware.base.errors import SipError
from firmware.configuration.loading import LoadedConfiguration
from firmware.phone.call import AudioTrouble, RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.ports.broker import DailyTraffic, Traffic
from firmware.ports.recording import SoundFormat
from firmware.services.doctor.findings import Condition, Finding, FirmwareStanding, examine, examine_at_rest
from firmware.voice.sip import native
from provisioning.parsing import parse_configuration


def finding(part: str, sound_format: SoundFormat | None) -> Finding:
    loaded = LoadedConfiguration(None, ("There is no configuration at all.",))
    condition = Condition(loaded, RegistrationChanged(RegistrationState.UNREGISTERED), sound_format=sound_format)
    [found] = [each for each in examine(condition) if each.part == part]
    return found


@pytest.mark.parametrize(
    ("sound_format", "works", "words", "has_advice"),
    [
        (SoundFormat.OPUS, True, "Ogg Opus", False),
        (SoundFormat.FLAC, True, "seven times the room", True),
        (None, False, "cannot be recorded", True),
    ],
)
def test_how_recordings_are_encoded_is_said_and_what_would_make_them_smaller(
    sound_format: SoundFormat | None, works: bool, words: str, has_advice: bool
) -> None:
    found = finding("recordings", sound_format)
    assert found.ok is works
    assert words in found.detail
    assert ("libopus0" in found.advice) is has_advice


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        (None, "Connected. Nothing waits."),
        (DailyTraffic(Traffic(9, 9), Traffic(), Traffic(), days=0), "Connected. Nothing waits."),
        (
            DailyTraffic(Traffic(9, 9), Traffic(1, 1), Traffic(30_000, 36_000), days=12),
            "Connected. Nothing waits. 66.0 kB go over the network a day.",
        ),
    ],
)
def test_what_the_broker_costs_is_told_once_there_has_been_a_whole_day(
    traffic: DailyTraffic | None, words: str
) -> None:
    configuration = parse_configuration(
        'version = 1\n[device]\nid = "desk-1"\n[[accounts]]\nusername = "1"\ndomain = "sip.example"\n'
        '[sync]\nhost = "broker.example"\n'
    )
    condition = Condition(
        LoadedConfiguration(configuration, ()),
        RegistrationChanged(RegistrationState.REGISTERED),
        broker_state="connected",
        traffic=traffic,
    )
    [found] = [each for each in examine(condition) if each.part == "broker"]
    assert (found.ok, found.detail) == (True, words)


@pytest.mark.feature("updates by stick and network")
@pytest.mark.parametrize(
    ("standing", "words", "advice"),
    [
        (FirmwareStanding("0.2.0", "card"), "0.2.0: a card, renewed by stick or network.", ""),
        (
            FirmwareStanding("0.2.0", "card", waits="0.3.0"),
            "0.2.0: a card, renewed by stick or network. 0.3.0 waits.",
            "",
        ),
        (
            FirmwareStanding("0.3.0", "card", on_trial=True),
            "0.3.0, on trial: a card, renewed by stick or network.",
            "",
        ),
        (
            FirmwareStanding("0.2.0", "card", went_back="0.3.0"),
            "0.2.0: a card, renewed by stick or network. 0.3.0 did not work and went back.",
            "Publish a higher version, with what was wrong mended.",
        ),
        (FirmwareStanding("0.2.0", "package", has_source=True), "0.2.0: a package, renewed by apt.", ""),
        (
            FirmwareStanding("0.2.0", "package"),
            "0.2.0: a package, renewed by apt.",
            (
                "No repository is set up, so nothing renews this phone: put the operator's wecall.sources into "
                "/etc/apt/sources.list.d."
            ),
        ),
        (FirmwareStanding("0.2.0", "other"), "0.2.0: neither card nor package.", ""),
    ],
)
def test_which_firmware_runs_what_renews_it_and_what_comes_next_is_one_line(
    standing: FirmwareStanding, words: str, advice: str
) -> None:
    loaded = LoadedConfiguration(None, ())
    condition = Condition(loaded, RegistrationChanged(RegistrationState.REGISTERED), updates=standing)
    found = [each for each in examine(condition) if each.part == "updates"]
    assert found == [Finding("updates", True, words, advice)]
    assert not [each for each in examine(replace(condition, updates=None)) if each.part == "updates"]


def test_a_doctor_without_a_running_handset_lists_every_mistake_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[device]\nid = "desk-1"\ncountry = "GB"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
        '[sip]\ncodec = ["opus"]\n[calls]\nforward_always = "999"\n'
    )
    assert [found.detail for found in examine_at_rest(path, "") if found.part == "config"] == [
        "sip.codec: there is no such setting; did you mean codecs? (line 8, column 1).",
        "calls.forward_always: 999 is an emergency number, which only a person may call (line 10, column 18).",
    ]


def test_a_doctor_without_a_running_handset_says_why_there_is_nothing_to_read(tmp_path: Path) -> None:
    def said(path: Path) -> str:
        [found] = [found for found in examine_at_rest(path, "") if found.part == "config"]
        assert found.ok is False
        assert found.advice
        return found.detail

    latin = tmp_path / "latin.toml"
    latin.write_bytes("label = 'Büro'".encode("latin-1"))
    assert said(tmp_path / "none.toml") == f"There is no configuration at {tmp_path}/none.toml."
    assert said(tmp_path) == f"{tmp_path} cannot be read: Is a directory."
    assert said(latin) == f"{latin} cannot be read: it is not UTF-8 text."


def test_a_sip_library_of_another_build_is_told_of_by_a_running_handset_and_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = "The SIP library (pjsua2) is not the build that belongs to this handset. `make engine` makes that."

    def refuse() -> None:
        raise SipError(refusal)

    monkeypatch.setattr(native, "library", refuse)
    condition = Condition(
        LoadedConfiguration(None), RegistrationChanged(RegistrationState.UNREGISTERED), sip_fault=refusal
    )
    for findings in (examine(condition), examine_at_rest(tmp_path / "config.toml", "")):
        [found] = [each for each in findings if each.part == "sip build"]
        assert (found.ok, found.detail) == (False, refusal)
        assert "`make engine`" in found.detail
        assert "systemctl restart" in found.advice


@pytest.mark.parametrize(
    ("faulty", "part"), [({"voice_away": True}, "sip build"), ({"microphone_open": True}, "microphone")]
)
def test_a_line_that_starts_again_and_a_microphone_that_listens_are_told_of(faulty: dict[str, bool], part: str) -> None:
    condition = Condition(
        LoadedConfiguration(None), RegistrationChanged(RegistrationState.REGISTERED), sip_build="pjsua2"
    )
    assert not [each for each in examine(condition) if each.part == part and not each.ok]
    told = examine(replace(condition, **faulty))  # type: ignore[arg-type]
    assert [each.advice != "" for each in told if each.part == part and not each.ok] == [True]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (AudioTrouble.BLOCKED, "Audio blocked: "),
        (AudioTrouble.NOT_HEARD, "They hear nothing: "),
        (AudioTrouble.NOTHING_HEARD, "We hear nothing: "),
        (None, ""),
    ],
)
@pytest.mark.parametrize("in_call", [True, False])
def test_who_hears_nothing_is_told_of_the_call_that_runs_or_else_of_the_last_one(
    trouble: AudioTrouble | None, words: str, *, in_call: bool
) -> None:
    condition = Condition(
        LoadedConfiguration(None), RegistrationChanged(RegistrationState.REGISTERED), trouble=trouble, in_call=in_call
    )
    told = [each for each in examine(condition) if each.part == "call audio"]
    assert [each.ok for each in told] == ([] if trouble is None else [False])
    for each in told:
        assert each.detail.startswith(words)
        assert ("the call that runs" if in_call else "the last call") in each.detail
        assert each.advice


@pytest.mark.parametrize(("chosen", "told"), [("", True), ("AT", False), (None, False)])
def test_a_country_that_nobody_has_said_is_told_of(chosen: str | None, told: bool) -> None:
    loaded = LoadedConfiguration(None, chosen_country=chosen)
    condition = Condition(loaded, RegistrationChanged(RegistrationState.UNREGISTERED))
    found = [finding for finding in examine(condition) if finding.part == "country"]
    assert len(found) == told
    assert all(not finding.ok and "country" in finding.advice for finding in found)
