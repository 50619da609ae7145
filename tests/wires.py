"""Wires of the phone, by what is promised with each: cut, and a test of the running handset fails.

Parts that are tested can be tied together wrongly, and nobody would notice. Each wire is a few words of a composition
root or of what ties parts together, and what stands in their place where it is cut. That each is still there, and that
no promise is without one, is looked at with every landing (tests/unit/test_wires.py); that each is missed, one of them
with every landing and all of them in the soak (tests/integration/test_wires.py).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire.

    Attributes:
        promise: the row of docs/privacy.md, such as "W14"; of docs/rows.md where nobody's data is concerned.
        does: what it does; the phone does it no more where it is cut.
        file: where it is.
        uncut, cut: what stands there, once, and what where it is cut.
        test: of the running handset, which fails then.
    """

    promise: str
    does: str
    file: str
    uncut: str
    cut: str
    test: str

    @property
    def name(self) -> str:
        """What it is called in a run."""
        return f"{self.promise}: {self.does}"


_APP: Final = "firmware/app/handset.py"
_MEMORY: Final = "firmware/app/memory.py"
_BUS: Final = "firmware/app/bus.py"
_CALLS: Final = "firmware/voice/sip/calls.py"
_INSTRUMENTS: Final = "firmware/voice/instruments.py"
_RECORDS: Final = "firmware/services/records.py"
_HANDLERS: Final = "firmware/services/handlers.py"
_RIGHTS: Final = "firmware/services/rights.py"
_ROLES: Final = "firmware/app/roles.py"
_RESET: Final = "firmware/services/account/factory_reset.py"

_INTEGRATION: Final = "tests/integration"
_USED: Final = (
    f"{_INTEGRATION}/test_used_phone.py::"
    "test_nothing_is_left_of_whoever_had_the_phone_and_recipients_have_forgotten_them"
)
_NAMED: Final = f"{_INTEGRATION}/test_named_bundles.py"
_WITHOUT_A_STICK: Final = (
    f"{_INTEGRATION}/test_lan_bundles.py::"
    "test_a_new_handset_is_set_up_without_a_stick_and_whoever_stands_there_compares_the_words"
)
_RIGHTS_BY_KEYS: Final = (
    f"{_INTEGRATION}/test_phone_rights.py::"
    "test_the_holder_has_a_copy_asks_the_operator_and_goes_and_nothing_is_left_of_them"
)
_PROMISES: Final = f"{_INTEGRATION}/test_phone_promises.py::test_"
_FAULTS: Final = f"{_INTEGRATION}/test_phone_faults.py::test_"
_UPDATES: Final = f"{_INTEGRATION}/test_phone_updates"
_TRIAL: Final = f"{_INTEGRATION}/test_phone_update_trial.py::test_"
_FORGOTTEN: Final = f"{_INTEGRATION}/test_phone_forgotten_pin.py::test_what_the_operator_signed_comes_"

