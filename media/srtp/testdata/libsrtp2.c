/* Writes what libsrtp2 protects, for TestLibsrtp: gcc libsrtp2.c -lsrtp2 && ./a.out > libsrtp2.txt (Debian libsrtp2-dev).
 * Lines: suite NAME MKI | rtp CLEAR PROTECTED | rtcp CLEAR PROTECTED, in hexadecimal; packets of a suite are in order. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

static void hex(const unsigned char *b, int n) { for (int i = 0; i < n; i++) printf("%02x", b[i]); }

static int rtp(unsigned char *b, int seq, unsigned ssrc, int n, int ext) {
    memset(b, 0, 2048);
    b[0] = ext ? 0x91 : 0x80; b[1] = 0x80 | 96; b[2] = seq >> 8; b[3] = seq; b[7] = seq;
    b[8] = ssrc >> 24; b[9] = ssrc >> 16; b[10] = ssrc >> 8; b[11] = ssrc;
    int at = 12;
    if (ext) { b[15] = 7; b[16] = 0xbe; b[17] = 0xde; b[19] = 1; b[20] = 0x10; b[21] = 0xaa; at = 24; }
    for (int i = 0; i < n; i++) b[at + i] = i * 7 + seq;
    return at + n;
}

static int rtcp(unsigned char *b, unsigned ssrc, int i) {
    memset(b, 0, 2048);
    b[0] = 0x80; b[1] = 200; b[3] = 6;
    b[4] = ssrc >> 24; b[5] = ssrc >> 16; b[6] = ssrc >> 8; b[7] = ssrc;
    for (int k = 8; k < 28; k++) b[k] = k + i;
    return 28;
}

static void run(const char *name, void (*set)(srtp_crypto_policy_t *), void (*setc)(srtp_crypto_policy_t *), int keylen, int mki) {
    unsigned char key[64], b[2048], clear[2048], id[4] = {1, 2, 3, 4};
    for (int i = 0; i < 64; i++) key[i] = i * 5 + 1;
    srtp_policy_t p; srtp_t s;
    srtp_master_key_t mk = {key, id, 4}, *mks[1] = {&mk};
    memset(&p, 0, sizeof p);
    set(&p.rtp); setc(&p.rtcp);
    p.ssrc.type = ssrc_any_outbound; p.window_size = 128;
    if (mki) { p.keys = mks; p.num_master_keys = 1; } else p.key = key;
    if (srtp_create(&s, &p)) { fprintf(stderr, "create %s\n", name); return; }
    printf("suite %s %s\nkey ", name, mki ? "01020304" : "-"); hex(key, keylen); printf("\n");
    int seqs[] = {65533, 65534, 0, 65535, 1, 2, 32000, 64000, 65530, 10, 11};
    for (int k = 0; k < 11; k++) for (int who = 0; who < 2; who++) {
        int n = rtp(b, seqs[k], 0xcafe0000 + who, 17 * k + who, who), c = n;
        memcpy(clear, b, n);
        int e = mki ? srtp_protect_mki(s, b, &n, 1, 0) : srtp_protect(s, b, &n);
        if (e) { fprintf(stderr, "%s rtp %d: %d\n", name, seqs[k], e); continue; }
        printf("rtp "); hex(clear, c); printf(" "); hex(b, n); printf("\n");
    }
    for (int k = 0; k < 3; k++) {
        int n = rtcp(b, 0xcafe0000, k), c = n;
        memcpy(clear, b, n);
        int e = mki ? srtp_protect_rtcp_mki(s, b, &n, 1, 0) : srtp_protect_rtcp(s, b, &n);
        if (e) { fprintf(stderr, "%s rtcp: %d\n", name, e); continue; }
        printf("rtcp "); hex(clear, c); printf(" "); hex(b, n); printf("\n");
    }
    srtp_dealloc(s);
}

int main(void) {
    srtp_init();
    for (int mki = 0; mki < 2; mki++) {
        run("AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default, 30, mki);
        run("AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default, 30, mki);
        run("AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46, mki);
        run("AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46, mki);
        run("AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth, 28, mki);
        run("AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth, 44, mki);
    }
    return 0;
}
