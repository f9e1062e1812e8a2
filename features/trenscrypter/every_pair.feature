@trenscrypter
Feature: Every encryption of leg A to every encryption of leg B
  All callers of one mode at once, each to a callee of its own: one for every mode, with audio and with audio and video. The pairs
  with video use rtcp-mux; the roles in DTLS go round.

  Background:
    Given the modes of encryption
      | mode                          | encryption | suite                   |
      | none                          | none       |                         |
      | sdes_AES_CM_128_HMAC_SHA1_80  | sdes       | AES_CM_128_HMAC_SHA1_80 |
      | sdes_AES_CM_128_HMAC_SHA1_32  | sdes       | AES_CM_128_HMAC_SHA1_32 |
      | sdes_AES_256_CM_HMAC_SHA1_80  | sdes       | AES_256_CM_HMAC_SHA1_80 |
      | sdes_AES_256_CM_HMAC_SHA1_32  | sdes       | AES_256_CM_HMAC_SHA1_32 |
      | sdes_AEAD_AES_128_GCM         | sdes       | AEAD_AES_128_GCM        |
      | sdes_AEAD_AES_256_GCM         | sdes       | AEAD_AES_256_GCM        |
      | dtls_AES_CM_128_HMAC_SHA1_80  | dtls-srtp  | AES_CM_128_HMAC_SHA1_80 |
      | dtls_AES_CM_128_HMAC_SHA1_32  | dtls-srtp  | AES_CM_128_HMAC_SHA1_32 |
      | dtls_AEAD_AES_128_GCM         | dtls-srtp  | AEAD_AES_128_GCM        |
      | dtls_AEAD_AES_256_GCM         | dtls-srtp  | AEAD_AES_256_GCM        |
      | zrtp_AES_CM_128_HMAC_SHA1_80  | zrtp       | AES_CM_128_HMAC_SHA1_80 |
      | zrtp_AEAD_AES_128_GCM         | zrtp       | AEAD_AES_128_GCM        |
      | zrtp_AEAD_AES_256_GCM         | zrtp       | AEAD_AES_256_GCM        |
    And the settings
      | setting                                        | value |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | none sip:callee_none_.* sdes sip:callee_sdes_.* dtls-srtp sip:callee_dtls_.* zrtp sip:callee_zrtp_.* |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AES_CM_128_HMAC_SHA1_80 .*AES_CM_128_HMAC_SHA1_80.* AES_CM_128_HMAC_SHA1_32 .*AES_CM_128_HMAC_SHA1_32.* AES_256_CM_HMAC_SHA1_80 .*AES_256_CM_HMAC_SHA1_80.* AES_256_CM_HMAC_SHA1_32 .*AES_256_CM_HMAC_SHA1_32.* AEAD_AES_128_GCM .*AEAD_AES_128_GCM.* AEAD_AES_256_GCM .*AEAD_AES_256_GCM.* |
    And b2bua runs behind the proxy of sip.example.org

  @3.1
  Scenario Outline: <leg A> to all
    Given callers with <leg A>, for callees of every mode, with audio and with video too
    When all callers call at once
    Then each of them hears its own partner
    And each of them with video sees its own partner
    And each leg is encrypted as its phone wants it
    And each phone with ZRTP has the SAS that b2bua tells
    And the two legs of each call have different SAS
    And each of them receives RTCP reports
    And nothing can be heard or seen on the wire of an encrypted leg
    And nobody lost a packet, received one twice, or one that was not for it
    When all callers hang up at once
    Then all of them are free again
    And b2bua has closed the media ports of the call

    Examples:
      | leg A                        |
      | none                         |
      | sdes_AES_CM_128_HMAC_SHA1_80 |
      | sdes_AES_CM_128_HMAC_SHA1_32 |
      | sdes_AES_256_CM_HMAC_SHA1_80 |
      | sdes_AES_256_CM_HMAC_SHA1_32 |
      | sdes_AEAD_AES_128_GCM        |
      | sdes_AEAD_AES_256_GCM        |
      | dtls_AES_CM_128_HMAC_SHA1_80 |
      | dtls_AES_CM_128_HMAC_SHA1_32 |
      | dtls_AEAD_AES_128_GCM        |
      | dtls_AEAD_AES_256_GCM        |
      | zrtp_AES_CM_128_HMAC_SHA1_80 |
      | zrtp_AEAD_AES_128_GCM        |
      | zrtp_AEAD_AES_256_GCM        |
