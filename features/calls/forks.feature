@calls
Feature: Forks
  Spec 2.13. A forking proxy sends several INVITEs with one Call-ID and one From tag; each is a bridge of its own.

  Scenario: one fork is answered, the other is cancelled
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    When fork is the same call as alice, forked, to sip:carol@sip.example.org
    Then bob is invited
    And the INVITE to bob has
      | header      | value                     |
      | Request-URI | sip:carol@sip.example.org |
    And bob was invited 2 times in all
    When bob accepts
    Then the call between fork and bob is up
    When alice gives up
    Then alice's call ends with 487
    When fork hangs up
    Then bob's call is released

  Scenario: the forks have Call-IDs of their own on leg B
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    And the INVITE to bob has a Call-ID of its own
    When fork is the same call as alice, forked, to sip:carol@sip.example.org
    Then bob is invited
    And the Call-IDs of all of bob's calls differ
