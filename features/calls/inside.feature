@calls
Feature: Requests inside a call
  Spec 2.5 and 2.9. What changes neither the streams nor their direction is answered on its own leg and not forwarded. What does is in
  streams.feature and hold.feature.

  Background:
    Given b2bua runs between alice and bob
    And alice has a media port
    And bob has a media port
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice plays 400 Hz
    And bob plays 1000 Hz
    Then bob hears 400 Hz
    And alice hears 1000 Hz

  @2.5
  Scenario Outline: a re-INVITE of <name> without a change is answered here
    When <name> sends a re-INVITE
    Then <name>'s re-INVITE is answered 200 with SDP
    And the answer to <name>'s request is
      | stream | enabled | encryption | direction |
      | audio  | yes     | none       | sendrecv  |
    And b2bua's descriptions for <name> are versions of one session
    And <other> got no re-INVITE
    And alice's media port receives 20 more packets
    And bob's media port receives 20 more packets
    When <other> hangs up
    Then <name>'s call is released
    And <other> got no re-INVITE

    Examples:
      | name  | other |
      | alice | bob   |
      | bob   | alice |

  @2.5
  Scenario Outline: a re-INVITE of <name> without an offer gets one of what runs
    When <name> sends a re-INVITE without an offer
    Then <name>'s re-INVITE is answered 200 with SDP
    And the answer to <name>'s request is
      | stream | enabled | encryption | direction |
      | audio  | yes     | none       | sendrecv  |
    And b2bua's descriptions for <name> are versions of one session
    And <other> got no re-INVITE
    And alice's media port receives 20 more packets
    And bob's media port receives 20 more packets

    Examples:
      | name  | other |
      | alice | bob   |
      | bob   | alice |

  @2.5
  Scenario Outline: media follows <name> to another port
    When <name> moves to another media port
    And <name> sends a re-INVITE
    Then <name>'s re-INVITE is answered 200 with SDP
    And <name>'s media port receives 20 more packets
    When <name> plays 1600 Hz
    Then <other> hears 1600 Hz
    And <other> got no re-INVITE

    Examples:
      | name  | other |
      | alice | bob   |
      | bob   | alice |

  @2.5
  Scenario: several re-INVITEs one after the other
    When alice sends a re-INVITE
    Then alice's re-INVITE is answered 200 with SDP
    When bob sends a re-INVITE
    Then bob's re-INVITE is answered 200 with SDP
    When alice sends a re-INVITE
    Then alice's re-INVITE is answered 200 with SDP
    And b2bua's descriptions for alice are versions of one session
    And alice's media port receives 20 more packets
    And bob's media port receives 20 more packets

  @2.5
  Scenario: unknown attributes of an offer stay where they are
    When bob sends a re-INVITE with the offer literally v=0\no=bob 1 2 IN IP4 {{bob.ip}}\ns=-\nc=IN IP4 {{bob.ip}}\nt=0 0\nm=audio 41000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\na=filtered-out-custom-media-attribute\n
    Then bob's re-INVITE is answered 200 with SDP
    And alice got no re-INVITE

  @2.5
  Scenario Outline: an offer of <name> that nobody can accept is refused with 488, and the call goes on
    When <name> sends a re-INVITE with the offer <offer>
    Then <name>'s re-INVITE is answered 488
    And <other> got no re-INVITE
    And <name>'s call is still up
    And alice's media port receives 20 more packets
    And bob's media port receives 20 more packets
    When <name> sends a re-INVITE
    Then <name>'s re-INVITE is answered 200 with SDP
    When <name> hangs up
    Then <other>'s call is released

    Examples:
      | name  | other | offer                          |
      | alice | bob   | audio sdes F8_128_HMAC_SHA1_80 |
      | bob   | alice | audio sdes F8_128_HMAC_SHA1_80 |

  @2.5
  Scenario: a codec that the other leg does not have yet is put to it; if it refuses, so is the offer, and the call goes on
    When alice sends a re-INVITE with the offer audio codecs 77=nobody-knows-me/48000
    Then bob gets a re-INVITE
    And the offer in bob's re-INVITE is
      | stream | codecs                                       |
      | audio  | nobody-knows-me/48000, telephone-event/48000 |
    When bob answers the re-INVITE 488
    Then alice's re-INVITE is answered 488
    And alice's call is still up
    And alice's media port receives 20 more packets
    And bob's media port receives 20 more packets
    When alice hangs up
    Then bob's call is released

  @2.5
  Scenario: UPDATE without a description
    When alice sends an UPDATE
    Then alice's UPDATE is answered 200 without SDP
    And bob got no UPDATE
    And bob got no re-INVITE

  @2.5
  Scenario Outline: UPDATE of <name> with a description is treated like a re-INVITE
    When <name> sends an UPDATE with the offer audio
    Then <name>'s UPDATE is answered 200 with SDP
    And the answer to <name>'s request is
      | stream | enabled | encryption | direction |
      | audio  | yes     | none       | sendrecv  |
    And b2bua's descriptions for <name> are versions of one session
    And <other> got no UPDATE
    And <other> got no re-INVITE
    And alice's media port receives 20 more packets

    Examples:
      | name  | other |
      | alice | bob   |
      | bob   | alice |

  @2.5
  Scenario: an UPDATE that nobody can accept
    When alice sends an UPDATE with the offer audio sdes F8_128_HMAC_SHA1_80
    Then alice's UPDATE is answered 488
    And bob's media port receives 20 more packets

  @2.5
  Scenario Outline: <method> is answered <status> and not forwarded
    When alice sends <method> inside the call
    Then alice's <method> is answered <status>
    When bob sends <method> inside the call
    Then bob's <method> is answered <status>
    And alice got no OPTIONS
    And bob got no INFO
    And alice's call is still up

    Examples:
      | method     | status |
      | OPTIONS    | 200    |
      | INFO       | 200    |
      | FROBNICATE | 405    |

  @2.4.4
  Scenario: a CANCEL after the answer has no effect
    When alice gives up too late
    Then alice's call is still up
    And bob's call is still up
    And bob's media port receives 20 more packets
    When alice hangs up
    Then bob's call is released

  @2.5
  Scenario Outline: fewer codecs on the leg of <name>: the other leg is told when its own no longer hold
    When <name> sends a re-INVITE with the offer audio codecs 8=PCMA/8000
    Then <name>'s re-INVITE is answered 200 with SDP
    And the answer to <name>'s request is
      | stream | codecs    |
      | audio  | PCMA/8000 |
    And <other> gets a re-INVITE
    And the offer in <other>'s re-INVITE is
      | stream | codecs                          |
      | audio  | PCMA/8000, telephone-event/8000 |
    When <other> answers the re-INVITE 200
    Then b2bua's descriptions for <other> are versions of one session

    Examples:
      | name  | other |
      | bob   | alice |
      | alice | bob   |
