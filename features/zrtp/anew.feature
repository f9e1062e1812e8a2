@zrtp
Feature: A phone that begins ZRTP anew in the middle of a call
  Another zrtp-hash is another Hello. The phone may have put another stream into the session that there is, or may have begun everything
  anew: what it does then shows which of the two. If it does nothing, b2bua tries the one and then the other.

  Scenario Outline: <who>: <how>, <begins>, <what>
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | passive   | video   |
      | marie   | zrtp       | <passive> | <video> |
      | pauline | zrtp       | <passive> | <video> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And <who> has the SAS that b2bua tells
    When <who> negotiates again with <how>
    Then <who>'s audio was agreed on 2 times
    And <who>'s audio was agreed on by <agreement>
    And <who> has the SAS that b2bua tells
    And marie receives 50 more packets of audio
    And pauline receives 50 more packets of audio
    And marie and pauline hear each other
    And <other>'s audio was agreed on 1 times
    And <other> suspects nothing
    And nothing can be heard on the wire of <who>'s leg
    When <who> ends the call
    Then <other> is free again

    Examples:
      | who     | other   | how                             | begins              | passive | video     | what            | agreement |
      | marie   | pauline | a new Hello in the same session | the phone commits   | no      |           | audio           | Mult      |
      | marie   | pauline | a new Hello in the same session | b2bua has to commit | yes     |           | audio           | Mult      |
      | marie   | pauline | a new Hello                     | b2bua has to commit | yes     |           | audio           | DH        |
      | pauline | marie   | a new Hello in the same session | the phone commits   | no      |           | audio           | Mult      |
      | pauline | marie   | a new Hello                     | the phone commits   | no      |           | audio           | DH        |
      | marie   | pauline | a new Hello in the same session | the phone commits   | no      | VP8/90000 | audio and video | Mult      |
      | pauline | marie   | a new Hello                     | the phone commits   | no      | VP8/90000 | audio and video | DH        |

  Scenario: one way, then the other
    Given the settings
      | setting                                       | value               |
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
    When marie negotiates again with a new Hello in the same session
    Then marie's audio was agreed on 2 times
    And marie's audio was agreed on by Mult
    And b2bua logs a message /leg A: secured: audio zrtp \S+, SAS \w{4} as before/
    When marie negotiates again with a new Hello
    Then marie's audio was agreed on 3 times
    And marie's audio was agreed on by DH
    When marie negotiates again with a new Hello in the same session
    Then marie's audio was agreed on 4 times
    And marie's audio was agreed on by Mult
    And marie has the SAS that b2bua tells
    And marie receives 50 more packets of audio
    And marie and pauline hear each other
    And nothing can be heard on the wire of marie's leg
