@media
Feature: Streams that share a transport
  RFC 9143: a browser sends audio and video over one port, with one path and one set of keys. Leg B has a port for each, unless it is a browser, too.

  Scenario Outline: <policy> with <encryption> on leg A, ICE "<ice>", <leg B> on leg B
    Given the settings
      | setting                                       | value                  |
      | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | bundle   | ice   | video     | avpf  |
      | marie   | <encryption> | <policy> | <ice> | VP8/90000 | <ice> |
      | pauline | <leg B>      |          |       | VP8/90000 |       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline see each other
    And marie's audio and video share one path
    And pauline's audio and video have paths of their own
    And marie's audio uses <encryption>
    And marie's video uses <encryption>
    And marie and pauline receive 2 RTCP reports
    And marie received nothing twice

    Examples:
      | policy     | encryption | leg B     | ice |
      | max-bundle | none       | none      |     |
      | max-bundle | sdes       | none      |     |
      | max-bundle | dtls-srtp  | none      |     |
      | max-bundle | none       | sdes      | yes |
      | max-bundle | sdes       | sdes      | yes |
      | max-bundle | dtls-srtp  | dtls-srtp | yes |
      | balanced   | none       | none      |     |
      | balanced   | sdes       | none      |     |
      | balanced   | dtls-srtp  | sdes      |     |
      | balanced   | none       | none      | yes |
      | balanced   | sdes       | none      | yes |
      | balanced   | dtls-srtp  | none      | yes |

  Scenario Outline: a callee that is a browser is offered one transport, and takes it: <policy>, ICE "<ice>", <encryption> on leg A
    Given the settings
      | setting                                       | value                    |
      | b2bua-server::trenscrypter/outgoing-enc-regex | dtls-srtp sip:pauline@.* |
      | b2bua/webrtc-regex                            | sip:pauline@.*           |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | bundle   | ice   | video     | avpf |
      | marie   | <encryption> |          |       | VP8/90000 |      |
      | pauline | dtls-srtp    | <policy> | <ice> | VP8/90000 | yes  |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline see each other
    And pauline's audio and video share one path
    And marie's audio and video have paths of their own
    And pauline's audio was secured by 1 handshakes
    When marie switches video off
    Then pauline's video is off
    And marie and pauline hear each other
    When marie adds video
    Then marie and pauline see each other
    And pauline's audio and video share one path

    Examples:
      | policy     | ice | encryption |
      | max-bundle | yes | none       |
      | balanced   |     | sdes       |

  Scenario: a callee who is taken for a browser, and knows no bundle
    Given the settings
      | setting                                       | value                    |
      | b2bua-server::trenscrypter/outgoing-enc-regex | dtls-srtp sip:pauline@.* |
      | b2bua/webrtc-regex                            | sip:pauline@.*           |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption | ice | video     |
      | marie   | none       |     | VP8/90000 |
      | pauline | dtls-srtp  | yes | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline see each other
    And pauline's audio and video have paths of their own

  Scenario Outline: video comes and goes on the transport of audio, <encryption>, ICE "<ice>"
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | bundle   | ice   |
      | marie   | <encryption> | <policy> | <ice> |
      | pauline | <encryption> |          |       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When pauline is ready for video
    And marie adds video
    Then marie and pauline see each other
    And marie's audio and video share one path
    When marie switches video off
    Then marie's video is off
    And pauline's video is off
    And marie and pauline hear each other
    When marie adds video
    Then marie and pauline see each other
    And marie and pauline hear each other
    And marie's audio and video share one path

    Examples:
      | encryption | policy     | ice |
      | none       | max-bundle |     |
      | sdes       | balanced   |     |
      | dtls-srtp  | max-bundle | yes |

  Scenario Outline: the stream that the transport was described with ends, and the other goes on over it, <encryption>, ICE "<ice>"
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | bundle   | ice   | video     |
      | marie   | <encryption> | <policy> | <ice> | VP8/90000 |
      | pauline | <encryption> |          |       | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    And marie and pauline hear each other
    When marie switches audio off
    Then marie's audio is off
    And pauline's audio is off
    And marie receives 50 more packets of video
    And pauline receives 50 more packets of video
    When marie switches audio on
    Then marie and pauline hear each other
    And marie and pauline see each other
    And marie's audio and video share one path

    Examples:
      | encryption | policy     | ice |
      | none       | balanced   |     |
      | sdes       | max-bundle |     |
      | dtls-srtp  | balanced   | yes |

  Scenario: the keys of the one handshake go on with the transport
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption | bundle     | ice | video     | accepts |
      | marie   | dtls-srtp  | max-bundle | yes | VP8/90000 |         |
      | pauline |            |            |     | VP8/90000 | any     |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    And marie's audio was secured by 1 handshakes
    When marie switches audio off
    Then pauline's audio is off
    And marie receives 50 more packets of video
    And marie's video was secured by one handshake

  Scenario: the callee adds video to a bundle
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption | bundle     | ice |
      | marie   | dtls-srtp  | max-bundle | yes |
      | pauline | dtls-srtp  |            |     |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    When marie is ready for video
    And pauline adds video
    Then marie and pauline see each other
    And marie and pauline hear each other
    And marie's audio and video share one path

  Scenario: the streams are unbundled and bundled again
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption | bundle   | video     |
      | marie   | sdes       | balanced | VP8/90000 |
      | pauline | sdes       |          | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    And marie's audio and video share one path
    When marie unbundles the streams
    Then marie's audio and video have paths of their own
    And marie and pauline see each other
    And marie and pauline hear each other
    When marie bundles the streams as "balanced"
    Then marie's audio and video share one path
    And marie and pauline see each other
    And marie and pauline hear each other

  Scenario: hold and resume of a bundle, by either side
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption | bundle     | ice | video     |
      | marie   | dtls-srtp  | max-bundle | yes | VP8/90000 |
      | pauline | dtls-srtp  |            |     | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline see each other
    When pauline puts the call on hold
    Then marie's audio is recvonly
    And marie's video is recvonly
    When pauline resumes the call
    Then marie's audio is sendrecv
    And marie and pauline see each other
    When marie puts the call on hold
    Then pauline's video is recvonly
    When marie resumes the call
    Then marie and pauline see each other
    And marie and pauline hear each other

  Scenario Outline: a phone that does not say whose its packets are: <fault>, from other sources, after its NAT gave other ports
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | bundle   | video     | fault   |
      | marie   | <encryption> | <policy> | VP8/90000 | <fault> |
      | pauline | <encryption> |          | VP8/90000 |         |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie and pauline see each other
    When marie sends from another source
    Then pauline receives 30 more packets of audio
    And pauline receives 30 more packets of video
    When marie's NAT gives other ports
    Then pauline receives 30 more packets of audio
    And pauline receives 30 more packets of video
    And marie and pauline hear each other
    And marie and pauline see each other

    Examples:
      | encryption | policy     | fault  |
      | none       | balanced   | no-mid |
      | sdes       | max-bundle | no-mid |
      | sdes       | balanced   |        |

  Scenario: packets of a stream that is not there are nobody's
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | bundle     | video     | fault     |
      | marie   | max-bundle | VP8/90000 | wrong-mid |
      | pauline |            | VP8/90000 |           |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie receives 50 more packets of audio
    And marie receives 50 more packets of video
    And pauline is not sent anything on audio
    And pauline is not sent anything on video

  Scenario: the callee takes audio only
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption | bundle     | ice | video     |
      | marie   | dtls-srtp  | max-bundle | yes | VP8/90000 |
      | pauline | dtls-srtp  |            |     | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up without video
    Then marie and pauline are in the call
    And marie and pauline hear each other
    And marie's video is off
