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