WIRES: Final = (
    Wire(
        "W1",
        "what is not activated calls nobody",
        "firmware/services/faults.py",
        "state.all_granted, state.activated,",
        "state.all_granted, True,",
        f"{_INTEGRATION}/test_phone_activation.py::test_a_phone_is_activated_step_by_step_and_only_then_calls",
    ),
    Wire(
        "W2",
        "the microphone opens to talk alone",
        _INSTRUMENTS,
        "self._audio.open(talk=talk, speaker=speaker, unattended=unattended)",
        "self._audio.open(talk=True, speaker=speaker, unattended=unattended)",
        f"{_INTEGRATION}/test_egress_on_hook.py::test_the_process_opens_its_microphone_for_calls_only",
    ),
    Wire(
        "W2",
        "the self-test has the microphone while it asks somebody to speak",
        "firmware/phone/state.py",
        "self.tested is HardwarePart.MICROPHONE",
        "self.tested is not None",
        f"{_INTEGRATION}/test_phone_self_test.py"
        "::test_an_installer_tests_each_part_and_the_next_report_says_what_came_of_it",
    ),
    Wire(
        "W2",
        "a server that is back is found by a knock",
        "firmware/voice/sip/lines.py",
        "            knocks=not is_datagram,\n",
        "",
        f"{_FAULTS}a_server_that_is_back_is_found_by_a_knock_however_long_the_next_try_is_off",
    ),
    Wire(
        "W2",
        "sound that is missing is on the idle page",
        "firmware/phone/shown.py",
        "    Problem.SOUND_MISSING,\n",
        "",
        f"{_FAULTS}a_missing_sound_card_is_named_and_stops_no_call[card]",
    ),
    Wire(
        "W2",
        "a microphone is missed before somebody lifts",
        "firmware/voice/audio/streams.py",
        "            self._card.look_for_capture()\n",
        "",
        f"{_FAULTS}a_missing_sound_card_is_named_and_stops_no_call[microphone]",
    ),
    Wire(
        "W3",
        "the menu imports contacts",
        _HANDLERS,
        "        FolderJob.IMPORT_CONTACTS: contact_files.import_from,\n",
        "",
        f"{_USED}[keep_everything]",
    ),
    Wire(
        "W3",
        "what waits for a stick goes with whatever is erased",
        _MEMORY,
        "        records.when_erased = self._drop_exports\n",
        "",
        f"{_USED}[erase_all]",
    ),
    Wire(
        "W4",
        "calls are written into the log",
        _MEMORY,
        "            self._bus.write_to(self.records)\n",
        "",
        f"{_INTEGRATION}/test_phone_menu.py::test_a_missed_call_is_found_in_the_log_and_called_back",
    ),
    Wire(
        "W4",
        "what is written in a call stays with it where the holder says so",
        _BUS,
        "records.call_log.keep_text(call_id, letters, ours=ours)",
        "records.call_log.mark_missed_seen()",
        f"{_INTEGRATION}/test_phone_text.py::"
        "test_where_the_holder_says_so_the_text_stays_with_the_call_over_a_kill_and_the_other_end_is_told",
    ),
    Wire(
        "W4",
        "the other end is told that text is kept",
        "firmware/phone/texting.py",
        "    text.told = True\n    state.emit(WriteText(",
        "    text.told = True\n    str(WriteText(",
        f"{_INTEGRATION}/test_phone_text.py::"
        "test_where_the_holder_says_so_the_text_stays_with_the_call_over_a_kill_and_the_other_end_is_told",
    ),
    Wire(
        "W5",
        "a recording is announced before it begins",
        _APP,
        "announcer = self._bus.announcer = Announcer(",
        "announcer = Announcer(",
        f"{_INTEGRATION}/test_phone_recording.py::"
        "test_both_ends_hear_that_the_call_is_recorded_and_what_was_said_is_played_back",
    ),
    Wire(
        "W5",
        "whether calls may be recorded is asked in the call",
        "firmware/phone/shown.py",
        "question=shown_question(state),",
        "question=None,",
        f"{_INTEGRATION}/test_phone_recording.py::"
        "test_the_first_press_of_the_key_asks_and_a_yes_has_a_receipt_and_records",
    ),
    Wire(
        "W5",
        "what the server says of a caller's number is shown",
        "firmware/voice/sip/identity.py",
        "replace(caller, verification=_verification(headers, caller)) if caller.number else caller,",
        "caller,",
        f"{_INTEGRATION}/test_phone_callers.py::test_the_display_says_who_calls[verified]",
    ),
    Wire(
        "W6",
        "the menu imports pictures",
        _HANDLERS,
        "        FolderJob.IMPORT_PICTURES: pictures.import_from,\n",
        "",
        f"{_INTEGRATION}/test_phone_bad_input.py::"
        "test_pictures_that_mean_harm_are_refused_beside_the_honest_ones_and_a_call_knows_nothing_of_them",
    ),
    Wire(
        "W7",
        "the operator's invitation is known",
        "firmware/settings/phone.py",
        "invite_link=configuration.operator.invite_link,",
        "invite_link='',",
        f"{_PROMISES}an_operators_link_is_photographed_with_the_opaque_account_in_it[Invite-invite_link-2]",
    ),
    Wire(
        "W8",
        "calls are counted for the holder",
        "firmware/services/calls.py",
        "            CountCalls: self._count,\n",
        "",
        f"{_PROMISES}calls_are_counted_here_and_who_got_what_is_listed",
    ),
    Wire(
        "W8",
        "whom the digits call is known by name, and who is called most is counted for the holder",
        "firmware/services/calls.py",
        "            FindPeople: self._find_people,\n",
        "",
        f"{_INTEGRATION}/test_phone_speaker.py::"
        "test_somebody_on_the_idle_page_is_called_by_holding_their_digit_with_the_handset_down",
    ),
    Wire(
        "W9",
        "a contact's page is read from the address book",
        _HANDLERS,
        "        **ContactErrands(records.contacts, post).handlers,\n",
        "",
        f"{_PROMISES}a_contact_is_shared_by_a_code_that_another_phone_photographs",
    ),
    Wire(
        "W10",
        "nothing leaves that the holder has not agreed to",
        "firmware/privacy/egress/gate.py",
        "    def refusal(",
        "    def refusal(self, *_: object) -> None: ...\n\n    def _refusal(",
        f"{_INTEGRATION}/test_phone_records.py::test_without_consent_no_call_leaves_the_phone",
    ),
    Wire(
        "W10",
        "a phone that is set up looks for no bundle on its network",
        _APP,
        "            if self._loaded.installed is None:\n",
        "            if self:\n",
        _WITHOUT_A_STICK,
    ),
    Wire(
        "W10",
        "every new phone asks its network in the same bytes",
        "firmware/setup/lan/offers.py",
        "_answered(streams, REQUEST)",
        '_answered(streams, REQUEST.replace(b"handset", b"%d" % id(streams)))',
        _WITHOUT_A_STICK,
    ),
    Wire(
        "W10",
        "every new phone asks at an address in the same bytes",
        "firmware/setup/lan/offers.py",
        "request_for(place.authority_part, place.path)",
        'request_for(place.authority_part, f"{place.path}/{id(streams)}")',
        f"{_NAMED}::test_a_new_handset_is_set_up_from_the_address_that_its_network_names_and_somebody_confirms",
    ),
    Wire(
        "W10",
        "nobody is asked at an address that the network names and nobody has confirmed",
        "firmware/setup/bundles/by_lan.py",
        "self._intake.ask_about(address, partial(self._confirm, address))",
        "self._confirm(address)",
        f"{_NAMED}::test_nobody_is_asked_at_an_address_that_somebody_says_no_to",
    ),
    Wire(
        "W10",
        "what a new phone asks crosses no router",
        "firmware/setup/lan/offers.py",
        "                connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, HOPS)\n",
        "                pass\n",
        _WITHOUT_A_STICK,
    ),
    Wire(
        "W11",
        "the operator's way to top up is known",
        "firmware/settings/phone.py",
        "top_up_link=configuration.operator.top_up_link,",
        "top_up_link='',",
        f"{_PROMISES}an_operators_link_is_photographed_with_the_opaque_account_in_it[Top up-top_up_link-1]",
    ),
    Wire(
        "W12",
        "what pays names the account",
        _BUS,
        "        self.post(AccountKnown(await call_log.account_id()))\n",
        "",
        f"{_PROMISES}an_operators_link_is_photographed_with_the_opaque_account_in_it[Top up-top_up_link-1]",
    ),
    Wire(
        "W13",
        "private mode takes every yes back",
        "firmware/services/consents.py",
        "            WithdrawOptional: self._withdraw_optional,\n",
        "",
        f"{_INTEGRATION}/test_egress_week.py::test_nothing_was_missed_and_everything_that_should_happen_did",
    ),
    Wire(
        "W14",
        "the store gets another key after an erasure",
        _RIGHTS,
        "            await self._parts.rotate_key()\n",
        "            pass\n",
        f"{_USED}[erase_all]",
    ),
    Wire(
        "W14",
        "what was put there for an import goes with its kind",
        _RIGHTS,
        "        await self._forget_files(request.categories)\n",
        "",
        f"{_USED}[erase_each_kind]",
    ),
    Wire(
        "W15",
        "a consent that is taken back counts at once",
        _RECORDS,
        "        self.consents.when_changed = self._note_consents\n",
        "",
        f"{_INTEGRATION}/test_phone_recording.py::"
        "test_the_colleague_whose_phone_understands_it_reads_that_it_is_recorded_until_the_consent_is_withdrawn",
    ),
    Wire(
        "W16",
        "what is held is counted",
        _RIGHTS,
        "            ReadMyData: self._read,\n",
        "",
        f"{_USED}[erase_all]",
    ),
    Wire(
        "W17",
        "a copy is made",
        "firmware/services/copies.py",
        "            CopyMyData: self._everything,\n",
        "",
        _RIGHTS_BY_KEYS,
    ),
    Wire(
        "W17",
        "a copy comes back",
        _HANDLERS,
        "        handlers |= RestoreErrands(services.restorer, services.inbox, gate, proofs, post).handlers\n",
        "        pass\n",
        f"{_INTEGRATION}/test_phone_restore.py::"
        "test_what_a_stick_took_from_one_phone_comes_back_on_another_by_its_words",
    ),
    Wire(
        "W18",
        "what the operator signed for a forgotten PIN is taken from a stick",
        _APP,
        "reset=self._memory.order_to_reset(Channel.STICK),",
        "reset=None,",
        f"{_FORGOTTEN}by_stick_and_erases_a_phone_that_nobody_can_open",
    ),
    Wire(
        "W18",
        "what the operator signed for a forgotten PIN is taken from the broker",
        _APP,
        "reset=self._memory.order_to_reset(Channel.NETWORK),",
        "reset=None,",
        f"{_FORGOTTEN}over_the_network_and_counts_once_and_under_14_never",
    ),
    Wire(
        "W18",
        "the right PIN ends a request for erasure",
        _MEMORY,
        "        records.pin.when_right = partial(end_request, self._state_dir)\n",
        "",
        f"{_INTEGRATION}/test_phone_pin_at_start.py::"
        "test_before_the_pin_is_typed_help_can_be_called_and_afterwards_everything_is_there",
    ),
    Wire(
        "W18",
        "a cancelled account is not used again",
        "firmware/services/account/steps.py",
        "        await asyncio.to_thread(mark_cancelled, state_dir, text)\n",
        "",
        _RIGHTS_BY_KEYS,
    ),
    Wire(
        "W18",
        "a reset has recipients told",
        _RESET,
        "        leave_word_of_reset(state_dir)\n",
        "",
        f"{_USED}[reset_by_menu]",
    ),
    Wire(
        "W18",
        "nothing leaves that a reset could not take back",
        _MEMORY,
        "return self._recipients or (self.records.outbox if self.records is not None else None)",
        "return self.records.outbox if self.records is not None else None",
        f"{_USED}[reset_of_what_cannot_be_read]",
    ),
    Wire(
        "W18",
        "a reset deletes what lay there for an import",
        _RESET,
        "        exchange.forget_all(state_dir / exchange.FOLDER_NAME)\n",
        "",
        f"{_USED}[reset_by_command]",
    ),
    Wire(
        "W18",
        "a reset deletes the files of recordings",
        _RESET,
        "in (state_dir / PICTURES_NAME, state_dir / RECORDINGS_NAME):",
        "in (state_dir / PICTURES_NAME,):",
        f"{_USED}[reset_by_command]",
    ),
    Wire(
        "W19",
        "erasing asks for the PIN",
        "firmware/phone/menu/my_data.py",
        "Choice(_ERASE, proving(Right.ERASURE, opening(lambda _state: ErasureList()))),",
        "Choice(_ERASE, opening(lambda _state: ErasureList())),",
        f"{_USED}[erase_all]",
    ),
    Wire(
        "W20",
        "who is blocked is turned away",
        _CALLS,
        "                self.incoming.reject(call_id, reason)\n",
        "                pass\n",
        f"{_INTEGRATION}/test_phone_policy.py::test_one_on_the_block_list_never_rings",
    ),
    Wire(
        "W21",
        "a guardian's PIN is another than the holder's",
        _HANDLERS,
        "PinErrands(records.pin, records.guardian_pin, records.consents, post)",
        "PinErrands(records.pin, records.pin, records.consents, post)",
        f"{_INTEGRATION}/test_phone_activation.py::test_under_14_a_guardian_activates_the_phone_and_takes_a_yes_back",
    ),
    Wire(
        "W22",
        "numbers cross a border as pseudonyms",
        _RECORDS,
        "StoredOutbox(self._store, recipient(configuration))",
        "StoredOutbox(self._store)",
        f"{_INTEGRATION}/test_phone_records.py::"
        "test_across_a_border_numbers_leave_as_pseudonyms_until_the_holder_agrees",
    ),
    Wire(
        "W23",
        "a policy's days are counted",
        _RECORDS,
        "        self.documents.start()\n",
        "",
        f"{_INTEGRATION}/test_phone_documents.py::"
        "test_when_the_days_are_over_it_takes_effect_and_what_it_changes_is_a_no_until_it_is_asked_again",
    ),
    Wire(
        "W24",
        "what was kept long enough is deleted",
        _RECORDS,
        '            asyncio.create_task(self._keep_retaining(), name="retainer"),\n',
        "",
        f"{_INTEGRATION}/test_phone_records.py::test_a_call_whose_days_are_over_is_gone_once_the_phone_has_started",
    ),
    Wire(
        "W25",
        "a store that waits for its PIN has it asked for",
        _APP,
        "                self._bus.post(StoreWaitsForPin())\n",
        "                pass\n",
        f"{_INTEGRATION}/test_phone_pin_at_start.py::"
        "test_before_the_pin_is_typed_help_can_be_called_and_afterwards_everything_is_there",
    ),
    Wire(
        "W26",
        "notices of danger are taken from the broker",
        _ROLES,
        "                DownTopic.NOTICE: documents.notices,\n",
        "",
        f"{_INTEGRATION}/test_phone_documents.py::"
        "test_a_notice_of_danger_from_the_broker_stays_on_the_display_until_it_is_acknowledged",
    ),
    Wire(
        "W27",
        "requests are filed",
        _RIGHTS,
        "            FileRequest: self._file,\n",
        "",
        _RIGHTS_BY_KEYS,
    ),
    Wire(
        "W27",
        "answers are taken from the broker",
        _ROLES,
        "                DownTopic.ANSWER: AnswersAndResets(documents.answers, reset),\n",
        "",
        f"{_INTEGRATION}/test_phone_answers.py::test_a_request_is_answered_read_and_objected_to_and_no_other_is",
    ),
    Wire(
        "W28",
        "the holder reads who got what",
        _HANDLERS,
        "        **SharingErrands(records.shares, services.language).handlers,\n",
        "",
        f"{_PROMISES}calls_are_counted_here_and_who_got_what_is_listed",
    ),
    Wire(
        "H11",
        "whoever installs hears what the operator has announced",
        _APP,
        "            self._memory.records.documents.updates.port = self._updates\n",
        "",
        f"{_UPDATES}.py::test_an_update_from_the_broker_is_installed_in_idle_hours_and_its_codes_come_back",
    ),
    Wire(
        "H11",
        "the operator hears what became of it",
        "firmware/app/updates.py",
        "        await kept.documents.updates.became(digest, code)\n",
        "",
        f"{_UPDATES}.py::test_an_update_from_the_broker_is_installed_in_idle_hours_and_its_codes_come_back",
    ),
    Wire(
        "H10",
        "the fleet hears whether an account can call",
        _APP,
        "        self._line_watch.note_view(view)\n",
        "",
        f"{_INTEGRATION}/test_phone_status.py::"
        "test_a_phone_whose_registrar_is_away_says_so_through_every_restart_and_never_that_it_is_online",
    ),
    Wire(
        "H11",
        "the file on a stick reaches root",
        "firmware/setup/update/service.py",
        "                    file=file,\n",
        "",
        f"{_TRIAL}a_stick_s_update_is_installed_and_the_phone_restarts_while_nobody_uses_it",
    ),
    Wire(
        "H11",
        "a call is marked, so that nothing is fetched and nobody goes back in it",
        _APP,
        "        self._call_mark.note_view(view)\n",
        "",
        f"{_TRIAL}a_stick_s_update_is_installed_and_the_phone_restarts_while_nobody_uses_it",
    ),
    Wire(
        "H11",
        "what works is said to root",
        "firmware/setup/update/service.py",
        "            state = await self._trial.judge()\n",
        "            pass\n",
        f"{_TRIAL}a_version_on_trial_that_registers_opens_its_store_and_shows_its_page_works",
    ),
    Wire(
        "H11",
        "how the machine stands is read where root says it",
        "firmware/app/updates.py",
        "RootUpdates(roots / Path(SOCKET).name, roots / Path(STATE).name)",
        "RootUpdates(roots / Path(SOCKET).name)",
        f"{_TRIAL}a_version_on_trial_that_registers_opens_its_store_and_shows_its_page_works",
    ),
    Wire(
        "H11",
        "the fetcher reaches an update's server and nobody else",
        "systemd/wecall.nft",
        '\t\tmeta skuid "wecall-fetch" goto fetch\n',
        "",
        "tests/system/test_firewall.py::"
        "test_the_fetcher_reaches_name_servers_only_and_an_updates_server_while_root_wants_it",
    ),
    Wire(
        "H11",
        "every phone asks an update's server in the same bytes",
        "firmware/fetch/server.py",
        "User-Agent: wecall-handset\\r\\n",
        "User-Agent: {id(self)}\\r\\n",
        f"{_INTEGRATION}/test_fetch.py::"
        "test_a_server_sees_the_same_bytes_of_every_phone_and_what_the_page_on_privacy_says",
    ),
)
