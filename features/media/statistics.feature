@media
Feature: What went through a call
  At its end each stream tells, for each leg, what was received and lost, the jitter, the round trip between b2bua and the phone, and
  what the phone reported about what it was sent.

  Scenario Outline: <leg A> to <leg B>
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
    And marie and pauline receive 3 RTCP reports
    When pauline ends the call
    Then marie is free again
    And b2bua logs a message /stream 0: leg A received \d+, lost 0 \(0\.0 %\), jitter [0-9.]+(ms|µs|s), sent \d+, round trip [0-9.]+(ms|µs|s), peer reports lost 0, jitter \S+; leg B received \d+, lost 0 \(0\.0 %\), jitter [0-9.]+(ms|µs|s), sent \d+, round trip/

    Examples:
      | leg A | leg B |
      | none  | none  |
      | sdes  | none  |
      | none  | sdes  |

  Scenario: digits that were converted are counted
    Given b2bua runs between the softphones
      | name    | audio                           |
      | marie   | PCMU/8000, telephone-event/8000 |
      | pauline | PCMU/8000                       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie dials "12"
    Then pauline receives "" as telephone events and "12" by INFO
    When marie ends the call
    Then pauline is free again
    And b2bua logs a message /stream 0: leg A .*2 digits converted; leg B/
