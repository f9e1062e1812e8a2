@calls
Feature: Calls over TLS
  Decision 7: certificates are verified, by host name, unless the configuration says otherwise.

  Scenario: both legs over TLS
    Given b2bua runs over TLS between the softphones
      | name    | certificate |
      | marie   | good        |
      | pauline | good        |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When marie ends the call
    Then pauline is free again

  Scenario Outline: a callee whose certificate is <certificate> is not called
    Given b2bua runs over TLS between the softphones
      | name    | certificate   |
      | marie   | good          |
      | pauline | <certificate> |
    When marie calls pauline
    Then marie's call was refused with 503
    And pauline's phone did not ring

    Examples:
      | certificate      |
      | of another host  |
      | self-signed      |
      | expired          |

  Scenario: a callee whose certificate is of another host is called if verification is off
    Given the settings
      | setting                | value |
      | b2bua::tls/verify-peer | false |
    And b2bua runs over TLS between the softphones
      | name    | certificate     |
      | marie   | good            |
      | pauline | of another host |
    When marie calls pauline
    Then pauline's phone rings
