/* A filter around libbzrtp and libsrtp2 (Debian libbzrtp-dev, libsrtp2-dev): gcc filter.c -lbzrtp -lbctoolbox -lsqlite3 -lsrtp2. It is
 * one end of a call that has neither sockets nor a clock: each frame on its standard input is one thing that happens to it, and each
 * is answered by one frame on its standard output with all that it wants done. Keys stay inside.
 *
 * A frame is a length (4 octets, network order), an operation, a channel, and data:
 *   C  begin a call; lines "key value": ssrc, cache, self, peer, and hash, cipher, auth, agreement, sas with codes of four characters
 *   A  add a channel; its SSRC            H  value for a=zrtp-hash           h  the peer's value of a=zrtp-hash
 *   S  start                              T  time, milliseconds (8 octets)   Z  a ZRTP packet
 *   V  the SAS was compared: the same     v  or not                          D  end of the call, the cache is closed
 *   p  RTP to protect    P  RTCP to protect    u  SRTP to unprotect    U  SRTCP to unprotect
 * An answer is a length, a status (0: done; of bzrtp its lower octet, of p P u U libsrtp's) and records of a kind, a channel, a length
 * (2 octets) and data:
 *   s  a ZRTP packet to send     r  the keys to receive are in use     t  the keys to send are in use
 *   e  secure; lines "key value" m  a message of the library           d  the result of the operation */
#include <bctoolbox/port.h>
#include <bzrtp/bzrtp.h>
#include <sqlite3.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS 4
#define MOST 65536

typedef struct {
    int number;
    uint32_t ssrc;
    srtp_t sender, receiver;
} channel;

static bzrtpContext_t *context;
static sqlite3 *cache;
static bctbx_mutex_t lock;
static channel channels[CHANNELS];
static int channel_count;

static unsigned char answer[MOST];
static unsigned length;

static void record(int kind, int number, const void *data, unsigned n) {
    if (length + 4 + n > sizeof answer)
        exit(4);
    answer[length++] = (unsigned char)kind;
    answer[length++] = (unsigned char)number;
    answer[length++] = (unsigned char)(n >> 8);
    answer[length++] = (unsigned char)n;
    memcpy(answer + length, data, n);
    length += n;
}

/* Codes of RFC 6189 sections 5.1.2 to 5.1.6 and bzrtp's numbers for them. */
static const struct {
    char code[5];
    uint8_t kind, number;
} algorithms[] = {
    {"S256", ZRTP_HASH_TYPE, ZRTP_HASH_S256},
    {"S384", ZRTP_HASH_TYPE, ZRTP_HASH_S384},
    {"AES1", ZRTP_CIPHERBLOCK_TYPE, ZRTP_CIPHER_AES1},
    {"AES3", ZRTP_CIPHERBLOCK_TYPE, ZRTP_CIPHER_AES3},
    {"HS32", ZRTP_AUTHTAG_TYPE, ZRTP_AUTHTAG_HS32},
    {"HS80", ZRTP_AUTHTAG_TYPE, ZRTP_AUTHTAG_HS80},
    {"DH2k", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_DH2k},
    {"DH3k", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_DH3k},
    {"X255", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_X255},
    {"X448", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_X448},
    {"Mult", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_Mult},
    {"B32 ", ZRTP_SAS_TYPE, ZRTP_SAS_B32},
    {"B256", ZRTP_SAS_TYPE, ZRTP_SAS_B256},
};
#define ALGORITHMS (sizeof algorithms / sizeof *algorithms)

static const char *code_of(uint8_t number) {
    for (unsigned i = 0; i < ALGORITHMS; i++)
        if (algorithms[i].number == number)
            return algorithms[i].code;
    return "none";
}

/* What bzrtp calls back. */

static int on_message(void *data, uint8_t level, uint8_t id, const char *text) {
    char line[256];
    int n = snprintf(line, sizeof line, "level %u id %u %s", level, id, text ? text : "");
    record('m', ((channel *)data)->number, line, n < (int)sizeof line ? (unsigned)n : (unsigned)sizeof line - 1);
    return 0;
}

static int on_send(void *data, const uint8_t *packet, uint16_t n) {
    record('s', ((channel *)data)->number, packet, n);
    return 0;
}

/* With HS32 SRTCP has a tag of 32 bits as well: RFC 6189 section 5.1.4 names one length for both, and so do it Linphone's mediastreamer2
 * and the other implementations of ZRTP, against RFC 3711 section 3.4. */
