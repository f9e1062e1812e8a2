/* A filter around libsrtp2 (Debian libsrtp2-dev): gcc filter.c -lsrtp2. It does one thing per frame on its standard input, which is
 * how keys never appear on a command line or in a file, and answers each with one frame on its standard output.
 *
 * A frame is a length (4 octets, network order), an operation, and data:
 *   K  number of the suite, length of the key with its salt, key to protect with, key to unprotect with
 *   p  RTP to protect      P  RTCP to protect      u  SRTP to unprotect      U  SRTCP to unprotect
 * An answer is a length, libsrtp's status (0: done), its roll-over counter of the packet's SSRC (4 octets; RTP only), and the packet. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

static srtp_t sender, receiver;

typedef void (*policy)(srtp_crypto_policy_t *);

/* RFC 4568 section 6.2, RFC 6188, RFC 7714: SRTCP has a tag of 80 bits whatever SRTP has. */
static const struct { policy rtp, rtcp; int length; } suites[] = {
    {srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtcp_default, 30},
    {srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtcp_default, 30},
    {srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46},
    {srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46},
    {srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth, 28},
    {srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth, 44},
};

static int create(srtp_t *to, int suite, unsigned char *key, srtp_ssrc_type_t whose) {
    srtp_policy_t p;
    memset(&p, 0, sizeof p);
    suites[suite].rtp(&p.rtp);
    suites[suite].rtcp(&p.rtcp);
    p.ssrc.type = whose;
    p.key = key;
    p.window_size = 1024;
    return srtp_create(to, &p);
}

static int set_keys(unsigned char *b, unsigned n) {
    if (n < 2 || b[0] >= sizeof suites / sizeof *suites || b[1] != suites[b[0]].length || n != 2u + 2 * b[1])
        return srtp_err_status_bad_param;
    if (sender)
        srtp_dealloc(sender);
    if (receiver)
        srtp_dealloc(receiver);
    sender = receiver = NULL;
    int e = create(&sender, b[0], b + 2, ssrc_any_outbound);
    return e ? e : create(&receiver, b[0], b + 2 + b[1], ssrc_any_inbound);
}

static void roll_over(srtp_t session, const unsigned char *packet, unsigned char *out) {
    uint32_t ssrc = (uint32_t)packet[8] << 24 | packet[9] << 16 | packet[10] << 8 | packet[11], roc = 0;
    srtp_get_stream_roc(session, ssrc, &roc);
    for (int i = 0; i < 4; i++)
        out[i] = roc >> (24 - 8 * i);
}

static int operate(unsigned char op, unsigned char *b, int *n, unsigned char *roc) {
    int e;
    if (op == 'K') {
        e = set_keys(b, *n);
        *n = 0;
        return e;
    }
    if (!sender || *n < 8)
        return srtp_err_status_bad_param;
    switch (op) {
    case 'p':
    case 'u':
        if (*n < 12)
            return srtp_err_status_bad_param;
        e = op == 'p' ? srtp_protect(sender, b, n) : srtp_unprotect(receiver, b, n);
        roll_over(op == 'p' ? sender : receiver, b, roc);
        return e;
    case 'P':
        return srtp_protect_rtcp(sender, b, n);
    case 'U':
        return srtp_unprotect_rtcp(receiver, b, n);
    }
    return srtp_err_status_bad_param;
}

int main(void) {
    static _Alignas(8) unsigned char b[4096];
    unsigned char head[5], answer[9];
    if (srtp_init())
        return 1;
    while (fread(head, 1, 5, stdin) == 5) {
        unsigned length = (unsigned)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
        if (length < 1 || length - 1 > sizeof b - SRTP_MAX_TRAILER_LEN - 16 || fread(b, 1, length - 1, stdin) != length - 1)
            return 2;
        int n = (int)length - 1;
        memset(answer, 0, sizeof answer);
        answer[4] = (unsigned char)operate(head[4], b, &n, answer + 5);
        if (answer[4])
            n = 0;
        for (int i = 0; i < 4; i++)
            answer[i] = (unsigned)(n + 5) >> (24 - 8 * i);
        if (fwrite(answer, 1, 9, stdout) != 9 || fwrite(b, 1, n, stdout) != (size_t)n || fflush(stdout))
            return 3;
    }
    return 0;
}
