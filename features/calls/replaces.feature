@calls
Feature: Replaces and Referred-By cross the bridge
  Spec 2.3 step 7 and 2.12.4: a client names the dialog that it sees; the target gets the dialog that it sees.

  @2.12.4
  Scenario: the dialog of a caller becomes the one of its callee
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    And bob's call is also known as first
    When bob accepts
    Then the call between alice and bob is up
    When carol invites bob with
      | header      | value                                                                          |
      | Replaces    | {{alice.call-id}};from-tag={{alice.tag}};to-tag={{alice.peer-tag}};early-only |
      | Referred-By | "Alice" <sip:alice@sip.example.org>;cid="1@a"                                  |
    Then bob is invited
    And the INVITE to bob has
      | header      | value                                                                |
      | Replaces    | {{first.call-id}};from-tag={{first.peer-tag}};to-tag={{first.tag}}   |
      | Referred-By | "Alice" <sip:alice@sip.example.org>                                  |
    When bob accepts
    Then the call between carol and bob is up
    And alice's call is still up

  @2.12.4
  Scenario Outline: <what> is forwarded as it is
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header   | value   |
      | Replaces | <value> |
    Then bob is invited
    And the INVITE to bob has
      | header   | value  |
      | Replaces | <sent> |

    Examples:
      | what                 | value                           | sent                          |
      | an unknown dialog    | unknown@x;from-tag=1;to-tag=2   | unknown@x;from-tag=1;to-tag=2 |

  @2.12.4
  Scenario Outline: a Replaces with <what> is dropped
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header   | value   |
      | Replaces | <value> |
    Then bob is invited
    And the INVITE to bob has
      | header   | value    |
      | Replaces | (absent) |

    Examples:
      | what          | value                  |
      | no to-tag     | unknown@x;from-tag=1   |
      | no from-tag   | unknown@x;to-tag=2     |
      | no parameters | unknown@x              |

  @2.12.4
  Scenario: the dialog of a callee is not a caller's, so it is forwarded as it is
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    And bob's call is also known as first
    When bob accepts
    Then the call between alice and bob is up
    When carol invites bob with
      | header   | value                                                              |
      | Replaces | {{bob.call-id}};from-tag={{bob.tag}};to-tag={{bob.peer-tag}}       |
    Then bob is invited
    And the INVITE to bob has
      | header   | value                                                              |
      | Replaces | {{first.call-id}};from-tag={{first.tag}};to-tag={{first.peer-tag}} |