static void policy_of(const bzrtpSrtpSecrets_t *s, srtp_crypto_policy_t *p) {
    int tag32 = s->authTagAlgo == ZRTP_AUTHTAG_HS32;
    if (s->cipherAlgo == ZRTP_CIPHER_AES3)
        (tag32 ? srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32 : srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80)(p);
    else
        (tag32 ? srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32 : srtp_crypto_policy_set_rtp_default)(p);
}

static int create(srtp_t *to, const bzrtpSrtpSecrets_t *s, const uint8_t *key, int key_length, const uint8_t *salt, int salt_length,
                  srtp_ssrc_type_t whose) {
    unsigned char master[46];
    srtp_policy_t p;
    memset(&p, 0, sizeof p);
    policy_of(s, &p.rtp);
    policy_of(s, &p.rtcp);
    if (salt_length != 14 || (unsigned)key_length + 14 > sizeof master || key_length + 14 != p.rtp.cipher_key_len)
        return -1;
    memcpy(master, key, key_length);
    memcpy(master + key_length, salt, 14);
    p.ssrc.type = whose;
    p.key = master;
    p.window_size = 1024;
    return srtp_create(to, &p);
}

static int on_secrets(void *data, const bzrtpSrtpSecrets_t *s, uint8_t part) {
    channel *c = data;
    if (part & ZRTP_SRTP_SECRETS_FOR_RECEIVER && !c->receiver) {
        if (create(&c->receiver, s, s->peerSrtpKey, s->peerSrtpKeyLength, s->peerSrtpSalt, s->peerSrtpSaltLength, ssrc_any_inbound))
            return -1;
        record('r', c->number, "", 0);
    }
    if (part & ZRTP_SRTP_SECRETS_FOR_SENDER && !c->sender) {
        if (create(&c->sender, s, s->selfSrtpKey, s->selfSrtpKeyLength, s->selfSrtpSalt, s->selfSrtpSaltLength, ssrc_any_outbound))
            return -1;
        record('t', c->number, "", 0);
    }
    return 0;
}

static int on_secure(void *data, const bzrtpSrtpSecrets_t *s, int32_t verified) {
    char text[256];
    int n = snprintf(text, sizeof text, "sas %s\nhash %s\ncipher %s\nauth %s\nagreement %s\nrendering %s\nverified %d\nmismatch %d\n", s->sas ? s->sas : "",
                     code_of(s->hashAlgo), code_of(s->cipherAlgo), code_of(s->authTagAlgo), code_of(s->keyAgreementAlgo), code_of(s->sasAlgo),
                     verified, s->cacheMismatch);
    record('e', ((channel *)data)->number, text, (unsigned)n);
    return 0;
}

static const bzrtpCallbacks_t callbacks = {
    .bzrtp_statusMessage = on_message,
    .bzrtp_messageLevel = BZRTP_MESSAGE_LOG,
    .bzrtp_sendData = on_send,
    .bzrtp_srtpSecretsAvailable = on_secrets,
    .bzrtp_startSrtpSession = on_secure,
};

/* The call. */

static void hang_up(void) {
    for (int i = 0; i < channel_count; i++) {
        if (context)
            bzrtp_destroyBzrtpContext(context, channels[i].ssrc);
        if (channels[i].sender)
            srtp_dealloc(channels[i].sender);
        if (channels[i].receiver)
            srtp_dealloc(channels[i].receiver);
    }
    memset(channels, 0, sizeof channels);
    context = NULL;
    channel_count = 0;
    sqlite3_close(cache);
    cache = NULL;
}

static int new_channel(uint32_t ssrc) {
    if (channel_count == CHANNELS)
        return -1;
    channel *c = channels + channel_count;
    c->number = channel_count++;
    c->ssrc = ssrc;
    int e = c->number == 0 ? bzrtp_initBzrtpContext(context, ssrc) : bzrtp_addChannel(context, ssrc);
    return e && e != BZRTP_CACHE_SETUP ? e : bzrtp_setClientData(context, ssrc, c);
}

static int algorithm_list(uint8_t kind, char *codes) {
    uint8_t list[7];
    unsigned n = 0;
    for (char *p = codes; strlen(p) >= 4 && n < 7; p += p[4] ? 5 : 4) {
        unsigned i = 0;
        while (i < ALGORITHMS && (algorithms[i].kind != kind || memcmp(algorithms[i].code, p, 4)))
            i++;
        if (i == ALGORITHMS)
            return -1;
        list[n++] = algorithms[i].number;
    }
    bzrtp_setSupportedCryptoTypes(context, kind, list, (uint8_t)n);
    return 0;
}

