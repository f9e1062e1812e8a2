@zrtp
Feature: ZRTP that goes wrong
  A leg that must be ZRTP and does not become secure is released; until it is secure nothing is sent to it and nothing taken from it.

  Scenario Outline: <fault> on the phone's side: <who>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
      | b2bua::timers/secure-timeout                  | 1s                     |
    And b2bua runs between the softphones
      | name    | encryption | fault     |
      | marie   | <leg A>    | <fault A> |
      | pauline | <leg B>    | <fault B> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie's call was ended with the Reason SIP;cause=488;text="Media security failed"
    And pauline's call was ended with the Reason SIP;cause=488;text="Media security failed"
    And b2bua logs a message /<leg> must be zrtp and is not secure: no keys within 1s/
    And marie received no audio
    And pauline received no audio
    And nothing but ZRTP was sent to <who>
    And <who> has no SAS
    And b2bua has closed the media ports of the call

    Examples:
      | fault                   | who     | leg   | leg A | leg B | fault A         | fault B         |
      | no word of ZRTP         | marie   | leg A | zrtp  | none  | silent          |                 |
      | no word of ZRTP         | pauline | leg B | none  | zrtp  |                 | silent          |
      | Hello and nothing after | marie   | leg A | zrtp  | none  | mute            |                 |
      | Hello and nothing after | pauline | leg B | none  | zrtp  |                 | mute            |
      | a wrong zrtp-hash       | marie   | leg A | zrtp  | none  | wrong-zrtp-hash |                 |
      | a wrong zrtp-hash       | pauline | leg B | none  | zrtp  |                 | wrong-zrtp-hash |

  Scenario: a wrong zrtp-hash is told
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:pauline@.* |
      | b2bua::timers/secure-timeout                  | 5s                  |
    And b2bua runs between the softphones
      | name    | encryption | fault           |
      | marie   | zrtp       | wrong-zrtp-hash |
      | pauline | none       |                 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then b2bua logs a warning /leg A: ZRTP of stream \d+: Hello does not match a=zrtp-hash/
    And marie is free again

  Scenario: a callee that knows no ZRTP
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
      | b2bua::timers/secure-timeout                  | 1s                  |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | sdes       |
      | pauline | none       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie's call was ended with the Reason SIP;cause=488;text="Media security failed"
    And pauline's call was ended with the Reason SIP;cause=488;text="Media security failed"
    And b2bua logs a message /leg B must be zrtp and is not secure: .*no a=zrtp-hash: it may not speak ZRTP/
    And marie received no audio
    And pauline received no audio
    And nothing but ZRTP was sent to pauline

  Scenario Outline: Errors that somebody forges end nothing: <who>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | fault     | passive   |
      | marie   | <leg A>    | <fault A> | <passive> |
      | pauline | <leg B>    | <fault B> | <passive> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And <who> has the SAS that b2bua tells
    And nothing can be heard on the wire of <who>'s leg
    And b2bua logs a warning /<leg>: ZRTP of stream \d+: /

    Examples:
      | who     | leg   | leg A | leg B | fault A       | fault B       | passive |
      | marie   | leg A | zrtp  | none  | forged-errors |               |         |
      | marie   | leg A | zrtp  | sdes  | forged-errors |               | yes     |
      | pauline | leg B | none  | zrtp  |               | forged-errors |         |

  Scenario Outline: a bad network: <what>
    Given the settings
      | setting                                       | value                |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
      | b2bua::timers/secure-timeout                  | 60s                  |
    And b2bua runs between the softphones
      | name    | encryption | network     | arriving    |
      | marie   | <leg A>    | <network A> | <network A> |
      | pauline | <leg B>    | <network B> | <network B> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And <who> has the SAS that b2bua tells
    And marie receives 50 more packets of audio
    And pauline receives 50 more packets of audio
    And nothing can be heard on the wire of <who>'s leg
    And marie received nothing twice
    When marie ends the call
    Then pauline is free again

    Examples:
      | what                       | who     | leg A | leg B | network A                      | network B                      |
      | 30 percent lost both ways  | marie   | zrtp  | none  | loss=0.3 seed=1                |                                |
      | 30 percent lost both ways  | pauline | sdes  | zrtp  |                                | loss=0.3 seed=2                |
      | all late or out of order   | marie   | zrtp  | none  | reorder=0.5 jitter=60ms seed=3 |                                |

  Scenario Outline: everything comes twice: <who>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | network     |
      | marie   | <leg A>    | <network A> |
      | pauline | <leg B>    | <network B> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And <who> has the SAS that b2bua tells
    And <other> received nothing twice

    Examples:
      | who     | other   | leg A | leg B | network A   | network B   |
      | marie   | pauline | zrtp  | sdes  | duplicate=1 |             |
      | pauline | marie   | sdes  | zrtp  |             | duplicate=1 |

  Scenario Outline: a stranger cannot talk into a leg with ZRTP: <who>
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
    When a stranger plays 2200 Hz in clear into <who>'s leg
    And a stranger replays the packets that <who> sent
    Then <other> receives 100 more packets of audio
    And marie and pauline hear each other
    And <other> received from one source, nothing twice and nothing that <who> did not send

    Examples:
      | who     | other   | leg A | leg B |
      | marie   | pauline | zrtp  | none  |
      | pauline | marie   | none  | zrtp  |

  Scenario: 30 percent lost on both legs, both ways, with video
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
      | b2bua::timers/secure-timeout                  | 60s                 |
    And b2bua runs between the softphones
      | name    | encryption | video     | network                                   | arriving                                  |
      | marie   | zrtp       | VP8/90000 | loss=0.3 duplicate=0.1 reorder=0.1 seed=5 | loss=0.3 duplicate=0.1 reorder=0.1 seed=6 |
      | pauline | zrtp       | VP8/90000 | loss=0.3 duplicate=0.1 reorder=0.1 seed=7 | loss=0.3 duplicate=0.1 reorder=0.1 seed=8 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie has the SAS that b2bua tells
    And pauline has the SAS that b2bua tells
    And marie and pauline see each other
    And marie receives 50 more packets of audio
    And pauline receives 50 more packets of audio
    And nothing can be heard on the wire of marie's leg
    And nothing can be heard on the wire of pauline's leg
