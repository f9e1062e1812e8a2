@zrtp
Feature: Transparent ZRTP
  With b2bua/zrtp-transparent two phones with ZRTP agree on keys with each other. b2bua passes on what they send and can hear nothing.

  Scenario Outline: one SAS for both phones, <what>
    Given the settings
      | setting                | value |
      | b2bua/zrtp-transparent | true  |
    And b2bua runs between the softphones
      | name    | encryption | video   | network   |
      | marie   | zrtp       | <video> | <network> |
      | pauline | zrtp       | <video> |           |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline have the same SAS
    And marie and pauline hear each other
    And b2bua's Hello to pauline was the one of its description
    And b2bua's Hello to marie was the one of its description
    And what marie sent reached pauline octet for octet
    And what pauline sent reached marie octet for octet
    And nothing can be heard on the wire of marie's leg
    And nothing can be heard on the wire of pauline's leg
    When marie puts the call on hold
    Then pauline's audio is recvonly
    When marie resumes the call
    Then pauline's audio is sendrecv
    And marie receives 20 more packets of audio
    And pauline receives 20 more packets of audio
    And marie's audio was agreed on 1 times
    When pauline ends the call
    Then marie is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie knows b2bua from an earlier call
    And pauline knows b2bua from an earlier call
    And marie and pauline have the same SAS

    Examples:
      | what                    | video     | network                                   |
      | audio                   |           |                                           |
      | audio and video         | VP8/90000 |                                           |
      | audio on a lossy network |          | loss=0.2 duplicate=0.2 reorder=0.2 seed=3 |

  Scenario: one phone without ZRTP: the other's leg is terminated
    Given the settings
      | setting                                       | value               |
      | b2bua/zrtp-transparent                        | true                |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | zrtp       |
      | pauline | sdes       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie has the SAS that b2bua tells
    And nothing of marie's ZRTP was sent to pauline
