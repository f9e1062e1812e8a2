@media
Feature: A user with two phones
  One of them sends early media, under keys and from an address of its own; then one of them picks up.

  Scenario Outline: <first> sends early media by <encryption>, <taker> picks up
    Given the settings
      | setting                                       | value                       |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <encryption> sip:pauline@.* |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   |
      | marie   | <caller>     |
      | pauline | <encryption> |
      | office  | <encryption> |
    And office is also a phone of pauline
    When marie calls pauline
    And <first> sends early media
    Then marie and <first> are in early media
    And marie and <first> hear each other
    And <other>'s phone rings
    When <taker> picks up
    Then marie and <taker> are in the call
    And <taker>'s audio uses <encryption>
    And marie receives 50 more packets of audio
    And <taker> receives 50 more packets of audio
    And marie and <taker> hear each other
    And nothing can be heard on the wire of <taker>'s leg
    When marie ends the call
    Then <taker> is free again
    And b2bua has closed the media ports of the call

    Examples:
      | encryption | caller    | first   | other   | taker   |
      | sdes       | none      | pauline | office  | office  |
      | sdes       | dtls-srtp | pauline | office  | pauline |
      | dtls-srtp  | none      | pauline | office  | office  |
      | dtls-srtp  | sdes      | office  | pauline | pauline |
      | dtls-srtp  | zrtp      | pauline | office  | pauline |

  Scenario Outline: both phones have ICE and were offered the same credentials: <encryption>, <first> sends early media, <taker> picks up
    Given the settings
      | setting                                       | value                       |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <encryption> sip:pauline@.* |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | ice |
      | marie   | none         | no  |
      | pauline | <encryption> | yes |
      | office  | <encryption> | yes |
    And office is also a phone of pauline
    When marie calls pauline
    And <first> sends early media
    Then marie and <first> are in early media
    And <first> is connected by ICE
    And marie and <first> hear each other
    And <other>'s phone rings
    When <taker> picks up
    Then marie and <taker> are in the call
    And <taker> is connected by ICE
    And marie receives 50 more packets of audio
    And <taker> receives 50 more packets of audio
    And marie and <taker> hear each other
    When marie ends the call
    Then <taker> is free again
    And b2bua has closed the media ports of the call

    Examples:
      | encryption | first   | other   | taker   |
      | none       | pauline | office  | office  |
      | sdes       | pauline | office  | office  |
      | sdes       | office  | pauline | office  |
      | dtls-srtp  | pauline | office  | office  |
      | dtls-srtp  | office  | pauline | pauline |
