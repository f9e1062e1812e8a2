@calls
Feature: Running calls are supervised
  Spec 2.10.

  @2.10
  Scenario Outline: media of <silent> is lost
    Given b2bua runs between alice and bob with
      | setting                     | value |
      | b2bua-server/no-rtp-timeout | 8s    |
    And alice has a media port
    And bob has a media port
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When <other> plays 400 Hz
    Then <silent> hears 400 Hz
    And <silent>'s call is released without a reason
    And <other>'s call is released with the reason 'SIP;cause=503;text="Media lost"'
    And b2bua logs a message /stream 0: .*<leg> received 0, sent [1-9]/
    And b2bua logs a warning /stream 0: <leg>: no RTP came, nor RTCP, to [0-9.]+:[0-9]+: the phone sends nothing, or/

    Examples:
      | silent | other | leg   |
      | bob    | alice | leg B |
      | alice  | bob   | leg A |

  @2.10
  Scenario: a phone that falls silent later
    Given b2bua runs between alice and bob with
      | setting                     | value |
      | b2bua-server/no-rtp-timeout | 8s    |
    And alice has a media port
    And bob has a media port
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice plays 400 Hz
    And bob sends 5 packets of payload type 0
    Then alice receives packets of payload type 0 only
    And bob's call is released without a reason
    And alice's call is released with the reason 'SIP;cause=503;text="Media lost"'
    And b2bua logs a warning /stream 0: leg B: no RTP for the last (8|9)[0-9.]*s; the last came from [0-9.]+:[0-9]+/

  @S-SB-17
  Scenario: max-call-duration ends a call that runs well
    Given b2bua runs between alice and bob with
      | setting                        | value |
      | b2bua-server/max-call-duration | 1     |
    And alice has a media port
    And bob has a media port
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And alice's call is released
    And bob's call is released

  @2.10
  Scenario: max-call-duration does not count the time of ringing
    Given b2bua runs between alice and bob with
      | setting                        | value |
      | b2bua-server/max-call-duration | 1     |
      | b2bua::timers/ring-timeout     | 3s    |
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    And alice's call fails with 486
    And bob's call is cancelled

  Scenario: the caller's connection breaks while it rings
    Given b2bua runs between alice and bob over tcp
    When alice invites bob
    Then bob is invited
    When bob answers 180
    Then alice gets 180 without SDP
    When alice's connection breaks
    Then bob's call is cancelled
    And b2bua logs a message /caller/

  Scenario: the caller's connection breaks while the call runs: the call goes on, and its end finds a new connection
    Given b2bua runs between alice and bob over tcp
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice's connection breaks
    Then b2bua has no connection to alice any more
    When bob sends OPTIONS inside the call
    Then bob's OPTIONS is answered 200
    And bob's call is still up
    When bob hangs up
    Then alice's call is released

  Scenario: a caller whose connection broke hangs up by a new one
    Given b2bua runs between alice and bob over tcp
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice's connection breaks
    And alice hangs up
    Then bob's call is released

  Scenario: the callee's connection breaks while the call runs
    Given b2bua runs between alice and bob over tcp
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When bob's connection breaks
    Then b2bua has no connection to bob any more
    When alice sends OPTIONS inside the call
    Then alice's OPTIONS is answered 200
    When alice hangs up
    Then bob's call is released

  Scenario: a caller behind a NAT who lost the connection can't be told, and holds nothing up
    Given b2bua runs between alice and bob over tcp
    When alice invites bob with
      | header  | value                                   |
      | Contact | <sip:alice@{{alice.ip}}:9;transport=tcp> |
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice's connection breaks
    And bob hangs up
    Then b2bua has closed the media ports of the call

  Scenario Outline: both phones are gone, over <network>: the call ends by itself
    Given the settings
      | setting                     | value |
      | b2bua-server/no-rtp-timeout | 1s    |
    And b2bua runs between alice and bob over <network>
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice loses the network
    And bob loses the network
    Then b2bua logs a message /released after .*no-rtp-timeout/
    And b2bua has closed the media ports of the call

    Examples:
      | network |
      | udp     |
      | tcp     |
