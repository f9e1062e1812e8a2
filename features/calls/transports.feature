@calls
Feature: The same call over each transport

  Scenario Outline: a call over <network>, from the first message to the last
    Given b2bua runs between alice and bob over <network>
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    When bob accepts
    Then the call between alice and bob is up
    When bob hangs up
    Then alice's call is released without a reason

    Examples:
      | network |
      | udp     |
      | tcp     |

  Scenario: leg A over TCP, leg B over UDP
    Given b2bua listens over tcp and calls bob over udp
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice hangs up
    Then bob's call is released

  Scenario: leg A over UDP, leg B over TCP
    Given b2bua listens over udp and calls bob over tcp
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice hangs up
    Then bob's call is released

  Scenario: a call survives nothing less than its connection: the callee's is lost while it rings
    Given b2bua runs between alice and bob over tcp
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    When bob loses the network
    Then alice's call fails with 503
