@media
Feature: Settings of media
  Spec 1.2 and 2.7.

  Scenario: media ports come from the configured range
    Given b2bua runs between alice and bob with
      | setting                 | value       |
      | b2bua-server/audio-port | 20100-20199 |
      | b2bua-server/video-port | 20200-20299 |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And b2bua's media ports for alice and bob are between 20100 and 20199, and even

  @2.7
  Scenario: one audio codec on both legs
    Given b2bua runs between alice and bob with
      | setting                  | value     |
      | b2bua-server/audio-codec | pcma/8000 |
    When alice invites bob
    Then bob is invited
    And the offer to bob is
      | stream | codecs                          |
      | audio  | PCMA/8000, telephone-event/8000 |
    When bob accepts
    Then the call between alice and bob is up
    And the answer to alice is
      | stream | codecs                          |
      | audio  | PCMA/8000, telephone-event/8000 |

  @2.7
  Scenario: a caller without that codec is refused
    Given b2bua runs between alice and bob with
      | setting                  | value        |
      | b2bua-server/audio-codec | speex/8000   |
    When alice invites bob
    Then alice's call fails with 488
    And bob was invited 0 times in all

  @2.7
  Scenario: one video codec on both legs
    Given b2bua runs between alice and bob with
      | setting                  | value |
      | b2bua-server/video-codec | H264  |
    When alice invites bob with
      | header | value                                                                                                                                                                                                  |
      | offer  | literally v=0\no=a 1 1 IN IP4 {{alice.ip}}\ns=-\nc=IN IP4 {{alice.ip}}\nt=0 0\nm=audio 40000 RTP/AVP 0\nm=video 40002 RTP/AVP 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:97 H264/90000\n |
    Then bob is invited
    And the offer to bob is
      | stream | codecs                          |
      | audio  | PCMU/8000, telephone-event/8000 |
      | video  | H264/90000                      |

  @2.7
  Scenario: a callee without that codec ends the call
    Given b2bua runs between alice and bob with
      | setting                  | value     |
      | b2bua-server/audio-codec | PCMA/8000 |
    When alice invites bob
    Then bob is invited
    When bob accepts with the codecs 0=PCMU/8000
    Then bob's call is released
    And alice's call fails with 488

  Scenario: no media port is left for one call more
    Given the error line /audio-port/ is expected
    And b2bua runs between alice and bob with
      | setting                 | value       |
      | b2bua-server/audio-port | 20300-20303 |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And b2bua's media ports for alice and bob are between 20300 and 20303, and even
    When carol invites bob
    Then carol's call fails with 503
    And bob was invited 1 time in all
    And alice's call is still up
    When alice hangs up
    Then bob's call is released

  Scenario: ports of a call that is over are used again
    Given b2bua runs between alice and bob with
      | setting                 | value       |
      | b2bua-server/audio-port | 20400-20403 |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice hangs up
    Then bob's call is released
    And b2bua has closed the media ports of the call
    When carol invites bob
    Then bob is invited
    When bob answers 486
    Then carol's call fails with 486
    And b2bua has closed the media ports of the call
    When dora invites bob
    Then bob is invited
    When bob accepts
    Then the call between dora and bob is up
    And b2bua's media ports for dora and bob are between 20400 and 20403, and even
