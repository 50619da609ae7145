/* The stack: threads, names, headers, and what this build is. */

#include "wecall.h"
#include <openssl/crypto.h>
#include <opus/opus.h>
#include <srtp2/srtp.h>
#include <pjsip.h>
#include <pjmedia.h>
#include <pjsua-lib/pjsua.h>

/* --- threads -------------------------------------------------------------------------------------------------------- */

/* Make the calling thread known to the library, which ends the process where a stranger calls in. */
WECALL void wecall_thread_register(const char *name)
{
    static __thread pj_thread_desc description;
    pj_thread_t *thread;

    if (!pj_thread_is_registered()) pj_thread_register(name, description, &thread);
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

typedef void (*wecall_asked)(const char *host, long length, int type, int flag, int port, void *token, void *answer);

static wecall_asked asked;

static void resolve(pjsip_resolver_t *resolver, pj_pool_t *pool, const pjsip_host_info *target, void *token,
                    pjsip_resolver_callback *answer)
{
    PJ_UNUSED_ARG(resolver);
    PJ_UNUSED_ARG(pool);
    asked(target->addr.host.ptr, target->addr.host.slen, target->type, (int)target->flag, target->addr.port, token,
          (void *)answer);
}

static pjsip_ext_resolver resolver = { &resolve };

/* Ask `whom` for the address of each name from now on. */
WECALL void wecall_names_start(wecall_asked whom)
{
    asked = whom;
    pjsip_endpt_set_ext_resolver(pjsua_get_pjsip_endpt(), &resolver);
}

/* Answer with an address and the transport to reach it by; with an empty one where there is none. */
WECALL void wecall_names_answer(void *answer, void *token, const char *address, int type, int port)
{
    pjsip_resolver_callback *tell = (pjsip_resolver_callback *)answer;
    pjsip_server_addresses found;
    pj_str_t text = pj_str((char *)address);

    pj_bzero(&found, sizeof(found));
    if (!text.slen || pj_sockaddr_parse(pj_AF_UNSPEC(), 0, &text, &found.entry[0].addr) != PJ_SUCCESS) {
        tell(PJ_ERESOLVE, token, NULL);
        return;
    }
    pj_sockaddr_set_port(&found.entry[0].addr, (pj_uint16_t)port);
    type &= ~PJSIP_TRANSPORT_IPV6;
    if (found.entry[0].addr.addr.sa_family == pj_AF_INET6()) type |= PJSIP_TRANSPORT_IPV6;
    found.count = 1;
    found.entry[0].type = (pjsip_transport_type_e)type;
    found.entry[0].addr_len = (int)pj_sockaddr_get_len(&found.entry[0].addr);
    tell(PJ_SUCCESS, token, &found);
}

/* --- messages ------------------------------------------------------------------------------------------------------- */

/* Name an extension in the Supported header of every request and answer from now on. */
WECALL void wecall_option_tag(const char *tag)
{
    pj_str_t text = pj_str((char *)tag);

    pjsip_endpt_add_capability(pjsua_get_pjsip_endpt(), NULL, PJSIP_H_SUPPORTED, NULL, 1, &text);
}

/* Say in a session description of ours, which is about to be sent, whether the call is recorded here: "on", "off" or
   "paused" (RFC 7866 section 6.1.2). */
WECALL void wecall_describe_recording(pjmedia_sdp_session *session, const char *sign)
{
    static pjmedia_sdp_attr signs[] = {
        { { "record", 6 }, { "on", 2 } }, { { "record", 6 }, { "off", 3 } }, { { "record", 6 }, { "paused", 6 } },
    };
    unsigned at;

    for (at = 0; at < PJ_ARRAY_SIZE(signs); ++at)
        if (pj_strcmp2(&signs[at].value, sign) == 0) pjmedia_sdp_session_add_attr(session, &signs[at]);
}

/* Name a codec, such as "opus", first in the audio lines of a session description: of an offer of ours, which is about to
   be sent, or of one of theirs, which is answered in its order (RFC 3264 section 6.1). One without it stays as it is. */
WECALL void wecall_name_first(pjmedia_sdp_session *session, const char *codec)
{
    unsigned line, at;

    for (line = 0; line < session->media_count; ++line) {
        pjmedia_sdp_media *media = session->media[line];

        if (pj_strcmp2(&media->desc.media, "audio") != 0) continue;
        for (at = 0; at < media->desc.fmt_count; ++at) {
            const pj_str_t format = media->desc.fmt[at];
            const pjmedia_sdp_attr *map = pjmedia_sdp_media_find_attr2(media, "rtpmap", &format);
            pjmedia_sdp_rtpmap named;

            if (!map || pjmedia_sdp_attr_get_rtpmap(map, &named) != PJ_SUCCESS) continue;
            if (pj_stricmp2(&named.enc_name, codec) != 0) continue;
            pj_array_erase(media->desc.fmt, sizeof(format), media->desc.fmt_count, at);
            pj_array_insert(media->desc.fmt, sizeof(format), media->desc.fmt_count - 1, 0, &format);
            break;
        }
    }
}

/* Leave every connection to a server; whoever needs one makes another. */
WECALL void wecall_shut_connections(void)
{
    pjsip_tpmgr_shutdown_param how;

    pjsip_tpmgr_shutdown_param_default(&how);
    how.force = PJ_FALSE;
    how.include_udp = PJ_FALSE;
    pjsip_tpmgr_shutdown_all(pjsip_endpt_get_tpmgr(pjsua_get_pjsip_endpt()), &how);
}

/* --- this build ----------------------------------------------------------------------------------------------------- */

/* Name the libraries that are linked, as `name version` a line. */
WECALL const char *wecall_linked(void)
{
    static char text[256];

    pj_ansi_snprintf(text, sizeof(text), "pjproject %s\n%s\n%s\n%s\n", pj_get_version(),
                     OpenSSL_version(OPENSSL_VERSION), opus_get_version_string(), srtp_get_version_string());
    return text;
}

/* Which recipe made this build; firmware/voice/sip/native.py asks for the one that it was written for. */
WECALL int wecall_edition(void)
{
    return WECALL_EDITION;
}
