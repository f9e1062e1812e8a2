@media
Feature: Feedback
  A phone that lost a picture asks for a whole one: by RTCP where its leg has the feedback profiles (RFC 4585, RFC 5104), by INFO where
  it has not (RFC 5168). Between two legs that differ b2bua turns one into the other, and no feedback reaches a leg without the profile.

  Scenario Outline: only leg A has feedback: PLI and FIR become INFO, INFO becomes PLI, <leg A> to <leg B>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | video     | avpf    |
      | marie   | <leg A>    | VP8/90000 | yes     |
      | pauline | <leg B>    | VP8/90000 | refused |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie's video has the profile <profile A>
    And pauline's video has the profile <profile B>
    And marie and pauline see each other
    When marie sends a <wish>
    Then pauline was asked for a whole picture 0 times by RTCP and 1 time by INFO
    When pauline asks for a whole picture by INFO
    Then marie was asked for a whole picture 1 time by RTCP and 0 times by INFO
    And pauline's video has 0 packets of feedback after 2 more reports
    And marie may not send a NACK
    And marie and pauline see each other

    Examples:
      | leg A     | leg B | wish | profile A         | profile B |
      | none      | none  | PLI  | RTP/AVPF          | RTP/AVP   |
      | sdes      | none  | FIR  | RTP/SAVPF         | RTP/AVP   |
      | none      | sdes  | PLI  | RTP/AVPF          | RTP/SAVP  |
      | dtls-srtp | none  | PLI  | UDP/TLS/RTP/SAVPF | RTP/AVP   |

  Scenario: neither leg has feedback: the wish by INFO passes
    Given b2bua runs between the softphones
      | name    | video     |
      | marie   | VP8/90000 |
      | pauline | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    When marie asks for a whole picture by INFO
    Then pauline was asked for a whole picture 0 times by RTCP and 1 time by INFO
    And marie may not send a PLI
    When pauline asks for a whole picture by INFO
    Then marie was asked for a whole picture 0 times by RTCP and 1 time by INFO

  # On leg B the profile comes from the callee, in an offer of its own: the trenscrypter offers none (spec 2.7).
  Scenario Outline: both legs have feedback: it passes from end to end, <leg A> to <leg B>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | video     | avpf |
      | marie   | <leg A>    | VP8/90000 | yes  |
      | pauline | <leg B>    | VP8/90000 | yes  |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    And marie may not send a NACK
    When pauline negotiates again
    And marie negotiates again
    Then marie's video has the profile <profile A>
    And pauline's video has the profile <profile B>
    And marie and pauline see each other
    When marie sends a PLI
    Then pauline was asked for a whole picture 1 time by RTCP and 0 times by INFO
    When pauline sends a FIR
    Then marie was asked for a whole picture 1 time by RTCP and 0 times by INFO
    When marie sends a NACK
    Then pauline is asked for 1 packet that it sent
    When pauline sends a NACK
    Then marie is asked for 1 packet that it sent
    When marie sends from another source
    Then pauline receives 20 more packets of video
    When pauline sends a NACK
    Then marie is asked for 2 packets that it sent
    And marie's video has 3 packets of feedback after 2 more reports
    And pauline's video has 2 packets of feedback after 2 more reports

    Examples:
      | leg A     | leg B     | profile A         | profile B         |
      | none      | none      | RTP/AVPF          | RTP/AVPF          |
      | sdes      | none      | RTP/SAVPF         | RTP/AVPF          |
      | sdes      | sdes      | RTP/SAVPF         | RTP/SAVPF         |
      | none      | dtls-srtp | RTP/AVPF          | UDP/TLS/RTP/SAVPF |
      | dtls-srtp | sdes      | UDP/TLS/RTP/SAVPF | RTP/SAVPF         |

  Scenario: video that is added in mid-call: its wishes are converted, too
    Given b2bua runs between the softphones
      | name    | video     | avpf    |
      | marie   | VP8/90000 | yes     |
      | pauline | VP8/90000 | refused |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie switches video off
    And marie adds video
    Then marie and pauline see each other
    When marie sends a PLI
    Then pauline was asked for a whole picture 0 times by RTCP and 1 time by INFO
    When pauline asks for a whole picture by INFO
    Then marie was asked for a whole picture 1 time by RTCP and 0 times by INFO
