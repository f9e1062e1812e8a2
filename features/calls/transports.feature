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

  Scenario Outline: a call over IPv6, over <network>
    Given b2bua runs between alice and bob on IPv6 over <network>
    And alice has a media port
    And bob has a media port
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice plays 400 Hz
    And bob plays 1000 Hz
    Then bob hears 400 Hz
    And alice hears 1000 Hz
    When bob hangs up
    Then alice's call is released

    Examples:
      | network |
      | udp     |
      | tcp     |

  Scenario: a request too large for UDP goes over TCP if the callee takes it
    Given b2bua runs between alice and bob
    And bob also listens over tcp, as tower
    When alice invites bob with
      | header | value                                                |
      | From   | "{{1300 letters}}" <sip:alice@sip.example.org>       |
    Then tower is invited
    And bob was invited 0 times in all
    When tower accepts
    Then the call between alice and tower is up
    When tower hangs up
    Then alice's call is released

  Scenario: a request too large for UDP goes over UDP all the same if TCP is refused
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value                                                |
      | From   | "{{1300 letters}}" <sip:alice@sip.example.org>       |
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
