@zrtp
Feature: ZRTP on either leg
  Each leg agrees on keys with its own phone: two SAS, and what one phone says in ZRTP never reaches the other.

  Scenario Outline: <leg A> to <leg B>, <what>
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | video   |
      | marie   | <leg A>    | <video> |
      | pauline | <leg B>    | <video> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And <who> has the SAS that b2bua tells
    And b2bua's Hello to <who> was the one of its description
    And b2bua says of <who>'s SAS "zrtp-hash right"
    And <who> suspects nothing
    And <who>'s audio uses zrtp with AEAD_AES_256_GCM
    And nothing of <who>'s ZRTP was sent to <other>
    And nothing that names ZRTP was sent to <other>
    And nothing can be heard on the wire of <who>'s leg
    And marie and pauline receive RTCP reports
    When pauline ends the call
    Then marie is free again
    And b2bua has closed the media ports of the call

    Examples:
      | leg A     | leg B     | who     | other   | what            | video     |
      | zrtp      | none      | marie   | pauline | audio           |           |
      | zrtp      | sdes      | marie   | pauline | audio           |           |
      | zrtp      | dtls-srtp | marie   | pauline | audio           |           |
      | none      | zrtp      | pauline | marie   | audio           |           |
      | sdes      | zrtp      | pauline | marie   | audio           |           |
      | dtls-srtp | zrtp      | pauline | marie   | audio           |           |
      | zrtp      | none      | marie   | pauline | audio and video | VP8/90000 |
      | zrtp      | sdes      | marie   | pauline | audio and video | VP8/90000 |
      | zrtp      | dtls-srtp | marie   | pauline | audio and video | VP8/90000 |
      | none      | zrtp      | pauline | marie   | audio and video | VP8/90000 |
      | sdes      | zrtp      | pauline | marie   | audio and video | VP8/90000 |
      | dtls-srtp | zrtp      | pauline | marie   | audio and video | VP8/90000 |

  Scenario Outline: both legs, <what>
    Given b2bua runs between the softphones
      | name    | encryption | video   |
      | marie   | zrtp       | <video> |
      | pauline | zrtp       | <video> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie has the SAS that b2bua tells
    And pauline has the SAS that b2bua tells
    And marie and pauline have different SAS
    And nothing of marie's ZRTP was sent to pauline
    And nothing of pauline's ZRTP was sent to marie
    And nothing can be heard on the wire of marie's leg
    And nothing can be heard on the wire of pauline's leg
    And marie received nothing twice

    Examples:
      | what            | video     |
      | audio           |           |
      | audio and video | VP8/90000 |

  Scenario: video takes its keys from the audio
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | video     |
      | marie   | zrtp       | VP8/90000 |
      | pauline | zrtp       | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline see each other
    And marie's video took its keys from the audio
    And pauline's video took its keys from the audio

  Scenario Outline: what phones prefer: <agreement> with <hash>, <cipher> and <tag>
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | none sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | agreements   | ciphers   | tags   | mtu   | passive   |
      | marie   | zrtp       | <agreements> | <ciphers> | <tags> | <mtu> | <passive> |
      | pauline | none       |              |           |        |       |           |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie agreed by <agreement> with <hash>, <cipher> and <tag>
    And marie has the SAS that b2bua tells

    Examples:
      | agreements | ciphers | tags | mtu | passive | agreement | hash | cipher | tag  |
      | X255, Mult |         |      |     |         | X255      | S256 | AES1   | GCM  |
      | EC25       |         | HS80 |     |         | EC25      | S256 | AES1   | HS80 |
      | DH3k       | AES3    | HS80 |     | yes     | DH3k      | S256 | AES3   | HS80 |
      | X448       | AES3    |      |     |         | X448      | S512 | AES3   | GCM  |
      | X1M1       |         |      |     |         | X1M1      | S512 | AES3   | GCM  |
      | X1M1       |         | HS80 | 600 | yes     | X1M1      | S512 | AES3   | HS80 |

  Scenario Outline: a phone that begins ZRTP on a plain leg A, <leg B> on leg B
    Decision 12: its description says nothing of it.
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | fault        | video   |
      | marie   | zrtp       | no-zrtp-hash | <video> |
      | pauline | <leg B>    |              | <video> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie has the SAS that b2bua tells
    And pauline's audio uses <leg B>
    And nothing of marie's ZRTP was sent to pauline

    Examples:
      | leg B | video     |
      | none  |           |
      | sdes  | VP8/90000 |

  Scenario: a phone on leg B that answers without zrtp-hash
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption | fault        |
      | marie   | none       |              |
      | pauline | zrtp       | no-zrtp-hash |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And pauline has the SAS that b2bua tells
    And nothing can be heard on the wire of pauline's leg

  Scenario: early media, then the call
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | zrtp       |
      | pauline | zrtp       |
    When marie calls pauline
    And pauline sends early media
    Then marie and pauline are in early media
    And marie and pauline hear each other
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie's audio was agreed on 1 times
    And pauline's audio was agreed on 1 times
    And marie has the SAS that b2bua tells
    And pauline has the SAS that b2bua tells

  Scenario: a call without an offer
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | none       |
      | pauline | zrtp       |
    When marie calls pauline without an offer
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And pauline has the SAS that b2bua tells

  Scenario: fifty calls at once
    Given the settings
      | setting                                       | value                                         |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:callee\d+s@.* zrtp sip:callee\d+z@.* |
    And b2bua runs behind the proxy of sip.example.org
    And 50 pairs of softphones with ZRTP
    When all callers call at once
    Then each of them hears its own partner
    And each phone with ZRTP has the SAS that b2bua tells
    And the two legs of each call have different SAS
    And nothing can be heard or seen on the wire of an encrypted leg
    When all callers hang up at once
    Then all of them are free again
    And b2bua has closed the media ports of the call

  Scenario Outline: a user with two phones, <first> of them sends early media
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption |
      | marie   | zrtp       |
      | pauline | zrtp       |
      | office  | zrtp       |
    And office is also a phone of pauline
    When marie calls pauline
    And <first> sends early media
    Then <first> has the SAS that b2bua tells
    And <other>'s phone rings
    When <taker> picks up
    Then marie and <taker> are in the call
    And <taker> has the SAS that b2bua tells
    And marie has the SAS that b2bua tells
    And marie receives 50 more packets of audio
    And <taker> receives 50 more packets of audio
    And marie and <taker> hear each other
    And nothing can be heard on the wire of marie's leg
    And nothing can be heard on the wire of <taker>'s leg
    When marie ends the call
    Then <taker> is free again

    Examples:
      | first   | other  | taker   |
      | pauline | office | office  |
      | pauline | office | pauline |
