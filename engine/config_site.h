/* How the handset builds pjproject; each switch that is not the library's own choice has its reason. */

/* A broken rule inside the library is answered with an error, not with abort(): a phone goes on. PJ_ASSERT_RETURN still
   checks. The build for the fuzzer keeps assertions. */
#ifndef WECALL_DEBUG
#define NDEBUG 1
#endif
#define PJ_ENABLE_EXTRA_CHECK 1
#define PJ_OS_HAS_CHECK_STACK 0
#define PJ_TODO(x)

#define PJ_HAS_IPV6 1
#define PJ_LOG_MAX_LEVEL 5

/* Handles by epoll: a flood of calls does not use them up. */
#define PJ_IOQUEUE_MAX_HANDLES 1024
#define PJ_IOQUEUE_HAS_SAFE_UNREG 1

/* Our own address is asked of the kernel, never of a name server: the thread of SIP would wait for one that is silent. */
#define PJ_GETHOSTIP_DISABLE_LOCAL_RESOLUTION 1

/* A subscription costs its server three messages each way whenever it is renewed (docs/adr/0146). */
#define PJSIP_DLG_EVENT_DEFAULT_EXPIRES 7200

#define PJSUA_MAX_CALLS 32
#define PJSUA_MAX_ACC 16
#define PJSUA_MAX_CONF_PORTS 128

#define PJMEDIA_HAS_VIDEO 0
#define PJMEDIA_HAS_L16_CODEC 0
#define PJMEDIA_HAS_SPEEX_AEC 0
#define PJMEDIA_HAS_OPUS_CODEC 1
#define PJMEDIA_RESAMPLE_IMP PJMEDIA_RESAMPLE_SPEEX
#define PJMEDIA_SRTP_HAS_DTLS 1

/* Text repeats as many packets as keep it whole where every tenth is lost; whoever takes fewer says so. */
#define PJMEDIA_TXT_STREAM_MAX_RED_LEVELS 4
#define PJSUA_TXT_DEFAULT_REDUNDANCY_LEVEL 4

/* No "b=": what it said was right for a codec alone, without redundancy, and linphone, which takes headers from it too, was
   left 16 kbit/s of Opus and had no room for in-band FEC. */
#define PJMEDIA_ADD_BANDWIDTH_TIAS_IN_SDP 0

/* RTCP never moves to whoever sends it often enough; native/media.c says who may send. */
#define PJMEDIA_RTCP_NAT_PROBATION_CNT 0x7FFFFFFF
