@calls
Feature: Several callees behind one INVITE of leg B
  Decision 15, RFC 3261 13.2.2.4: the first 2xx counts; leg A keeps the answer that it was given, until a re-INVITE replaces it.

  Background:
    Given b2bua runs between alice and bob
    And alice has a media port
    And bob has a media port
    When alice invites bob
    Then bob is invited
    And bobby is a second callee behind the INVITE to bob

  Scenario: the second callee who picks up is released
    When bob accepts
    Then the call between alice and bob is up
    When bobby accepts
    Then bobby's call is released
    And bob's call is still up
    And alice's call is still up
    When alice hangs up
    Then bob's call is released

  Scenario: one rings, another one picks up
    When bob answers 180
    Then alice gets 180 without SDP
    When bobby accepts
    Then the call between alice and bobby is up
    And the answers that alice saw are 100, 180, 200 with SDP
    When bobby hangs up
    Then alice's call is released

  Scenario: the answer of the one who picks up differs from the early one
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And the answer to alice is
      | stream | codecs                          |
      | audio  | PCMU/8000, telephone-event/8000 |
    And alice gets a re-INVITE
    And the offer in alice's re-INVITE is
      | stream | codecs                          |
      | audio  | PCMA/8000, telephone-event/8000 |
    When alice answers the re-INVITE 200
    Then b2bua's descriptions for alice are versions of one session
    And bobby got no re-INVITE
    When alice hangs up
    Then bobby's call is released

  Scenario: the answer of the one who picks up is the early one
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 0=PCMU/8000
    Then the call between alice and bobby is up
    When alice sends a re-INVITE
    Then alice's re-INVITE is answered 200 with SDP
    And alice got no re-INVITE

  Scenario: glare: the caller's re-INVITE crosses b2bua's
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And alice gets a re-INVITE
    When alice sends a re-INVITE
    Then alice's re-INVITE is answered 491
    When alice answers the re-INVITE 200
    And alice sends a re-INVITE with the offer audio codecs 8=PCMA/8000
    Then alice's re-INVITE is answered 200 with SDP

  Scenario: glare: b2bua's re-INVITE is answered 491 and comes again
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And alice gets a re-INVITE
    When alice answers the re-INVITE 491
    Then alice gets a re-INVITE
    And the offer in alice's re-INVITE is
      | stream | codecs                          |
      | audio  | PCMA/8000, telephone-event/8000 |
    When alice answers the re-INVITE 200
    And alice hangs up
    Then bobby's call is released

  Scenario: b2bua's re-INVITE is refused: the call goes on as it was
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And alice gets a re-INVITE
    When alice answers the re-INVITE 488
    Then alice's call is still up
    When bobby hangs up
    Then alice's call is released

  Scenario: a 200 without a description of another callee than the early one can't be used
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby accepts without SDP
    Then bobby's answer is acknowledged
    And bobby's call is released
    And alice's call fails with 488

  Scenario: a 200 without a description of the early callee repeats the early one
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bob accepts without SDP
    Then the call between alice and bob is up
    When alice plays 400 Hz
    And bob plays 1000 Hz
    Then bob hears 400 Hz
    And alice hears 1000 Hz

  Scenario: the caller hangs up instead of answering the re-INVITE
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 8=PCMA/8000
    Then the call between alice and bobby is up
    And alice gets a re-INVITE
    When alice hangs up
    Then bobby's call is released
    When alice answers the re-INVITE 487
    Then b2bua has closed the media ports of the call

  Scenario: media goes to the one who picks up
    Given bobby has a media port
    When bob answers 183 with the codecs 0=PCMU/8000
    Then alice gets 183 with SDP
    When bobby answers 200 with the codecs 0=PCMU/8000
    Then the call between alice and bobby is up
    When alice plays 400 Hz
    And bobby plays 1600 Hz
    Then bobby hears 400 Hz
    And alice hears 1600 Hz
