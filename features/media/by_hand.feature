@media
Feature: Media by hand
  Packets that are made one by one, for what a well-behaved phone would not do.

  Background:
    Given b2bua runs between alice and bob
    And alice has a media port
    And bob has a media port

  Scenario: the plain path
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice plays 400 Hz
    And bob plays 1000 Hz
    Then bob hears 400 Hz
    And alice hears 1000 Hz

  Scenario: symmetric RTP: a phone behind a NAT is answered where its packets come from
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice plays 400 Hz from another port than the one in the description
    And bob plays 1000 Hz
    Then bob hears 400 Hz
    And alice hears 1000 Hz at that other port

  Scenario: payload numbers are mapped between the legs
    When alice invites bob with
      | header | value                              |
      | offer  | audio codecs 96=opus/48000/2       |
    Then bob is invited
    When bob accepts with the codecs 120=opus/48000/2
    Then the call between alice and bob is up
    When alice sends 5 packets of payload type 96
    Then bob receives packets of payload type 120 only

  Scenario: a payload number that was not agreed is dropped
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When alice sends 5 packets of payload type 97
    And alice sends 5 packets of payload type 0
    Then bob receives packets of payload type 0 only
