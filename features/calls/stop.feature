@calls
Feature: A stop ends what is under way
  Spec 1.13, decision 8: calls are ended as their state demands, or may end by themselves for drain-timeout.

  Scenario: while leg B has not said anything
    Given b2bua runs between alice and bob
    And bob sends nothing by itself
    When alice invites bob
    Then bob is invited
    When b2bua is told to stop
    Then alice's call fails with 503
    And b2bua ends

  Scenario: during the set-up
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When b2bua is told to stop
    Then alice's call fails with 503
    And bob's call is cancelled
    And b2bua ends

  Scenario: while it rings
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    When b2bua is told to stop
    Then alice's call fails with 503
    And bob's call is cancelled
    And b2bua ends

  Scenario: in early media
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob answers 183 with SDP
    Then alice gets 183 with SDP
    When b2bua is told to stop
    Then alice's call fails with 503
    And bob's call is cancelled
    And b2bua ends

  Scenario: while the call runs
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When b2bua is told to stop
    Then alice's call is released
    And bob's call is released
    And b2bua ends

  Scenario: a phone that does not answer the BYE can't hold it up
    Given b2bua runs between alice and bob
    And bob does not answer a BYE
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When b2bua is told to stop
    Then alice's call is released
    And bob's call is released
    And b2bua ends

  Scenario: with drain-timeout a call ends by itself, and new ones are refused
    Given b2bua runs between alice and bob with
      | setting             | value |
      | b2bua/drain-timeout | 10min |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When b2bua is told to stop
    Then b2bua logs a message /stopping: 1 calls? may go on/
    When carol invites bob
    Then carol's call fails with 503
    And bob was invited 1 time in all
    When carol sends OPTIONS outside a call
    Then carol's request is answered 503 and
      | header      | value |
      | Retry-After | 30    |
    When b2bua is run with "ctl health --pid {{pid}}"
    Then it exits with status 1
    And it prints "stopping: 1 call until "
    When b2bua is run with "ctl status --pid {{pid}}"
    Then it prints "stopping: 1 call until "
    When b2bua is run with "ctl status --json --pid {{pid}}"
    Then the JSON that it printed has
      | member  | value         |
      | calls   | 1             |
      | stopsBy | /20\\d\\d-.+T.+/ |
    And alice's call is still up
    When alice hangs up
    Then bob's call is released
    And b2bua ends

  Scenario: drain-timeout is the longest that a call can go on
    Given b2bua runs between alice and bob with
      | setting             | value |
      | b2bua/drain-timeout | 1s    |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When b2bua is told to stop
    Then b2bua logs a message /may go on/
    And alice's call is released
    And bob's call is released
    And b2bua ends

  # Status 0 says that every part of it ended within shutdown-timeout.
  Scenario: while a hundred DTLS handshakes are running
    Given b2bua runs behind the proxy of sip.example.org
    And 50 pairs of softphones that never say a word of DTLS
    When all callers call at once
    Then all calls are answered
    When b2bua is told to stop
    Then all of them are free again
    And b2bua ends
