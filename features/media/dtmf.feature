@media
Feature: Digits
  Spec 2.9: digits that one leg receives, as telephone events (RFC 4733) or as INFO, reach the other one, one by one. Where both legs
  have telephone events these pass as they are.

  Scenario Outline: telephone events pass from <leg A> to <leg B> and back
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | <leg A>    |
      | pauline | <leg B>    |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When marie dials "0123456789*#ABCD"
    And pauline dials "42"
    Then pauline receives "0123456789*#ABCD" as telephone events and "" by INFO
    And marie receives "42" as telephone events and "" by INFO
    And marie and pauline hear each other
    And the stream from b2bua to marie has no gap and one source
    And the stream from b2bua to pauline has no gap and one source

    Examples:
      | leg A     | leg B     |
      | none      | none      |
      | none      | sdes      |
      | sdes      | none      |
      | sdes      | sdes      |
      | dtls-srtp | none      |
      | none      | dtls-srtp |

  Scenario Outline: a callee without telephone events gets INFO, and its INFO is played to the caller: <leg A> to <leg B>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | audio                            |
      | marie   | <leg A>    | PCMU/8000, telephone-event/8000  |
      | pauline | <leg B>    | PCMU/8000                        |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When marie dials "1223#A"
    And pauline dials "99*D" by INFO
    Then pauline receives "" as telephone events and "1223#A" by INFO
    And marie receives "99*D" as telephone events and "" by INFO
    And marie and pauline hear each other
    And the stream from b2bua to marie has no gap and one source
    And the stream from b2bua to pauline has no gap and one source

    Examples:
      | leg A     | leg B     |
      | none      | none      |
      | none      | sdes      |
      | sdes      | none      |
      | sdes      | sdes      |
      | dtls-srtp | none      |
      | none      | dtls-srtp |

  Scenario Outline: each digit once, though the network <does>: <leg A> to <leg B>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | audio                           | network   |
      | marie   | <leg A>    | PCMU/8000, telephone-event/8000 | <network> |
      | pauline | <leg B>    | PCMU/8000                       |           |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When marie dials "1123558#"
    Then pauline receives "" as telephone events and "1123558#" by INFO
    And marie and pauline hear each other

    Examples:
      | leg A | leg B | network     | does                |
      | none  | sdes  | loss=0.2    | loses a fifth       |
      | sdes  | none  | loss=0.2    | loses a fifth       |
      | none  | none  | duplicate=1 | sends all twice     |
      | none  | none  | reorder=0.2 | changes their order |

  Scenario: a caller without telephone events
    Given b2bua runs between the softphones
      | name    | audio                            |
      | marie   | PCMU/8000                        |
      | pauline | PCMU/8000, telephone-event/8000  |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie dials "15" by INFO
    And marie dials "7" by INFO of type application/dtmf
    And pauline dials "26"
    Then pauline receives "157" as telephone events and "" by INFO
    And marie receives "" as telephone events and "26" by INFO
    And marie and pauline hear each other

  Scenario: neither has telephone events
    Given b2bua runs between the softphones
      | name    | audio     |
      | marie   | PCMU/8000 |
      | pauline | PCMU/8000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie dials "3A#" by INFO
    And pauline dials "*0" by INFO
    Then pauline receives "" as telephone events and "3A#" by INFO
    And marie receives "" as telephone events and "*0" by INFO

  Scenario: the clock rates differ
    Given b2bua runs between the softphones
      | name    | audio                                    |
      | marie   | opus/48000/2, telephone-event/48000      |
      | pauline | opus/48000/2, telephone-event/8000       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie dials "56"
    Then pauline receives "" as telephone events and "56" by INFO
    When pauline dials "78" by INFO
    Then marie receives "78" as telephone events and "" by INFO

  Scenario: digits around a re-INVITE
    Given b2bua runs between the softphones
      | name    | audio                            |
      | marie   | PCMU/8000, telephone-event/8000  |
      | pauline | PCMU/8000                        |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie dials "123456"
    And marie negotiates again
    And pauline negotiates again
    Then pauline receives "" as telephone events and "123456" by INFO
    And marie and pauline hear each other

  Scenario Outline: an INFO that is refused with <status> harms nothing
    Given b2bua runs between the softphones
      | name    | audio                            |
      | marie   | PCMU/8000, telephone-event/8000  |
      | pauline | PCMU/8000                        |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    Given pauline's phone answers INFO with <status>
    When marie dials "12"
    Then pauline's phone has refused 2 INFOs
    And marie and pauline hear each other
    Given pauline's phone answers INFO with 0
    When marie dials "3"
    Then pauline receives "" as telephone events and "3" by INFO

    Examples:
      | status |
      | 405    |
      | 415    |
      | 481    |
      | 488    |
      | 500    |
