@media
Feature: Media arrives, and only where it should
  Proven by content: each phone plays a tone of its own and must hear exactly the other's; and by octets: what one leg carries in
  clear must not be on the wire of an encrypted one.

  Scenario Outline: <leg A> to <leg B>
    Given the settings
      | setting                                       | value                       |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.*      |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | <leg A>    |
      | pauline | <leg B>    |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline receive RTCP reports
    When pauline ends the call
    Then marie is free again
    And b2bua has closed the media ports of the call

    Examples:
      | leg A | leg B |
      | none  | none  |
      | none  | sdes  |
      | sdes  | none  |
      | sdes  | sdes  |

  Scenario: nothing plain on the wire of an encrypted callee
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:pauline@.*    |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | none       |
      | pauline | sdes       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And no packet of pauline's leg holds a plain payload of marie's leg, nor a tone

  Scenario: nothing plain on the wire of an encrypted caller
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:pauline@.*    |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | sdes       |
      | pauline | none       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And no packet of marie's leg holds a plain payload of pauline's leg, nor a tone

  Scenario: packets in clear are dropped on an SDES leg
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:pauline@.*    |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | sdes       |
      | pauline | none       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When a stranger plays 2200 Hz in clear into marie's leg
    Then pauline receives 50 more packets of audio
    And pauline received from one source, nothing twice and nothing that marie did not send
    And marie and pauline hear each other

  Scenario: replayed packets are dropped
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:pauline@.*    |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | sdes       |
      | pauline | none       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When a stranger replays the packets that marie sent
    Then pauline receives 50 more packets of audio
    And pauline received from one source, nothing twice and nothing that marie did not send
    And marie and pauline hear each other

  Scenario: video is relayed beside audio
    Given b2bua runs between the softphones
      | name    | video     |
      | marie   | VP8/90000 |
      | pauline | VP8/90000 |
    When marie calls pauline with audio and video
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline see each other

  Scenario Outline: <who> negotiates again in an encrypted call
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:pauline@.*    |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | <leg A>    |
      | pauline | sdes       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When <who> negotiates again
    Then marie receives 50 more packets of audio
    And pauline receives 50 more packets of audio
    And marie and pauline hear each other
    And pauline's audio uses sdes with AES_CM_128_HMAC_SHA1_80
    When pauline ends the call
    Then marie is free again

    Examples:
      | who     | leg A |
      | marie   | none  |
      | pauline | none  |
      | marie   | sdes  |
      | pauline | sdes  |
