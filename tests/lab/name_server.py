"""A DNS server with the records that a test gives it."""

import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

_MESSAGE_BYTES = 4096


class NameServer:
    """Answers on a UDP port.

    Attributes:
        address, port: where it listens.
        is_silent: it leaves questions unanswered while this is set.
        questions: the names that it has been asked for.
    """

    def __init__(self, records: Mapping[str, Sequence[str]], *, address: str = "127.0.0.1", port: int = 0) -> None:
        """Set up without answering.

        Args:
            records: by name and type, as in "_sip._udp.example SRV", the values as a zone file has them.
            address, port: where to listen; at a free port where left out.
        """
        self._records = dict(records)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.address = address
        self.port: int = self._socket.getsockname()[1]
        self.is_silent = False
        self.questions: list[str] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping = True
        # Closing alone would not wake the thread. The socket may be in another network than whoever ends it.
        self._socket.sendto(b"", (self.address, self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, asker = self._socket.recvfrom(_MESSAGE_BYTES)
            if self._stopping:
                return
            query = dns.message.from_wire(packet)
            question = query.question[0]
            name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
            self.questions.append(name)
            if self.is_silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            values = self._records.get(f"{name} {kind}", ())
            if values:
                answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, values))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), asker)
