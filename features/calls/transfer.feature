@calls
Feature: A call is transferred
  Spec 2.12 and 5.1: the peer of one leg sends REFER, the peer of the other one is asked to call somebody, and the first is told what comes of it.

  @S-CALL-15 @S-CALL-16 @2.12
  Scenario Outline: <transferor> transfers the other one: <result>
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When <transferor> sends a REFER to "<sip:carol@sip.example.org>"
    Then <transferor>'s REFER is answered 202
    And <transferor> is notified of "SIP/2.0 100 Trying", and the subscription goes on
    And <transferee> gets a REFER with
      | header      | value                                 |
      | Refer-To    | <sip:carol@sip.example.org>           |
      | Referred-By | <sip:<transferor>@sip.example.org>    |
    When <transferee> answers the REFER 202
    And <transferee> notifies "SIP/2.0 100 Trying", and the subscription goes on
    And <transferee> notifies "SIP/2.0 180 Ringing", and the subscription goes on
    And <transferee> notifies "<result>", and the subscription ends
    Then <transferor> is notified of "<told>", and the subscription ends
    And <transferor>'s call is still up
    And b2bua logs a message /the transfer that leg . asked for: <told>/
    When <transferor> hangs up
    Then <transferee>'s call is released

    Examples:
      | transferor | transferee | result              | told                |
      | bob        | alice      | SIP/2.0 200 OK      | SIP/2.0 200 Ok      |
      | alice      | bob        | SIP/2.0 200 OK      | SIP/2.0 200 Ok      |
      | bob        | alice      | SIP/2.0 603 Decline | SIP/2.0 603 Decline |
      | alice      | bob        | SIP/2.0 603 Decline | SIP/2.0 603 Decline |

  @2.12.2
  Scenario Outline: who is to be transferred answers REFER with <status>
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice sends a REFER to "<sip:carol@sip.example.org>"
    Then alice's REFER is answered 202
    And alice is notified of "SIP/2.0 100 Trying", and the subscription goes on
    And bob gets a REFER with
      | header   | value                       |
      | Refer-To | <sip:carol@sip.example.org> |
    When bob answers the REFER <status>
    Then alice is notified of "SIP/2.0 <status> Whatever", and the subscription ends
    And alice's call is still up
    And bob's call is still up

    Examples:
      | status |
      | 405    |
      | 603    |

  @2.12.1
  Scenario Outline: <transferor> transfers although that is forbidden
    Given the settings
      | setting            | value |
      | b2bua/enable-refer | false |
    And b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    And the INVITE to bob has
      | header | value                                                      |
      | Allow  | INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY |
    When bob accepts
    Then the call between alice and bob is up
    When <transferor> sends a REFER to "<sip:carol@sip.example.org>"
    Then <transferor>'s REFER is answered 405
    And b2bua logs a warning /REFER refused with 405: transfers are forbidden \(b2bua.enable-refer=false\)/
    And alice's call is still up
    And bob's call is still up

    Examples:
      | transferor |
      | alice      |
      | bob        |

  @2.12.1
  Scenario: a REFER without a target
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice sends a REFER without a target
    Then alice's REFER is answered 400
    And alice's call is still up

  @2.12.2
  Scenario: who is to be transferred hangs up, and the other one's subscription ends before its call
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice sends a REFER to "<sip:carol@sip.example.org>"
    Then alice's REFER is answered 202
    And alice is notified of "SIP/2.0 100 Trying", and the subscription goes on
    When bob hangs up
    Then alice is notified of "SIP/2.0 100 Trying", and the subscription ends
    And alice's call is released

  @S-CALL-17 @2.12.4
  Scenario: an attended transfer names the dialog that the target knows, whoever called it
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And alice's call is also known as first
    And bob's call is also known as transferee
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When first sends a REFER to "<sip:whoever@sip.example.org?Replaces={{alice.call-id}}%3Bto-tag%3D{{alice.peer-tag}}%3Bfrom-tag%3D{{alice.tag}}%3Bearly-only>"
    Then first's REFER is answered 202
    And transferee gets a REFER with
      | header      | value                                                                                                                        |
      | Refer-To    | <sip:bob@sip.example.org?Replaces={{bob.call-id}}%3Bfrom-tag%3D{{bob.peer-tag}}%3Bto-tag%3D{{bob.tag}}>                       |
      | Referred-By | <sip:alice@sip.example.org>                                                                                                  |
    When transferee sends a REFER to "<sip:whoever@sip.example.org?Replaces={{bob.call-id}}%3Bto-tag%3D{{bob.peer-tag}}%3Bfrom-tag%3D{{bob.tag}}>"
    Then transferee's REFER is answered 202
    And first gets a REFER with
      | header      | value                                                                                                                        |
      | Refer-To    | /<sip:alice@sip\.example\.org\?Replaces=.+%3Bfrom-tag%3D{{alice.peer-tag}}%3Bto-tag%3D{{alice.tag}}>/ |

  @2.12.4
  Scenario Outline: a Replaces of <what>
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice sends a REFER to "<sip:carol@sip.example.org?<headers>>"
    Then alice's REFER is answered 202
    And bob gets a REFER with
      | header   | value                                |
      | Refer-To | <sip:carol@sip.example.org<others>>  |

    Examples:
      | what              | headers                                          | others                                            |
      | an unknown dialog | Replaces=x%40y%3Bfrom-tag%3D1%3Bto-tag%3D2        | ?Replaces=x%40y%3Bfrom-tag%3D1%3Bto-tag%3D2        |
      | no to-tag         | Replaces=x%40y%3Bfrom-tag%3D1                     |                                                   |

  @2.12.3
  Scenario: the INVITE of an attended transfer may require Replaces
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header   | value                         |
      | Require  | replaces                      |
      | Replaces | unknown@x;from-tag=1;to-tag=2 |
    Then bob is invited
    And the INVITE to bob has
      | header    | value                         |
      | Require   | replaces                      |
      | Replaces  | unknown@x;from-tag=1;to-tag=2 |
      | Supported | replaces                      |
