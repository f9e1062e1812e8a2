@calls
Feature: The INVITE of leg B, header by header
  Spec 2.3.1. Leg B is a call of b2bua's own: it carries From and To of the caller, and nothing else that the caller sent.

  @S-CALL-6
  Scenario: what leg B's INVITE carries
    Given b2bua runs between alice and bob with
      | setting                 | value                              |
      | b2bua-server/user-agent | test-user-agent-value/stub-version |
    When alice invites bob with
      | header      | value                                                    |
      | Request-URI | sip:somebody@sip.example.org                             |
      | To          | "Bob B." <sip:bob@sip.example.org;gr=urn:uuid:1-2-3>     |
      | From        | "Alice A." <sip:alice@sip.example.org>                   |
    Then bob is invited
    And the INVITE to bob has
      | header           | value                                                   |
      | Request-URI      | sip:bob@sip.example.org;gr=urn:uuid:1-2-3               |
      | To               | /("Bob B." )?<sip:bob@sip.example.org;gr=urn:uuid:1-2-3>/ |
      | From             | /"Alice A." <sip:alice@sip.example.org>;tag=[^;]+/      |
      | User-Agent       | test-user-agent-value/stub-version                      |
      | X-Flexisip-B2BUA | ignore                                                  |
      | Contact          | /<sip:[^>]*{{b2bua}}[^>]*>/                             |
      | Max-Forwards     | 69                                                      |
      | Content-Type     | application/sdp                                         |
      | CSeq             | /\d+ INVITE/                                            |
      | Via              | /SIP/2.0/UDP {{b2bua}};.*rport.*/                       |
      | Allow            | (present)                                               |
    And the INVITE to bob has a Call-ID of its own

  Scenario Outline: <header> of leg A is not copied
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header   | value   |
      | <header> | <value> |
    Then bob is invited
    And the INVITE to bob has
      | header   | value    |
      | <header> | (absent) |

    Examples:
      | header               | value                                   |
      | Subject              | lunch                                   |
      | P-Asserted-Identity  | <sip:boss@sip.example.org>              |
      | P-Preferred-Identity | <sip:boss@sip.example.org>              |
      | Privacy              | id                                      |
      | Diversion            | <sip:carol@sip.example.org>             |
      | History-Info         | <sip:carol@sip.example.org>;index=1     |
      | Alert-Info           | <http://www.example.org/ring.wav>       |
      | Call-Info            | <http://www.example.org/a.jpg>;purpose=icon |
      | Geolocation          | <cid:somewhere@example.org>             |
      | X-Secret-Of-Alice    | 42                                      |
      | Session-Expires      | 1800                                    |

  Scenario Outline: a bridge counts as a hop, so that a circle of them ends: <caller's>
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header       | value      |
      | Max-Forwards | <caller's> |
    Then bob is invited
    And the INVITE to bob has
      | header       | value   |
      | Max-Forwards | <leg B> |

    Examples:
      | caller's | leg B |
      | 1        | 0     |
      | 30       | 29    |
      | 255      | 70    |

  Scenario: the reference of a transfer is copied
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header      | value                         |
      | Referred-By | <sip:carol@sip.example.org>   |
    Then bob is invited
    And the INVITE to bob has
      | header      | value                       |
      | Referred-By | <sip:carol@sip.example.org> |

  Scenario: the description is b2bua's own
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value                                                                                                                                                                                    |
      | offer  | literally v=0\no=alice-secret 4711 1 IN IP4 {{alice.ip}}\ns=-\nc=IN IP4 {{alice.ip}}\nt=0 0\na=tool:alices-phone\nm=audio 40000 RTP/AVP 0\na=x-unknown:filtered-out\n |
    Then bob is invited
    And the offer to bob contains neither "filtered-out" nor "alice"
    And the offer to bob contains neither "4711" nor "{{alice.ip}}"

  Scenario: nothing but audio is offered for an INVITE without description
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value |
      | offer  | none  |
    Then bob is invited
    And the offer to bob is
      | stream | encryption | codecs                                                                          |
      | audio  | none       | opus/48000/2, PCMU/8000, PCMA/8000, telephone-event/8000, telephone-event/48000 |

  Scenario: the codecs and payload numbers of leg A are offered on leg B
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value                                                              |
      | offer  | audio codecs 8=PCMA/8000 110=speex/16000 99=telephone-event/8000   |
    Then bob is invited
    And the offer to bob is
      | stream | encryption | codecs                                        |
      | audio  | none       | PCMA/8000, speex/16000, telephone-event/8000 |
    When bob accepts
    Then the call between alice and bob is up

  Scenario Outline: a stream is offered to leg B if it is enabled on leg A
    Given b2bua runs between alice and bob
    When alice invites bob with
      | header | value   |
      | offer  | <offer> |
    Then bob is invited
    And the offer to bob is
      | stream | enabled |
      | audio  | yes     |
      | video  | yes     |

    Examples:
      | offer                 |
      | audio, video          |
      | audio, video inactive |

  Scenario: leg A's 200 is b2bua's own too
    Given b2bua runs between alice and bob with
      | setting                 | value  |
      | b2bua-server/user-agent | mine/1 |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    And the 200 to alice has
      | header     | value                       |
      | User-Agent | mine/1                      |
      | Contact    | /<sip:[^>]*{{b2bua}}[^>]*>/ |
      | Allow      | (present)                   |
      | To         | /<sip:bob@sip.example.org>;tag=.+/ |
