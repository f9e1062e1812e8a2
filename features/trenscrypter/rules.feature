@trenscrypter
Feature: How the rules choose
  Spec 3.1 to 3.3. The subject is the To URI with its parameters; the first rule whose expression matches the whole of it wins.

  @3.1
  Scenario: the first rule wins
    Given b2bua runs between alice and bob with
      | setting                                       | value                                          |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:bob@.* sdes .*@sip\.example\.org      |
    When alice invites bob with
      | header | value                              |
      | offer  | audio sdes AES_CM_128_HMAC_SHA1_80 |
    Then bob is invited
    And the offer to bob is
      | stream | encryption | profile |
      | audio  | none       | RTP/AVP |

  Scenario Outline: a callee that is a browser is offered feedback, and one port for RTP and RTCP: <mode>, <callees>
    Given b2bua runs between alice and bob with
      | setting                                       | value                |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <mode> sip:bob@.*    |
      | b2bua/webrtc-regex                            | sip:web@.* <callees> |
    When alice invites bob with
      | header | value                  |
      | offer  | audio, video |
    Then bob is invited
    And the offer to bob is
      | stream | encryption | profile   | rtcp-mux |
      | audio  | <mode>     | <profile> | <mux>    |
      | video  | <mode>     | <profile> | <mux>    |

    Examples:
      | mode      | callees               | profile           | mux |
      | dtls-srtp | .*@sip\.example\.org  | UDP/TLS/RTP/SAVPF | yes |
      | dtls-srtp | .*@elsewhere\.org     | UDP/TLS/RTP/SAVP  | no  |
      | sdes      | .*@sip\.example\.org  | RTP/SAVP          | no  |
      | none      | .*@sip\.example\.org  | RTP/AVP           | no  |

  Scenario: a browser that is not known as one refuses the call, and the log names the setting
    Given b2bua runs between alice and bob with
      | setting                                       | value                |
      | b2bua-server::trenscrypter/outgoing-enc-regex | dtls-srtp sip:bob@.* |
    When alice invites bob
    Then bob is invited
    When bob answers 488
    Then alice's call fails with 488
    And b2bua logs a message /leg B answered 488 .* a browser needs b2bua\/webrtc-regex as well/

  @3.1
  Scenario: no rule matches: leg A's mode
    Given b2bua runs between alice and bob with
      | setting                                       | value                 |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes .*@elsewhere\.org |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption |
      | audio  | none       |

  @3.1
  Scenario: suites of the rule, in its order, and only these
    Given b2bua runs between alice and bob with
      | setting                                        | value                                                                       |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | sdes .*                                                                     |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AES_256_CM_HMAC_SHA1_32;AEAD_AES_128_GCM;AES_CM_128_HMAC_SHA1_80 .*@sip\.example\.org |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption | suites                                                             |
      | audio  | sdes       | AES_256_CM_HMAC_SHA1_32, AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 |

  @3.1
  Scenario: no suite rule matches: the documented list in its order
    Given b2bua runs between alice and bob with
      | setting                                        | value                           |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | sdes .*                         |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AEAD_AES_256_GCM .*@else\.where |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption | suites                                                                                             |
      | audio  | sdes       | AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32 |

  @3.1
  Scenario: suite rules apply to a mode that was forwarded too
    Given b2bua runs between alice and bob with
      | setting                                        | value               |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AEAD_AES_256_GCM .* |
    When alice invites bob with
      | header | value                              |
      | offer  | audio sdes AES_CM_128_HMAC_SHA1_80 |
    Then bob is invited
    And the offer to bob is
      | stream | encryption | suites           |
      | audio  | sdes       | AEAD_AES_256_GCM |

  @3.2
  Scenario Outline: full match: <subject> against <expression>
    Given b2bua runs between alice and bob with
      | setting                                       | value             |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes <expression> |
    When alice invites bob with
      | header | value                        |
      | To     | "Bob" <<subject>>            |
    Then bob is invited
    And the offer to bob is
      | stream | encryption   |
      | audio  | <encryption> |

    Examples:
      | subject                                  | expression                     | encryption |
      | sip:bob@sip.example.org                  | .*@sip\.example\.org           | sdes       |
      | sip:bob@sip.example.org;gr=urn:uuid:1    | .*@sip\.example\.org           | none       |
      | sip:bob@sip.example.org;gr=urn:uuid:1    | .*@sip\.example\.org(;.*)?     | sdes       |
      | sip:bob@sip.example.org                  | bob                            | none       |
      | sip:bob@sip.example.org                  | sip:bob@SIP\.example\.org      | none       |
      | sip:bob@sip.example.org                  | ^sip:[[:alpha:]]+@.*$          | sdes       |
      | sip:b0b@sip.example.org                  | ^sip:[[:alpha:]]+@.*$          | none       |
      | sip:bob@sip.example.org                  | sip:(?!alice).*@.*             | sdes       |
      | sip:alice2@sip.example.org               | sip:(?!alice).*@.*             | none       |
      | sip:bob@sip.example.org                  | sip:(b)o\1@.*                  | sdes       |
      | sip:bob@sip.example.org                  | sip:\w{3}@(a\|sip)\..*         | sdes       |

  @3.3 @seed
  Scenario: an invalid rule is skipped with an error, the others stay
    Given the error line /outgoing-enc-regex.*pair 1.*skipped/ is expected
    And the error line /outgoing-enc-regex.*pair 2.*skipped/ is expected
    And b2bua runs between alice and bob with
      | setting                                       | value                                                             |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes *bad@.* dtsl-srtp .*@sip\.example\.org sdes sip:bob@.* none .* |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption |
      | audio  | sdes       |

  @3.3
  Scenario: a rule with a suite that does not exist is skipped with an error
    Given the error line /outgoing-srtp-regex.*pair 1.*skipped/ is expected
    And b2bua runs between alice and bob with
      | setting                                        | value                                                                          |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | sdes .*                                                                        |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AES_CM_128_HMAC_SHA1_80;AES_128_CM_HMAC_SHA1_80 .* AES_CM_128_HMAC_SHA1_32 .*  |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption | suites                  |
      | audio  | sdes       | AES_CM_128_HMAC_SHA1_32 |

  @3.3
  Scenario: a single last word is ignored with a warning
    Given b2bua runs between alice and bob with
      | setting                                       | value                        |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:bob@.* none         |
    Then b2bua logs a warning /outgoing-enc-regex/
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption |
      | audio  | sdes       |

  Scenario: strict makes an invalid rule a fault
    Given the settings
      | setting                                       | value          |
      | b2bua/strict                                  | true           |
    Then b2bua refuses the setting b2bua-server::trenscrypter/outgoing-enc-regex = "sdes *bad@.*"

  @3.4
  Scenario: the answer to leg A takes the first of the caller's suites that is known
    Given b2bua runs between alice and bob with
      | setting                                        | value                      |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | none .*                    |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AES_CM_128_HMAC_SHA1_32 .* |
    When alice invites bob with
      | header | value                                                                                |
      | offer  | audio sdes F8_128_HMAC_SHA1_80 AEAD_AES_256_GCM AES_CM_128_HMAC_SHA1_32              |
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And the answer to alice is
      | stream | encryption | suites           | profile  |
      | audio  | sdes       | AEAD_AES_256_GCM | RTP/SAVP |

  @S-CALL-8
  Scenario: video refused on leg B is refused on leg A
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value        |
      | offer  | audio, video |
    Then bob is invited
    When bob accepts audio only
    Then the call between alice and bob is up
    And the answer to alice is
      | stream | enabled |
      | audio  | yes     |
      | video  | no      |
