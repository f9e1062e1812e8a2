@zrtp
Feature: What phones and b2bua remember of each other in ZRTP
  A secret of each call is kept for the next one (RFC 6189 section 4.6): who has it is the one of the last call.

  Background:
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | zrtp       |
      | pauline | none       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie meets b2bua for the first time
    And b2bua says of marie's SAS "continuity first call, verified no"
    And marie and pauline hear each other

  Scenario: three calls
    When marie confirms the SAS
    And marie ends the call
    Then marie is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie knows b2bua from an earlier call
    And marie's phone remembers that the SAS was compared
    And b2bua says of marie's SAS "continuity yes, verified by the phone only"
    And marie and pauline hear each other
    When marie ends the call
    Then marie is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie knows b2bua from an earlier call
    And b2bua says of marie's SAS "continuity yes"
    And marie suspects nothing
    And marie and pauline hear each other
    When b2bua is run with "zrtp list --json -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And the JSON that it printed has
      | member       | value  |
      | 0.client     | sipsim |
      | 0.mismatches | 0      |

  Scenario: the phone forgot
    When marie ends the call
    Then marie is free again
    When marie's phone forgets everybody
    And marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie meets b2bua for the first time
    And b2bua says of marie's SAS "continuity MISMATCH"
    And b2bua logs a warning /leg A: ZRTP of stream \d+: .*retained secret/
    And marie and pauline hear each other
    When marie ends the call
    Then marie is free again
    When b2bua is run with "zrtp list --json -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And the JSON that it printed has
      | member       | value |
      | 0.mismatches | 1     |

  Scenario: b2bua was made to forget
    When marie ends the call
    Then marie is free again
    When b2bua is run with "zrtp clear --all -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie is warned that b2bua is another one
    And b2bua says of marie's SAS "continuity first call"
    And marie and pauline hear each other
    When marie confirms the SAS
    And marie ends the call
    Then marie is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie knows b2bua from an earlier call
    And b2bua says of marie's SAS "continuity yes"

  Scenario: the SAS was compared, and b2bua is told
    When marie confirms the SAS
    And b2bua is run with "ctl calls --json --pid {{pid}}"
    Then it exits with status 0
    And the JSON that it printed has
      | member         | value         |
      | 0.legA.sas     | {{marie.sas}} |
      | 0.legA.verified | false         |
      | 0.legA.phone   | sipsim        |
    When b2bua is run with "ctl sas 1 a same --pid {{pid}}"
    Then it exits with status 0
    When marie ends the call
    Then marie is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie knows b2bua from an earlier call
    And marie's phone remembers that the SAS was compared
    And b2bua says of marie's SAS "continuity yes, verified yes"
    And marie and pauline hear each other

  Scenario: the phone forgot, and its user compared the SAS
    When marie ends the call
    Then marie is free again
    When marie's phone forgets everybody
    And marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then b2bua says of marie's SAS "continuity MISMATCH"
    When b2bua is run with "ctl sas 2 a same --pid {{pid}}"
    Then it exits with status 0
    When marie ends the call
    Then marie is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie knows b2bua from an earlier call
    And b2bua says of marie's SAS "continuity yes"
    And marie and pauline hear each other
