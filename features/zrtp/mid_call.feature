@zrtp
Feature: ZRTP in the middle of a call
  What was agreed on stays: a re-INVITE neither takes the zrtp-hash away nor begins anew, unless the phone's Hello is another one.

  Background:
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | zrtp       |
      | pauline | zrtp       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie has the SAS that b2bua tells
    And pauline has the SAS that b2bua tells

  Scenario: hold and resume
    When marie puts the call on hold
    Then pauline's audio is recvonly
    When marie resumes the call
    Then pauline's audio is sendrecv
    And marie receives 20 more packets of audio
    And pauline receives 20 more packets of audio
    When pauline puts the call on hold with inactive
    Then marie's audio is recvonly
    When pauline resumes the call
    Then marie's audio is sendrecv
    And marie receives 20 more packets of audio
    And pauline receives 20 more packets of audio
    And marie and pauline hear each other
    And marie's audio was agreed on 1 times
    And pauline's audio was agreed on 1 times
    And b2bua's newest description for marie has the zrtp-hash of its first one
    And b2bua's newest description for pauline has the zrtp-hash of its first one
    And nothing can be heard on the wire of marie's leg
    And nothing can be heard on the wire of pauline's leg

  Scenario: a re-INVITE that changes nothing
    When marie negotiates again
    Then marie receives 20 more packets of audio
    When pauline negotiates again
    Then pauline receives 20 more packets of audio
    And marie and pauline hear each other
    And marie's audio was agreed on 1 times
    And pauline's audio was agreed on 1 times
    And b2bua's newest description for marie has the zrtp-hash of its first one

  Scenario: video is added, and taken away again
    Given pauline is ready for video
    When marie adds video
    Then marie and pauline see each other
    And marie's video took its keys from the audio
    And pauline's video took its keys from the audio
    And marie and pauline hear each other
    And marie's audio was agreed on 1 times
    When marie switches video off
    Then marie's video is off
    And pauline's video is off
    And marie receives 20 more packets of audio
    And marie and pauline hear each other
    And nothing can be heard on the wire of marie's leg

  Scenario: a re-INVITE without zrtp-hash
    When marie negotiates again without zrtp-hash
    Then marie receives 50 more packets of audio
    And pauline receives 50 more packets of audio
    And marie and pauline hear each other
    And marie's audio was agreed on 1 times
    And b2bua's newest description for marie has the zrtp-hash of its first one
    And nothing can be heard on the wire of marie's leg

  Scenario: a re-INVITE with another zrtp-hash
    When marie negotiates again with a new Hello
    Then marie's audio was agreed on 2 times
    And marie receives 50 more packets of audio
    And pauline receives 50 more packets of audio
    And marie and pauline hear each other
    And pauline's audio was agreed on 1 times
    And marie has the SAS that b2bua tells
    And nothing can be heard on the wire of marie's leg

  Scenario: media from another source
    When marie sends from another source
    And pauline sends from another source
    Then pauline receives 50 more packets of audio
    And marie receives 50 more packets of audio
    Then marie and pauline hear each other
    And marie's audio was agreed on 1 times

  Scenario: media from another port
    When marie's NAT gives other ports
    Then pauline receives 50 more packets of audio
    And marie receives 50 more packets of audio
    And marie and pauline hear each other
    And marie's audio was agreed on 1 times
    And nothing can be heard on the wire of marie's leg
