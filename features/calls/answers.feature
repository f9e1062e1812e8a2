@calls
Feature: Unusual answers and offers
  Spec 2.4.2, 2.4.6 and 2.3 step 4.

  @2.4.6
  Scenario Outline: leg B answers <direction>
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
      m=audio 41000 RTP/AVP 0
      a=<direction>
      """
    Then the call between alice and bob is up
    And the answer to alice is
      | stream | enabled | direction   |
      | audio  | yes     | <direction> |
    When alice hangs up
    Then bob's call is released

    Examples:
      | direction |
      | sendrecv  |
      | sendonly  |
      | recvonly  |
      | inactive  |

  @2.10 @2.4.6
  Scenario: nobody waits for media on an inactive call
    Given b2bua runs between alice and bob with
      | setting                        | value |
      | b2bua-server/no-rtp-timeout    | 1s    |
      | b2bua-server/max-call-duration | 4s    |
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
      a=inactive
      """
    Then the call between alice and bob is up
    And alice's call is released without a reason
    And bob's call is released without a reason
    And b2bua logs a message /max-call-duration/

  Scenario: early media of leg B is only ringing for a caller without an offer
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value |
      | offer  | none  |
    Then bob is invited
    When bob answers 183 with SDP
    Then alice gets 180 without SDP

  Scenario: a caller without an offer who sends no answer either
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value |
      | offer  | none  |
    Then bob is invited
    When bob accepts
    Then alice gets 200 with SDP
    And alice's call is released
    And bob's call is released

  Scenario: a repeated INVITE is one call
    Given b2bua runs between alice and bob
    When alice invites bob
    And alice's INVITE is repeated 5 times
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And bob was invited 1 time in all
    When alice hangs up
    Then bob's call is released

  Scenario: a caller who does not answer b2bua's re-INVITE is gone
    Given b2bua runs between alice and bob with
      | setting          | value |
      | b2bua::timers/t1 | 100ms |
    When alice invites bob
    Then bob is invited
    And bobby is a second callee behind the INVITE to bob
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And alice gets a re-INVITE
    And bobby's call is released

  Scenario: a caller to whose side the call is gone
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    And bobby is a second callee behind the INVITE to bob
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And alice gets a re-INVITE
    When alice answers the re-INVITE 481
    Then bobby's call is released
