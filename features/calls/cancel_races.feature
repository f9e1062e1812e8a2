@calls
Feature: The caller gives up at the worst moment
  Spec 2.4.4, RFC 3261 9.1: no CANCEL before a provisional response; a 200 that crosses it is acknowledged and released.

  Background:
    Given b2bua runs between alice and bob
    And bob sends nothing by itself
    When alice invites bob
    Then bob is invited

  Scenario: before leg B has said anything
    When alice gives up
    Then alice's call ends with 487
    And bob's call is not cancelled
    When bob answers 180
    Then bob's call is cancelled
    When bob answers 487
    Then bob was invited 1 time in all

  Scenario: the callee picks up before the CANCEL can be sent
    When alice gives up
    Then alice's call ends with 487
    When bob accepts
    Then bob's answer is acknowledged
    And bob's call is released

  Scenario: the callee's 200 crosses the CANCEL
    When bob answers 180
    Then alice gets 180 without SDP
    When alice gives up
    Then alice's call ends with 487
    And bob's call is cancelled
    When bob accepts
    Then bob's answer is acknowledged
    And bob's call is released
