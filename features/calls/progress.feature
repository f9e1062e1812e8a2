@calls
Feature: Progress of leg B as the caller sees it
  Spec 2.4.1. A 180 is relayed without SDP, the first 18x with SDP becomes a 183 with b2bua's own answer. Nothing is ever
  said to the caller that leg B did not cause, except 100 Trying.

  Background:
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited

  Scenario: 100 Trying of leg B stays on leg B
    When bob answers 100
    And bob answers 486
    Then alice's call fails with 486
    And the answers that alice saw are 100, 486

  Scenario: ringing is relayed
    When bob answers 180
    Then alice gets 180 without SDP
    When bob accepts
    Then the call between alice and bob is up
    And the answers that alice saw are 100, 180, 200 with SDP

  Scenario Outline: <status> without SDP counts as ringing
    When bob answers <status>
    Then alice gets 180 without SDP

    Examples:
      | status |
      | 181    |
      | 182    |
      | 183    |
      | 199    |

  Scenario: early media is announced with b2bua's own answer
    When bob answers 183 with SDP
    Then alice gets 183 with SDP
    When bob accepts
    Then the call between alice and bob is up

  Scenario: 180 with SDP is early media too
    When bob answers 180 with SDP
    Then alice gets 183 with SDP

  Scenario: ringing first, early media later
    When bob answers 180
    Then alice gets 180 without SDP
    When bob answers 183 with SDP
    Then alice gets 183 with SDP

  Scenario: only the first description makes early media
    When bob answers 183 with SDP
    Then alice gets 183 with SDP
    When bob answers 183 with SDP
    And bob answers 180 with SDP
    And bob accepts
    Then the call between alice and bob is up
    And the answers that alice saw are 100, 183 with SDP, 200 with SDP
