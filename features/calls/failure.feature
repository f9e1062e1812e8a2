@calls
Feature: Leg B fails before the answer
  Spec 2.4.3 and 2.4.7. The caller gets the final status of leg B with its reason phrase, Warning and Reason.

  @2.4.3
  Scenario Outline: <status> of the callee is the caller's status
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers <status> "<phrase>"
    Then alice's call fails with <status> "<phrase>"
    And bob was invited 1 time in all

    Examples:
      | status | phrase                     |
      | 400    | Not Like This              |
      | 403    | Forbidden                  |
      | 404    | Not Found                  |
      | 406    | Not Acceptable             |
      | 408    | Request Timeout            |
      | 410    | Gone Fishing               |
      | 420    | Bad Extension              |
      | 433    | Anonymity Disallowed       |
      | 480    | Temporarily Unavailable    |
      | 484    | Address Incomplete         |
      | 486    | Busy Here                  |
      | 487    | Request Terminated         |
      | 491    | Request Pending            |
      | 500    | Server Internal Error      |
      | 502    | Bad Gateway                |
      | 504    | Server Time-out            |
      | 600    | Busy Everywhere            |
      | 603    | Decline                    |
      | 604    | Does Not Exist Anywhere    |
      | 606    | Not Acceptable             |

  @2.4.3
  Scenario: Warning and Reason travel with the status
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers 480 with
      | header  | value                                |
      | Warning | 399 bob.example.org "out to lunch"   |
      | Reason  | Q.850;cause=19;text="No answer"      |
    Then alice's call fails with 480 and
      | header  | value                                |
      | Warning | 399 bob.example.org "out to lunch"   |
      | Reason  | Q.850;cause=19;text="No answer"      |

  @2.4.3
  Scenario Outline: a challenge that b2bua has no credentials for is relayed as it is
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers <status> with
      | header   | value                              |
      | <header> | Digest realm="bob", nonce="1a2b3c" |
    Then alice's call fails with <status>
    And bob was invited 1 time in all

    Examples:
      | status | header             |
      | 401    | WWW-Authenticate   |
      | 407    | Proxy-Authenticate |

  @2.4.3
  Scenario Outline: a redirection is followed, and the caller does not see it
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers <status> with
      | header  | value                        |
      | Contact | <sip:bob-at-home@{{bob}}>    |
    Then bob is invited
    And the INVITE to bob has
      | header      | value                   |
      | Request-URI | sip:bob-at-home@{{bob}} |
    When bob accepts
    Then the call between alice and bob is up
    And the answers that alice saw are 100, 200 with SDP

    Examples:
      | status |
      | 301    |
      | 302    |

  @2.4.3
  Scenario: a redirection to nowhere is relayed
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers 302
    Then alice's call fails with 302

  @2.4.3
  Scenario: a circle of redirections ends
    Given b2bua runs between alice and bob
    And bob redirects every call to "sip:bob@sip.example.org"
    When alice invites bob
    Then alice's call fails with 302

  @2.4.3
  Scenario Outline: nobody listens at the outbound proxy, over <network>
    Given b2bua runs with an outbound proxy where nobody listens, over <network>, for alice
    When alice invites bob
    Then alice's call fails with 503

    Examples:
      | network |
      | tcp     |
      | udp     |

  @2.4.3
  Scenario: the callee never answers, not even 100
    Given the settings
      | setting          | value |
      | b2bua::timers/t1 | 100ms |
    And b2bua runs between alice and bob
    And bob sends nothing by itself
    When alice invites bob
    Then bob is invited
    And alice's call fails with 408

  @2.4.3 @no-downgrade
  Scenario Outline: encryption refused with <status> is never dropped
    Given b2bua runs between alice and bob with
      | setting                                       | value   |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes .* |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | encryption | profile  |
      | audio  | sdes       | RTP/SAVP |
    When bob answers <status>
    Then alice's call fails with <status>
    And bob was invited 1 time in all

    Examples:
      | status |
      | 415    |
      | 488    |

  @2.4.3
  Scenario: an answer without a description can't be used
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts without SDP
    Then bob's answer is acknowledged
    And bob's call is released
    And alice's call fails with 488

  @2.4.3 @no-downgrade
  Scenario: an answer in clear to an encrypted offer is refused
    Given b2bua runs between alice and bob with
      | setting                                       | value   |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes .* |
    When alice invites bob
    Then bob is invited
    When bob accepts with the answer
      """
      v=0
      o=bob 1 1 IN IP4 {{bob.ip}}
      s=-
      c=IN IP4 {{bob.ip}}
      t=0 0
      m=audio 41000 RTP/AVP 0
      """
    Then bob's answer is acknowledged
    And bob's call is released
    And alice's call fails with 488

  @2.4.3 @no-downgrade
  Scenario Outline: an encrypted answer with <wrong> is refused
    Given b2bua runs between alice and bob with
      | setting                                        | value                      |
      | b2bua-server::trenscrypter/outgoing-enc-regex  | sdes .*                    |
      | b2bua-server::trenscrypter/outgoing-srtp-regex | AES_CM_128_HMAC_SHA1_80 .* |
    When alice invites bob
    Then bob is invited
    When bob accepts with the answer
      """
      v=0
      o=bob 1 1 IN IP4 {{bob.ip}}
      s=-
      c=IN IP4 {{bob.ip}}
      t=0 0
      m=audio 41000 RTP/SAVP 0
      a=<line>
      """
    Then bob's answer is acknowledged
    And bob's call is released
    And alice's call fails with 488

    Examples:
      | wrong                        | line                                                                                |
      | no key                       | sendrecv                                                                            |
      | a suite that was not offered | crypto:1 AES_CM_128_HMAC_SHA1_32 inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB    |
      | a tag that was not offered   | crypto:9 AES_CM_128_HMAC_SHA1_80 inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB    |
      | a key that is too short      | crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUFBQUFBQUFBQUFB                            |
      | encryption switched off      | crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB UNENCRYPTED_SRTP |

  @2.4.3
  Scenario Outline: an answer that is <wrong> is refused
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts with the answer
      """
      v=0
      o=bob 1 1 IN IP4 {{bob.ip}}
      s=-
      c=IN IP4 {{bob.ip}}
      t=0 0
      <media>
      """
    Then bob's answer is acknowledged
    And bob's call is released
    And alice's call fails with 488

    Examples:
      | wrong                       | media                           |
      | all refused                 | m=audio 0 RTP/AVP 0             |
      | without any stream          | a=nothing                       |
      | in a codec nobody offered   | m=audio 41000 RTP/AVP 18        |
      | in another profile          | m=audio 41000 RTP/SAVP 0        |

  @2.4.3
  Scenario: an interval too small is asked again with the callee's minimum
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers 422 with
      | header | value |
      | Min-SE | 120   |
    Then bob is invited
    And the INVITE to bob has
      | header          | value      |
      | Session-Expires | /120(;.*)?/ |
      | Min-SE          | 120        |
    When bob accepts
    Then the call between alice and bob is up

  @2.4.3
  Scenario: the outbound proxy's name does not exist
    Given b2bua runs between alice and bob with
      | setting                     | value                                        |
      | b2bua-server/outbound-proxy | sip:no-such-host.invalid:5060;transport=tcp  |
    When alice invites bob
    Then alice's call fails with 503

  @2.4.7
  Scenario: there is no transport to the callee
    Given b2bua runs between alice and bob with
      | setting                     | value      |
      | b2bua-server/outbound-proxy | {{space}}  |
    When alice invites bob with
      | header | value                                |
      | To     | <sip:bob@{{bob}};transport=sctp>     |
    Then alice's call fails with 501
