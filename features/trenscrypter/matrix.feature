@trenscrypter
Feature: Encryption of leg A to encryption of leg B
  Spec 5.2: the fixture of the original's tests. Row order of the rules matters: b2bua_srtpgcm and b2bua_srtp256 match the last
  suite rule as well.

  Background:
    Given the settings
      | setting                                        | value                                                                                                                                                                                                                        |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | sdes .*b2bua_srtp.*@sip\.example\.org(;.*)? dtls-srtp .*b2bua_dtls.*@sip\.example\.org(;.*)?                                                                                                                                                                                  |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AEAD_AES_256_GCM .*b2bua_srtpgcm.*@sip\.example\.org(;.*)? AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32 .*b2bua_srtp256.*@sip\.example\.org(;.*)? AES_CM_128_HMAC_SHA1_80 .*b2bua_srtp.*@sip\.example\.org(;.*)?           |
    And b2bua runs behind the proxy of sip.example.org

  @S-TREN-1
  Scenario Outline: row <row>: <caller> calls <callee>, <what>
    Given the softphones
      | name     | encryption | suites          | video   |
      | <caller> | sdes       | <caller suites> | <video> |
      | <callee> | sdes       | <callee suites> | <video> |
    When <caller> calls <callee>
    Then <callee>'s phone rings
    When <callee> picks up
    Then <caller> and <callee> are in the call
    And <caller>'s audio uses sdes with <leg A>
    And <callee>'s audio uses sdes with <leg B>
    And <caller> and <callee> hear each other
    And <caller>'s and <callee>'s Call-IDs differ
    When <caller> ends the call
    Then <callee> is free again
    And <caller> is free again

    Examples:
      | row | what            | caller        | caller suites                                    | callee        | callee suites                             | leg A                   | leg B                   | video     |
      | e   | audio           | b2bua_srtp    | AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32 | b2bua_srtp256 |                                           | AES_CM_128_HMAC_SHA1_80 | AES_256_CM_HMAC_SHA1_80 |           |
      | e   | audio and video | b2bua_srtp    | AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32 | b2bua_srtp256 |                                           | AES_CM_128_HMAC_SHA1_80 | AES_256_CM_HMAC_SHA1_80 | VP8/90000 |
      | f   | audio           | b2bua_srtp256 | AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32 | b2bua_srtp    |                                           | AES_256_CM_HMAC_SHA1_80 | AES_CM_128_HMAC_SHA1_80 |           |
      | f   | audio and video | b2bua_srtp256 | AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32 | b2bua_srtp    |                                           | AES_256_CM_HMAC_SHA1_80 | AES_CM_128_HMAC_SHA1_80 | VP8/90000 |
      | g   | audio           | b2bua_srtp256 | AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32 | b2bua_srtpgcm | AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80 | AES_256_CM_HMAC_SHA1_80 | AEAD_AES_256_GCM        |           |
      | g   | audio and video | b2bua_srtp256 | AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32 | b2bua_srtpgcm | AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80 | AES_256_CM_HMAC_SHA1_80 | AEAD_AES_256_GCM        | VP8/90000 |

  @S-TREN-1
  Scenario Outline: row <row> with DTLS-SRTP: <caller> calls <callee>, <what>
    Given the softphones
      | name     | encryption | suites          | video   |
      | <caller> | <A>        | <caller suites> | <video> |
      | <callee> | <B>        | <callee suites> | <video> |
    When <caller> calls <callee>
    Then <callee>'s phone rings
    When <callee> picks up
    Then <caller> and <callee> are in the call
    And <caller> and <callee> hear each other
    And <caller>'s audio uses <A> with <leg A>
    And <callee>'s audio uses <B> with <leg B>
    And <caller>'s and <callee>'s Call-IDs differ
    When <caller> ends the call
    Then <callee> is free again
    And <caller> is free again

    Examples:
      | row | what            | caller      | A         | caller suites                             | callee      | B         | callee suites                             | leg A                   | leg B                   | video     |
      | c   | audio           | b2bua_dtlsp | dtls-srtp | AES_CM_128_HMAC_SHA1_80                   | b2bua_srtp  | sdes      |                                           | AES_CM_128_HMAC_SHA1_80 | AES_CM_128_HMAC_SHA1_80 |           |
      | c   | audio and video | b2bua_dtlsp | dtls-srtp | AES_CM_128_HMAC_SHA1_80                   | b2bua_srtp  | sdes      |                                           | AES_CM_128_HMAC_SHA1_80 | AES_CM_128_HMAC_SHA1_80 | VP8/90000 |
      | d   | audio           | b2bua_srtp  | sdes      | AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 | b2bua_dtlsp | dtls-srtp | AES_CM_128_HMAC_SHA1_80                   | AEAD_AES_128_GCM        | AES_CM_128_HMAC_SHA1_80 |           |
      | d   | audio and video | b2bua_srtp  | sdes      | AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 | b2bua_dtlsp | dtls-srtp | AES_CM_128_HMAC_SHA1_80                   | AEAD_AES_128_GCM        | AES_CM_128_HMAC_SHA1_80 | VP8/90000 |
      | h   | audio and video | b2bua_srtp  | sdes      |                                           | b2bua_dtlsp | dtls-srtp | AES_CM_128_HMAC_SHA1_80                   | AES_CM_128_HMAC_SHA1_80 | AES_CM_128_HMAC_SHA1_80 | VP8/90000 |

  @S-TREN-1
  Scenario Outline: every suite can be the caller's: <suite>
    Given the softphones
      | name       | encryption | suites  |
      | marie      | sdes       | <suite> |
      | b2bua_srtp | sdes       |         |
    When marie calls b2bua_srtp
    Then b2bua_srtp's phone rings
    When b2bua_srtp picks up
    Then marie and b2bua_srtp are in the call
    And marie's audio uses sdes with <suite>
    And b2bua_srtp's audio uses sdes with AES_CM_128_HMAC_SHA1_80
    And marie and b2bua_srtp hear each other

    Examples:
      | suite                   |
      | AES_CM_128_HMAC_SHA1_80 |
      | AES_CM_128_HMAC_SHA1_32 |
      | AES_256_CM_HMAC_SHA1_80 |
      | AES_256_CM_HMAC_SHA1_32 |
      | AEAD_AES_128_GCM        |
      | AEAD_AES_256_GCM        |

  @S-TREN-2
  Scenario Outline: the mode is forwarded when no rule matches: <encryption>, <what>
    Given the softphones
      | name    | encryption   | video   |
      | marie   | <encryption> | <video> |
      | pauline | <encryption> | <video> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie's audio uses <encryption>
    And pauline's audio uses <encryption>
    And marie and pauline hear each other

    Examples:
      | encryption | what            | video     |
      | none       | audio           |           |
      | sdes       | audio           |           |
      | dtls-srtp  | audio           |           |
      | zrtp       | audio           |           |
      | none       | audio and video | VP8/90000 |
      | sdes       | audio and video | VP8/90000 |
      | dtls-srtp  | audio and video | VP8/90000 |
      | zrtp       | audio and video | VP8/90000 |

  @S-TREN-1
  Scenario: plain RTP to SDES, and video too
    Given the softphones
      | name       | encryption | video     |
      | marie      | none       | VP8/90000 |
      | b2bua_srtp | sdes       | VP8/90000 |
    When marie calls b2bua_srtp
    Then b2bua_srtp's phone rings
    When b2bua_srtp picks up
    Then marie and b2bua_srtp are in the call
    And marie's audio uses none
    And marie's video uses none
    And b2bua_srtp's audio uses sdes with AES_CM_128_HMAC_SHA1_80
    And b2bua_srtp's video uses sdes with AES_CM_128_HMAC_SHA1_80
    And marie and b2bua_srtp hear each other
    And marie and b2bua_srtp see each other
