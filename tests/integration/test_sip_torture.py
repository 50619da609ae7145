"""What RFC 4475 sends to torture a SIP phone: valid messages are answered, others survived, and the next call works.

The messages say what those of the RFC say, from addresses at which an answer can be heard.
"""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.fuzzer.campaign import Way, besieged
from tests.lab.fuzzer.siege import Siege
from tests.lab.patience import PATIENCE_S

pytestmark = [pytest.mark.feature("malformed messages"), pytest.mark.story]

SDP = (
    "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
    "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
)
REST = "Max-Forwards: 70\r\nContent-Length: 0\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One message of the RFC.

    Attributes:
        name: the RFC's.
        start: its first line.
        headers: those after the first Via, and the body after an empty line; `{body}` and `{length}` are filled in.
        answers: what may be said to it; nothing where it only has to be survived.
        body: what follows.
        via: the first Via; `{us}` is where answers are heard.
    """

    name: str
    start: str
    headers: str
    answers: str = ""
    body: str = ""
    via: str = "Via: SIP/2.0/UDP {us};rport;branch=z9hG4bK{name}"

    def message(self, us: str) -> bytes:
        via = self.via.format(us=us, name=self.name)
        headers = self.headers if "ontent-Length" in self.headers or "\nl:" in self.headers else self.headers + (
            f"Content-Length: {len(self.body)}\r\n"
        )  # fmt: skip
        text = f"{self.start}\r\n{via}\r\n{headers}\r\n{self.body}"
        return text.encode("utf-8", "surrogateescape")


def who(name: str, method: str, number: str = "1", *, to: str = "sip:user@example.com", rest: str = "") -> str:
    """Return what every request has after its Via."""
    return (
        f"To: {to}\r\nFrom: sip:caller@example.org;tag={name}\r\nCall-ID: {name}.torture\r\nCSeq: {number} {method}\r\n"
        f"Contact: <sip:caller@127.0.0.1:9>\r\nMax-Forwards: 70\r\n{rest}"
    )


REFUSED = "[456]"
ANY = "[2-6]"
CASES = (
    # 3.1.1, valid
    Case(
        "wsinv",
        "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
        "TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
        'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
        "MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\ncseq: 0009\r\n  INVITE\r\ns :\r\n"
        "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
        "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\nContent-Type: application/sdp\r\n"
        "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
        "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
        " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
        'm:"Quoted string \\"\\"" <sip:jdrosen@127.0.0.1:9> ; newparam =\r\n      newvalue ;\r\n'
        "  secondparam ; q = 0.33\r\n",
        ANY,
        SDP,
        "Via  : SIP/2.0/UDP\r\n    {us};rport;branch=390skdjuw",
    ),
    Case(
        "intmeth",
        "!interesting-Method0123456789_*+`.%indeed'~ "
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com "
        "SIP/2.0",
        'To: "BEL:\\\x07 NUL:\\\x01 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>\r\n'
        "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\""
        "\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439\";tag=_token~1'+`*%!-.\r\n"
        "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n"
        "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\r\nMax-Forwards: 255\r\n"
        "extensionHeader-!.%*+_`'~:\uff2d\u5927\u505c\u96fb\r\n",
        REFUSED,
    ),
    Case(
        "esc01",
        "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        "To: sip:%75se%72@example.com\r\nFrom: <sip:I%20have%20spaces@example.net>;tag=esc01\r\nMax-Forwards: 87\r\n"
        "i: esc01.239409asdfakjkn23onasd0-3234\r\nCSeq: 234234 INVITE\r\nC: application/sdp\r\n"
        "Contact:\r\n  <sip:cal%6Cer@127.0.0.1:9;%6C%72;n%61me=v%61lue%25%34%31>\r\n",
        ANY,
        SDP,
    ),
    Case(
        "escnull",
        "REGISTER sip:example.com SIP/2.0",
        "To: sip:null-%00-null@example.com\r\nFrom: sip:null-%00-null@example.com;tag=839923423\r\nMax-Forwards: 70\r\n"
        "Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd\r\nCSeq: 14398234 REGISTER\r\n"
        "Contact: <sip:%00@127.0.0.1:9>\r\nContact: <sip:%00%00@127.0.0.1:9>\r\n",
        ANY,
    ),
    Case(
        "esc02",
        "RE%47IST%45R sip:registrar.example.com SIP/2.0",
        'To: "%Z%45" <sip:resource@example.com>\r\nFrom: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23\r\n'
        "Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf\r\nCSeq: 29344 RE%47IST%45R\r\nMax-Forwards: 70\r\n"
        "Contact: <sip:alias1@127.0.0.1:9>\r\nContact: <sip:alias2@127.0.0.1:9>;n%61me=v%61lue\r\n",
        REFUSED,
    ),
    Case(
        "lwsdisp",
        "OPTIONS sip:user@example.com SIP/2.0",
        "To: sip:user@example.com\r\nFrom: caller<sip:caller@example.com>;tag=323\r\nMax-Forwards: 70\r\n"
        "Call-ID: lwsdisp.1234abcd@funky.example.com\r\nCSeq: 60 OPTIONS\r\n",
        ANY,
    ),
    Case(
        "longreq",
        "INVITE sip:user@example.com SIP/2.0",
        f'To: "I have a user name of {"extreme" * 10} proportion"<sip:user@example.com:6000;unknownparam1=very'
        f"{'long' * 20}value;longparam{'name' * 25}=shortvalue;very{'long' * 25}ParameterNameWithNoValue>\r\n"
        f"F: sip:{'amazinglylongcallername' * 5}@example.net;tag=12{'982' * 50}424;unknownheaderparam{'name' * 20}="
        f"unknowheaderparam{'value' * 15};unknownValueless{'param' * 10}name\r\n"
        f"Call-ID: longreq.one{'really' * 20}longcallid\r\nCSeq: 3882340 INVITE\r\n"
        f"Unknown-{'Long' * 20}-Name: unknown-{'long' * 20}-value; unknown-{'long' * 20}-parameter-name = unknown\r\n"
        + "".join(f"v: SIP/2.0/TCP sip{n}.example.com\r\n" for n in range(33, 0, -1))
        + f"m: <sip:{'amazinglylongcallername' * 5}@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n"
        "Max-Forwards: 70\r\n",
        ANY,
        SDP,
    ),
    Case(
        "dblreq",
        "REGISTER sip:example.com SIP/2.0",
        "To: sip:j.user@example.com\r\nFrom: sip:j.user@example.com;tag=43251j3j324\r\nMax-Forwards: 8\r\n"
        "I: dblreq.0ha0isndaksdj99sdfafnl3lk233412\r\nContact: sip:j.user@127.0.0.1:9\r\nCSeq: 8 REGISTER\r\n"
        "Content-Length: 0\r\n",
        ANY,
        "\r\nINVITE sip:joe@example.com SIP/2.0\r\nt: sip:joe@example.com\r\n"
        "From: sip:caller@example.net;tag=141334\r\n"
        "Max-Forwards: 8\r\nCall-ID: dblreq.0ha0isnda977644900765@192.0.2.15\r\nCSeq: 8 INVITE\r\n"
        "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234\r\nContent-Length: 0\r\n\r\n",
    ),
    Case(
        "semiuri",
        "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0",
        who("semiuri", "OPTIONS", to="sip:j_user@example.com", rest="Accept: application/sdp,\r\n"
            "        multipart/mixed, multipart/signed,\r\n        message/sip, message/sipfrag\r\n"),
        ANY,
    ),
    Case(
        "transports",
        "OPTIONS sip:user@example.com SIP/2.0",
        "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf\r\n"
        "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj\r\n"
        "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en\r\n"
        "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee\r\n" + who("transports", "OPTIONS"),
        ANY,
    ),
    Case(
        "mpart01",
        "MESSAGE sip:kumiko@example.org SIP/2.0",
        who("mpart01", "MESSAGE", "127004", rest="Route: <sip:127.0.0.1;lr>\r\nMime-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="7a9cbec02ceef655"\r\n'),
        ANY,
        "--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n"
        "--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        "0\udc82\x01R\x06\t*\udc86H\x00\udcf7\r\n\x01\x07\x02\udca0\r\n--7a9cbec02ceef655--\r\n",
    ),
    Case(
        "unreason",
        "SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u0442\u044c",
        who("unreason", "INVITE", "35", to="<sip:user@example.com>;tag=2229"),
    ),
    Case("noreason", "SIP/2.0 100 ", who("noreason", "INVITE", "35")),
    # 3.1.2, invalid
    Case(
        "badinv01",
        "INVITE sip:user@example.com SIP/2.0",
        "To: sip:j.user@example.com\r\nFrom: sip:caller@example.net;tag=134161461246\r\nMax-Forwards: 7\r\n"
        'Call-ID: badinv01.0ha0isndaksdjasdf3234nas\r\nCSeq: 8 INVITE\r\nContact: "Joe" <sip:joe@127.0.0.1:9>;;;;\r\n'
        "Content-Type: application/sdp\r\n",
        "",
        SDP,
        "Via: SIP/2.0/UDP {us};;,;,,",
    ),
    Case(
        "clerr",
        "INVITE sip:user@example.com SIP/2.0",
        who("clerr", "INVITE", "8", rest="Content-Length: 9999\r\nContent-Type: application/sdp\r\n"),
        "",
        SDP,
    ),
    Case(
        "ncl",
        "INVITE sip:user@example.com SIP/2.0",
        who("ncl", "INVITE", "4", rest="Content-Type: application/sdp\r\nContent-Length: -999\r\n"),
        "",
        SDP,
    ),
    Case(
        "scalar02",
        "REGISTER sip:example.com SIP/2.0",
        "To: <sip:user@example.com>\r\nFrom: <sip:user@example.com>;tag=239232jh3\r\nMax-Forwards: 300\r\n"
        "CSeq: 36893488147419103232 REGISTER\r\nCall-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32\r\n"
        f"Expires: 1{'0' * 100}\r\nContact: <sip:user@127.0.0.1:9>;expires=280297596632815\r\n",
    ),
    Case(
        "scalarlg",
        "SIP/2.0 503 Service Unavailable",
        "To: <sip:user@example.com>;tag=2323\r\nFrom: <sip:user@example.com>;tag=2\r\nCall-ID: scalarlg.noase0\r\n"
        'CSeq: 9292394834772304023312 OPTIONS\r\nWarning: 1812 overture "In Progress"\r\n'
        "Retry-After: 949302838503028349304023988\r\n",
    ),
    Case(
        "quotbal",
        "INVITE sip:user@example.com SIP/2.0",
        who("quotbal", "INVITE", to='"Mr. J. User <sip:j.user@example.com>', rest="Content-Type: application/sdp\r\n"),
        "",
        SDP,
    ),
    Case("ltgtruri", "INVITE <sip:user@example.com> SIP/2.0", who("ltgtruri", "INVITE"), "", SDP),
    Case("lwsruri", "INVITE sip:user@example.com; lr SIP/2.0", who("lwsruri", "INVITE"), "", SDP),
    Case("lwsstart", "INVITE  sip:user@example.com  SIP/2.0", who("lwsstart", "INVITE"), "", SDP),
    Case("trws", "OPTIONS sip:remote-target@example.com SIP/2.0  ", who("trws", "OPTIONS")),
    Case(
        "escruri",
        "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0",
        who("escruri", "INVITE", rest="Content-Type: application/sdp\r\n"),
        "",
        SDP,
    ),
    Case(
        "baddate",
        "INVITE sip:user@example.com SIP/2.0",
        who("baddate", "INVITE", rest="Date: Fri, 01 Jan 2010 16:00:00 EST\r\nContent-Type: application/sdp\r\n"),
        ANY,
        SDP,
    ),
    Case(
        "regbadct",
        "REGISTER sip:example.com SIP/2.0",
        who("regbadct", "REGISTER").replace("<sip:caller@127.0.0.1:9>",
                                            "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
    ),
    Case("badaspec", "OPTIONS sip:user@example.org SIP/2.0",
         who("badaspec", "OPTIONS", to='"Watson, Thomas" < sip:t.watson@example.org >')),
    Case("baddn", "OPTIONS sip:t.watson@example.org SIP/2.0",
         who("baddn", "OPTIONS").replace("From: sip:caller@example.org", "From: Bell, A <sip:a.g@example.org>")),
    Case("badvers", "OPTIONS sip:t.watson@example.org SIP/7.0", who("badvers", "OPTIONS"), "",
         via="Via: SIP/7.0/UDP {us};rport;branch=z9hG4bK{name}"),
    Case("mismatch01", "OPTIONS sip:user@example.com SIP/2.0", who("mismatch01", "INVITE", "8")),
    Case("mismatch02", "NEWMETHOD sip:user@example.com SIP/2.0",
         who("mismatch02", "INVITE", "8", rest="Content-Type: application/sdp\r\n"), "", SDP),
    Case("bigcode", "SIP/2.0 4294967301 better not break the receiver", who("bigcode", "INVITE", "35")),
    # 3.2 and 3.3, what transactions and applications make of it
    Case("badbranch", "OPTIONS sip:user@example.com SIP/2.0", who("badbranch", "OPTIONS", "8"), "",
         via="Via: SIP/2.0/UDP {us};rport;branch=z9hG4bK"),
    Case("insuf", "INVITE sip:user@example.com SIP/2.0", "CSeq: 193942 INVITE\r\nContent-Type: application/sdp\r\n",
         "", SDP),
    Case("unkscm", "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", who("unkscm", "OPTIONS")),
    Case("novelsc", "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", who("novelsc", "OPTIONS")),
    Case("unksm2", "REGISTER sip:example.com SIP/2.0",
         who("unksm2", "REGISTER", to="isbn:2983792873").replace("<sip:caller@127.0.0.1:9>", "<name:John_Smith>")
         .replace("sip:caller@example.org", "<http://www.example.com>")),
    Case(
        "bext01",
        "OPTIONS sip:user@example.com SIP/2.0",
        who("bext01", "OPTIONS", "8", rest="Require: nothingSupportsThis, nothingSupportsThisEither\r\n"
            "Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n"),
        ANY,
    ),
    Case(
        "invut",
        "INVITE sip:user@example.com SIP/2.0",
        who("invut", "INVITE", "8", rest="Content-Type: application/unknownformat\r\n"),
        "415",
        '<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n',
    ),
    Case("regaut01", "REGISTER sip:example.com SIP/2.0",
         who("regaut01", "REGISTER", rest="Authorization: NoOneKnowsThisScheme opaque-data=here\r\n")),
    Case(
        "multi01",
        "INVITE sip:user@company.com SIP/2.0",
        who("multi01", "INVITE", "5", rest="CSeq: 59 INVITE\r\nCall-ID: multi01.98asdh@192.0.2.2\r\n"
            "From: sip:caller@example.net;tag=3413415\r\nTo: sip:other@example.net\r\nMax-Forwards: 5\r\n"
            "Content-Type: application/sdp\r\n"),
        "",
        SDP,
    ),
    Case("mcl01", "OPTIONS sip:user@example.com SIP/2.0",
         who("mcl01", "OPTIONS", rest="Content-Length: 13\r\nContent-Length: 5\r\n"), "", "There's no way"),
    Case("bcast", "SIP/2.0 200 OK", who("bcast", "INVITE", "8", to="<sip:user@example.com>;tag=4ee2"), "", SDP,
         "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"),
    Case("zeromf", "OPTIONS sip:user@example.com SIP/2.0",
         who("zeromf", "OPTIONS").replace("Max-Forwards: 70", "Max-Forwards: 0"), ANY),
    Case("cparam01", "REGISTER sip:example.com SIP/2.0",
         who("cparam01", "REGISTER").replace("127.0.0.1:9>", "127.0.0.1:9>;unknownparam"), ANY),
    Case("cparam02", "REGISTER sip:example.com SIP/2.0",
         who("cparam02", "REGISTER").replace("127.0.0.1:9>", "127.0.0.1:9;unknownparam>"), ANY),
    Case("regescrt", "REGISTER sip:example.com SIP/2.0",
         who("regescrt", "REGISTER").replace("127.0.0.1:9>", "127.0.0.1:9?Route=%3Csip:sip.example.com%3E>"), ANY),
    Case("sdp01", "INVITE sip:user@example.com SIP/2.0",
         who("sdp01", "INVITE", "5", rest="Accept: text/nobodyKnowsThis\r\nContent-Type: application/sdp\r\n"),
         ANY, SDP),
    # 3.4, as RFC 2543 had it: no branch, no tag
    Case(
        "inv2543",
        "INVITE sip:UserB@example.com SIP/2.0",
        "Record-Route: <sip:UserB@127.0.0.1;maddr=127.0.0.1>\r\nFrom: <sip:+13035551111@ift.client.net;user=phone>\r\n"
        "To: sip:+16505552222@ss1.example.net;user=phone\r\nCall-ID: inv2543.1717@ift.client.com\r\nCSeq: 56 INVITE\r\n"
        "Contact: <sip:+13035551111@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n",
        ANY,
        SDP,
        "Via: SIP/2.0/UDP {us}",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    way = Way(past_registrar=True)
    with besieged(tmp_path_factory.mktemp("torture"), way) as siege:
        yield siege


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_of_rfc_4475_is_answered_or_survived(siege: Siege, case: Case) -> None:
    answer = b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(PATIENCE_S)
        peer.sendto(case.message(f"127.0.0.1:{peer.getsockname()[1]}"), ("127.0.0.1", siege.server.target_port))
        while case.answers and not (answer and answer[8:9] > b"1"):
            answer = peer.recv(65536)
    assert re.match(rb"(?:SIP/2.0 )?(?:" + case.answers.encode() + rb")", answer), answer[:200]
    assert siege.server.ping()


def test_the_next_call_works_after_them(siege: Siege, tmp_path: Path) -> None:
    for case in CASES:
        siege.server.send([case.message("127.0.0.1:9")])
    siege.assert_works()
