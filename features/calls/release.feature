@calls
Feature: Release
  Spec 2.4.5. Whichever side ends the call, the other is ended too; a BYE is answered at once.

  Background:
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up

  Scenario: the caller hangs up
    When alice hangs up
    Then bob's call is released without a reason
    And b2bua has closed the media ports of the call

  Scenario: the callee hangs up
    When bob hangs up
    Then alice's call is released without a reason
    And b2bua has closed the media ports of the call

  Scenario: a BYE is answered without waiting for the other leg
    Given bob does not answer a BYE
    When alice hangs up
    Then bob's call is released

  Scenario Outline: the reason <reason> is relayed
    When alice hangs up with the reason '<reason>'
    Then bob's call is released with the reason '<reason>'

    Examples:
      | reason                                     |
      | Q.850;cause=16;text="Terminated"           |
      | Q.850;cause=31                             |
      | SIP;cause=503;text="Media lost"            |
      | SIP;cause=603                              |

  Scenario Outline: the reason <reason> denotes no error and is dropped
    When bob hangs up with the reason '<reason>'
    Then alice's call is released without a reason

    Examples:
      | reason                        |
      | SIP;cause=180                 |
      | SIP;cause=200;text="OK"       |
      | SIP;cause=299                 |
      | SIP;cause=487                 |
