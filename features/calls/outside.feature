@calls
Feature: Requests outside a call
  Spec 2.2.

  Background:
    Given b2bua runs between alice and bob

  Scenario Outline: <method> is answered <status>
    When alice sends <method> outside a call
    Then alice's request is answered <status>
    And bob was invited 0 times in all

    Examples:
      | method    | status |
      | OPTIONS   | 200    |
      | BYE       | 481    |
      | INFO      | 481    |
      | CANCEL    | 481    |
      | MESSAGE   | 405    |
      | PUBLISH   | 405    |
      | REFER     | 405    |
      | SUBSCRIBE | 405    |
      | NOTIFY    | 405    |
      | FROBNICATE | 405   |

  Scenario: 405 tells what is allowed
    When alice sends FROBNICATE outside a call
    Then alice's request is answered 405 and
      | header | value     |
      | Allow  | (present) |

  Scenario Outline: <method> for a dialog that does not exist
    When alice sends <method> outside a call with
      | header | value                               |
      | To     | <sip:bob@sip.example.org>;tag=gone  |
      | Event  | refer                               |
    Then alice's request is answered 481

    Examples:
      | method |
      | INVITE |
      | NOTIFY |
      | BYE    |

  Scenario: an unsolicited NOTIFY with an event is accepted
    When alice sends NOTIFY outside a call with
      | header | value           |
      | Event  | message-summary |
    Then alice's request is answered 200

  Scenario: SUBSCRIBE is refused by the trenscrypter
    When alice sends SUBSCRIBE outside a call with
      | header | value           |
      | Event  | message-summary |
    Then alice's request is answered 488

  Scenario: presence is a bad event
    When alice sends SUBSCRIBE outside a call with
      | header | value    |
      | Event  | presence |
    Then alice's request is answered 489

  Scenario: a stray ACK is ignored
    When alice sends ACK outside a call
    And alice sends OPTIONS outside a call
    Then alice's request is answered 200

  Scenario: a malformed request is answered 400
    When alice sends the octets
      """
      OPTIONS sip:nobody@sip.example.org SIP/2.0
      Via: SIP/2.0/UDP {{alice}};rport;branch=z9hG4bKmalformed1
      Max-Forwards: 70
      From: <sip:alice@sip.example.org>;tag=1
      To: <sip:nobody@sip.example.org>
      Call-ID: malformed-1
      CSeq: these are no numbers OPTIONS

      """
    Then alice's request is answered 400

  Scenario: a version that does not exist is answered 505
    When alice sends the octets
      """
      OPTIONS sip:nobody@sip.example.org SIP/7.0
      Via: SIP/2.0/UDP {{alice}};rport;branch=z9hG4bKmalformed2
      Max-Forwards: 70
      From: <sip:alice@sip.example.org>;tag=1
      To: <sip:nobody@sip.example.org>
      Call-ID: malformed-2
      CSeq: 1 OPTIONS

      """
    Then alice's request is answered 505

  Scenario: noise is survived
    When alice sends the octets
      """
      this is no SIP at all
      """
    And alice sends OPTIONS outside a call
    Then alice's request is answered 200
