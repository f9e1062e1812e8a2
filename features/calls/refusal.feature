@calls
Feature: Calls that b2bua itself refuses
  Spec 2.3 step 3 and 2.4.7. A refused call is one line at message level with its reason, and leg B never hears of it.

  @2.4.7
  Scenario Outline: an offer of <what> is refused with 488
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value   |
      | offer  | <offer> |
    Then alice's call fails with 488
    And bob was invited 0 times in all

    Examples:
      | what                   | offer                                                                                                                                                      |
      | nothing but a game     | literally v=0\no=a 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=application 9 udp chess\n                                                         |
      | an unknown profile     | literally v=0\no=a 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/NONSENSE 0\n                                                      |
      | a suite nobody knows   | literally v=0\no=a 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/SAVP 0\na=crypto:1 ROT13_HMAC inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\n |
      | SAVP without any key   | literally v=0\no=a 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/SAVP 0\n                                                          |
      | gibberish              | literally gibberish\n                                                                                                                                      |

  @2.4.7
  Scenario: a refused call is explained in one line
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value                                                                                                   |
      | offer  | literally v=0\no=a 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=application 9 udp chess\n |
    Then alice's call fails with 488
    And b2bua logs a message /refused with 488/

  Scenario Outline: <what> is refused with <status>
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header   | value   |
      | <header> | <value> |
    Then alice's call fails with <status> and
      | header   | value  |
      | <answer> | <text> |
    And bob was invited 0 times in all

    Examples:
      | what                                    | header       | value            | status | answer      | text            |
      | a call that passed too many servers     | Max-Forwards | 0                | 483    | User-Agent  | (present)       |
      | a call that requires what nobody does   | Require      | telepathy        | 420    | Unsupported | telepathy       |
      | a body that is no description           | Content-Type | text/plain       | 415    | Accept      | application/sdp |
