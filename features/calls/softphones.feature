@calls
Feature: Calls between phones that carry media
  Spec 5.1, with a proxy that sends every call through b2bua.

  @S-CALL-2
  Scenario: early media, then the call
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    |
      | marie   |
      | pauline |
    When marie calls pauline
    And pauline sends early media
    Then marie and pauline are in early media
    And marie and pauline hear each other
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When pauline ends the call
    Then marie is free again
    And pauline is free again

  @S-CALL-3
  Scenario: the callee declines
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    |
      | marie   |
      | pauline |
    When marie calls pauline
    Then pauline's phone rings
    When pauline declines with 603
    Then marie's call was refused with 603
    And marie is free again
    And pauline is free again

  @S-CALL-5
  Scenario: the To header decides who is called
    Given the proxy changes the Request-URI of each new call to "sip:unexpected@sip.example.org"
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name       |
      | marie      |
      | intended   |
      | unexpected |
    When marie calls intended
    Then intended's phone rings
    And marie hears that it rings
    And unexpected's phone did not ring
    When intended picks up
    Then marie and intended are in the call
    When marie ends the call
    Then intended is free again

  @S-CALL-6
  Scenario: the User-Agent of leg B
    Given the settings
      | setting                 | value                              |
      | b2bua-server/user-agent | test-user-agent-value/stub-version |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    |
      | marie   |
      | pauline |
    When marie calls pauline
    Then pauline's phone rings
    And the INVITE that b2bua sent through the proxy has
      | header     | value                              |
      | User-Agent | test-user-agent-value/stub-version |

  @S-CALL-8
  Scenario: video refused by the callee
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | video     |
      | marie   | VP8/90000 |
      | pauline | VP8/90000 |
    When marie calls pauline with audio and video
    Then pauline's phone rings
    And marie hears that it rings
    When pauline picks up without video
    Then marie and pauline are in the call
    And marie's call has no video
    And pauline's call has no video
    And marie and pauline hear each other
    When marie ends the call
    Then pauline is free again

  @2.13
  Scenario: a user with two phones
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    |
      | marie   |
      | pauline |
      | office  |
    And office is also a phone of pauline
    When marie calls pauline
    Then pauline's phone rings
    And office's phone rings
    When office picks up
    Then marie and office are in the call
    And pauline is free again
    And marie and office hear each other
    When marie ends the call
    Then office is free again

  Scenario Outline: a call without an offer in the INVITE, <leg B> on leg B
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption |
      | marie   | none       |
      | pauline | <leg B>    |
    When marie calls pauline without an offer
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When pauline ends the call
    Then marie is free again

    Examples:
      | leg B |
      | none  |
      | sdes  |
