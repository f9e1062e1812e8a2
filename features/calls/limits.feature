@calls
Feature: Limits of calls
  Spec 2.3 step 2, 2.4.4, 2.4.7, 2.10.

  @2.4.7
  Scenario: one call too many is refused with 486
    Given b2bua runs between alice and bob with
      | setting                | value |
      | b2bua-server/max-calls | 1     |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When carol invites bob
    Then carol's call fails with 486
    And bob was invited 1 time in all
    When alice hangs up
    Then bob's call is released
    When carol invites bob
    Then bob is invited
    When bob accepts
    Then the call between carol and bob is up

  @2.4.4
  Scenario: a caller is not left ringing for ever
    Given b2bua runs between alice and bob with
      | setting                    | value |
      | b2bua::timers/ring-timeout | 4s    |
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    And alice's call fails with 486
    And bob's call is cancelled

  @2.4.4
  Scenario: the ring timeout counts even when leg B has said nothing
    Given b2bua runs between alice and bob with
      | setting                    | value |
      | b2bua::timers/ring-timeout | 1s    |
    And bob sends nothing by itself
    When alice invites bob
    Then bob is invited
    And alice's call fails with 486
    When bob answers 180
    Then bob's call is cancelled
    When bob answers 487
    Then bob was invited 1 time in all

  Scenario: a caller who never acknowledges the answer is released
    Given b2bua runs between alice and bob with
      | setting          | value |
      | b2bua::timers/t1 | 100ms |
    And alice never acknowledges an answer
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then bob's answer is acknowledged
    And alice gets 200 with SDP
    And alice's call is released
    And bob's call is released
