@media
Feature: ICE
  Spec 2.11: each leg by itself. A phone with ICE checks the candidates of b2bua, which is lite, and nominates one; any other gets ordinary RTP.

  Scenario Outline: ICE on <legs>, <encryption>
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | ice   | mux   | video     |
      | marie   | <encryption> | <a>   | <mux> | VP8/90000 |
      | pauline | <encryption> | <b>   | <mux> | VP8/90000 |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And <who> is connected by ICE
    And <other> is connected by ICE
    And marie and pauline hear each other
    And marie and pauline see each other
    And marie's audio uses <encryption>
    And pauline's audio uses <encryption>

    Examples:
      | legs      | encryption | a   | b   | who     | other   | mux |
      | leg A     | none       | yes | no  | marie   | marie   |     |
      | leg B     | none       | no  | yes | pauline | pauline |     |
      | both legs | none       | yes | yes | marie   | pauline |     |
      | both legs | none       | yes | yes | marie   | pauline | yes |
      | both legs | sdes       | yes | yes | marie   | pauline |     |
      | leg A     | dtls-srtp  | yes | no  | marie   | marie   | yes |
      | leg B     | dtls-srtp  | no  | yes | pauline | pauline |     |
      | both legs | dtls-srtp  | yes | yes | marie   | pauline | yes |

  Scenario Outline: a phone on two networks speaks from both and nominates the <nominated>: <legs>, <encryption>
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | encryption   | ice | mux   |
      | marie   | <encryption> | <a> | <mux> |
      | pauline | <encryption> | <b> | <mux> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And <who> is connected by ICE
    And marie and pauline hear each other
    And <who> is sent media on the nominated network alone
    And the stream from b2bua to <other> has no gap and one source
    When pauline ends the call
    Then marie is free again
    And b2bua logs a message /stream 0: leg A received \d+, lost 0 \(0\.0 %\), jitter [0-9.]+(ms|µs|s), sent \d+(, round trip [^,;]*, peer reports lost 0, jitter [^,;]*)?; leg B received \d+, lost 0 \(0\.0 %\), jitter [0-9.]+(ms|µs|s), sent \d+(, round trip [^,;]*, peer reports lost 0, jitter [^,;]*)?$/

    Examples:
      | legs  | nominated | encryption | a             | b             | mux | who     | other   |
      | leg A | first     | none       | first of two  | no            |     | marie   | pauline |
      | leg A | second    | none       | second of two | no            | yes | marie   | pauline |
      | leg B | first     | none       | no            | first of two  | yes | pauline | marie   |
      | leg B | second    | none       | no            | second of two |     | pauline | marie   |
      | leg A | second    | sdes       | second of two | no            |     | marie   | pauline |
      | leg B | first     | sdes       | no            | first of two  | yes | pauline | marie   |
      | leg A | first     | dtls-srtp  | first of two  | no            | yes | marie   | pauline |
      | leg B | second    | dtls-srtp  | no            | second of two |     | pauline | marie   |

  Scenario: without ICE on either leg nothing of it is answered
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice |
      | marie   |     |
      | pauline |     |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie is offered no candidates
    And marie and pauline hear each other

  Scenario: enable-ice=false strips it from both legs
    Given the settings
      | setting                 | value |
      | b2bua-server/enable-ice | false |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice |
      | marie   | yes |
      | pauline | yes |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie is offered no candidates
    And pauline is offered no candidates
    And marie and pauline hear each other

  Scenario: nat-addresses are candidates on both legs
    Given the settings
      | setting                    | value                   |
      | b2bua-server/nat-addresses | 203.0.113.1 2001:db8::1 |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice |
      | marie   | yes |
      | pauline | yes |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie is offered a candidate at "203.0.113.1"
    And pauline is offered a candidate at "203.0.113.1"
    And marie is connected by ICE
    And pauline is connected by ICE
    And marie and pauline hear each other

  Scenario: a phone without ICE behind the same NAT gets the local address
    Given the settings
      | setting                    | value       |
      | b2bua-server/nat-addresses | 203.0.113.1 |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice |
      | marie   | yes |
      | pauline |     |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie is offered a candidate at "203.0.113.1"
    And marie and pauline hear each other

  Scenario: nat-address-in-sdp gives phones without ICE the public address
    Given the settings
      | setting                    | value      |
      | b2bua-server/nat-addresses | 127.88.0.9 |
      | b2bua/nat-address-in-sdp   | true       |
    And b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice |
      | marie   |     |
      | pauline |     |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie is told to send media to "127.88.0.9"
    And pauline is told to send media to "127.88.0.9"

  Scenario Outline: consent is answered as long as the call lives, and <who> restarts by a re-INVITE
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice | encryption   |
      | marie   | yes | <encryption> |
      | pauline | yes | <encryption> |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie is connected by ICE
    And pauline is connected by ICE
    And marie's consent is renewed
    And pauline's consent is renewed
    When <who> restarts ICE
    Then <who> is connected by ICE once more
    And <who>'s consent is renewed
    And marie and pauline hear each other

    Examples:
      | who     | encryption |
      | marie   | none       |
      | pauline | none       |
      | marie   | dtls-srtp  |

  Scenario: checks with a wrong password get 401 and change nothing
    Given b2bua runs behind the proxy of sip.example.org
    And the softphones
      | name    | ice | fault |
      | marie   | yes | ice   |
      | pauline | yes |       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie's checks are refused with 401
    And pauline is connected by ICE
