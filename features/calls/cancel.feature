@calls
Feature: The caller gives up
  Spec 2.4.4. CANCEL gets 200, the INVITE 487, and leg B is cancelled as its own state allows.

  Background:
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited

  Scenario: while it rings
    When bob answers 180
    Then alice gets 180 without SDP
    When alice gives up
    Then alice's call ends with 487
    And bob's call is cancelled without a reason

  Scenario: in early media
    When bob answers 183 with SDP
    Then alice gets 183 with SDP
    When alice gives up
    Then alice's call ends with 487
    And bob's call is cancelled without a reason

  Scenario Outline: the reason <reason> is relayed
    When bob answers 180
    Then alice gets 180 without SDP
    When alice gives up with the reason '<reason>'
    Then alice's call ends with 487
    And bob's call is cancelled with the reason '<reason>'

    Examples:
      | reason                                      |
      | Q.850;cause=16;text="Normal call clearing"  |
      | SIP;cause=603;text="Declined elsewhere"     |

  Scenario Outline: the reason <reason> denotes no error and is dropped
    When bob answers 180
    Then alice gets 180 without SDP
    When alice gives up with the reason '<reason>'
    Then alice's call ends with 487
    And bob's call is cancelled without a reason

    Examples:
      | reason                                     |
      | SIP;cause=200;text="Call completed elsewhere" |
      | SIP;cause=487                              |

  Scenario: a BYE while it rings asks for the same
    When bob answers 180
    Then alice gets 180 without SDP
    When alice hangs up
    Then alice's call fails with 487
    And bob's call is cancelled

  Scenario: UPDATE while it rings
    When bob answers 180
    Then alice gets 180 without SDP
    When alice sends an UPDATE
    Then alice's UPDATE is answered 200 without SDP
    When bob accepts
    Then the call between alice and bob is up