static int call(char *text) {
    static const struct {
        const char *key;
        uint8_t kind;
    } lists[] = {{"hash", ZRTP_HASH_TYPE},
                 {"cipher", ZRTP_CIPHERBLOCK_TYPE},
                 {"auth", ZRTP_AUTHTAG_TYPE},
                 {"agreement", ZRTP_KEYAGREEMENT_TYPE},
                 {"sas", ZRTP_SAS_TYPE}};
    const char *path = NULL, *self = "sip:self@example.org", *peer = "sip:peer@example.org";
    uint32_t ssrc = 1;
    hang_up();
    context = bzrtp_createBzrtpContext();
    if (!context || bzrtp_setCallbacks(context, &callbacks))
        return -1;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *value = strchr(line, ' ');
        if (!value)
            return -1;
        *value++ = 0;
        if (!strcmp(line, "ssrc"))
            ssrc = (uint32_t)strtoul(value, NULL, 16);
        else if (!strcmp(line, "cache"))
            path = value;
        else if (!strcmp(line, "self"))
            self = value;
        else if (!strcmp(line, "peer"))
            peer = value;
        else {
            unsigned i = 0;
            while (i < sizeof lists / sizeof *lists && strcmp(lists[i].key, line))
                i++;
            if (i == sizeof lists / sizeof *lists || algorithm_list(lists[i].kind, value))
                return -1;
        }
    }
    if (path) {
        if (sqlite3_open(path, &cache) != SQLITE_OK)
            return -1;
        int e = bzrtp_setZIDCache_lock(context, cache, self, peer, &lock);
        if (e && e != BZRTP_CACHE_SETUP)
            return e;
    }
    return new_channel(ssrc);
}

static int at_time(const unsigned char *b) {
    uint64_t now = 0;
    for (int i = 0; i < 8; i++)
        now = now << 8 | b[i];
    for (int i = 0; i < channel_count; i++)
        bzrtp_iterate(context, channels[i].ssrc, now); /* a channel that has not started is no error here */
    return 0;
}

static int srtp_operation(unsigned char op, channel *c, unsigned char *b, int n) {
    int e;
    srtp_t s = op == 'p' || op == 'P' ? c->sender : c->receiver;
    if (!s || n < (op == 'p' || op == 'u' ? 12 : 8))
        return srtp_err_status_bad_param;
    switch (op) {
    case 'p': e = srtp_protect(s, b, &n); break;
    case 'P': e = srtp_protect_rtcp(s, b, &n); break;
    case 'u': e = srtp_unprotect(s, b, &n); break;
    default: e = srtp_unprotect_rtcp(s, b, &n);
    }
    if (!e)
        record('d', c->number, b, (unsigned)n);
    return e;
}

static int operate(unsigned char op, int number, unsigned char *b, unsigned n) {
    b[n] = 0; /* a text ends somewhere */
    if (op == 'C')
        return call((char *)b);
    if (op == 'D') {
        hang_up();
        return 0;
    }
    if (!context)
        return -1;
    if (op == 'A')
        return n == 4 ? new_channel((uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) : -1;
    if (op == 'T')
        return n == 8 ? at_time(b) : -1;
    if (number >= channel_count)
        return -1;
    channel *c = channels + number;
    uint8_t hash[80];
    int e;
    switch (op) {
    case 'H':
        if ((e = bzrtp_getSelfHelloHash(context, c->ssrc, hash, sizeof hash)) == 0)
            record('d', number, hash, (unsigned)strlen((char *)hash));
        return e;
    case 'h': return bzrtp_setPeerHelloHash(context, c->ssrc, b, n);
    case 'S': return bzrtp_startChannelEngine(context, c->ssrc);
    case 'Z': bzrtp_processMessage(context, c->ssrc, b, (uint16_t)n); return 0; /* it drops what it has no use for */
    case 'V': bzrtp_SASVerified(context); return 0;
    case 'v': bzrtp_resetSASVerified(context); return 0;
    case 'p': case 'P': case 'u': case 'U': return srtp_operation(op, c, b, (int)n);
    }
    return -1;
}

int main(void) {
    static _Alignas(8) unsigned char b[8192];
    unsigned char head[6];
    if (srtp_init())
        return 1;
    bctbx_mutex_init(&lock, NULL);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        unsigned n = (unsigned)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
        if (n < 2 || n - 2 > sizeof b - SRTP_MAX_TRAILER_LEN - 16 || fread(b, 1, n - 2, stdin) != n - 2)
            return 2;
        length = 5;
        int e = operate(head[4], head[5], b, n - 2);
        answer[4] = (unsigned char)(e && !(e & 0xff) ? 0xff : e);
        for (int i = 0; i < 4; i++)
            answer[i] = (unsigned char)((length - 4) >> (24 - 8 * i));
        if (fwrite(answer, 1, length, stdout) != length || fflush(stdout))
            return 3;
    }
    hang_up();
    return 0;
}
