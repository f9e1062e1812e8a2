@bridge
Feature: How many calls an account takes
  Spec 4.6. A slot is taken when bridging begins and given back when the caller's leg ends, for whatever reason.

  @S-SB-9 @4.3
  Scenario: one provider, one line
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "Italy", "pattern": "sip:\\+39.*", "outboundProxy": "<sip:{{trunk}}>", "maxCallsPerLine": 1,
        "accounts": [{"uri": "sip:bridge@sip.provider1.com"}]}]
      """
    When alice invites bob with
      | header      | value                                 |
      | Request-URI | sip:+33612345678@sip.example.org      |
    Then alice's call is declined
    When alice invites bob with
      | header      | value                                       |
      | Request-URI | sip:+39067362350@sip.example.org;user=phone |
    Then trunk is invited
    And the INVITE to trunk has
      | header      | value                                       |
      | Request-URI | sip:+39067362350@sip.provider1.com;user=phone |
      | To          | <sip:+39067362350@sip.provider1.com;user=phone> |
      | From        | /<sip:bridge@sip.provider1.com>;tag=.+/     |
    And the INVITE to trunk has a Call-ID of its own
    When trunk accepts
    Then the call between alice and trunk is up
    And alice's call is also known as first
    When alice invites bob with
      | header      | value                            |
      | Request-URI | sip:+39067362351@sip.example.org |
    Then alice's call is declined
    And b2bua logs a message /in use by 1 of 1 calls|none of the 1 accounts/
    When first hangs up
    Then trunk's call is released
    When alice invites bob with
      | header      | value                            |
      | Request-URI | sip:+39067362352@sip.example.org |
    Then trunk is invited

  @seed @4.6
  Scenario Outline: the slot is free again after a call that <ends>
    Given the account of alice at trunk is available, it is chosen by FindInPool, and onAccountNotFound is decline
    When alice invites bob
    Then alice's call goes out by the first provider
    When <ends>
    Then <told>
    When alice invites carol
    Then alice's call goes out by the first provider

    Examples:
      | ends                 | told                       |
      | trunk answers 486    | alice's call fails with 486 |
      | trunk answers 503    | alice's call fails with 503 |
      | alice gives up       | trunk's call is cancelled  |

  @4.6
  Scenario: two forks of one call take a slot each
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "maxCallsPerLine": 2, "accounts": [{"uri": "sip:line@trunk.example.org"}]}]
      """
    When alice invites bob
    Then trunk is invited
    When again is the same call as alice, forked, to sip:bob@sip.example.org
    Then trunk is invited
    When alice invites carol
    Then alice's call is declined

  @4.2
  Scenario: maxCallsPerLine=0 takes no calls
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "maxCallsPerLine": 0, "accounts": [{"uri": "sip:line@trunk.example.org"}]}]
      """
    When alice invites bob
    Then alice's call is declined
    And b2bua logs a message /maxCallsPerLine of pool "Account pool - p" is 0, so it never takes a call/

  @S-SB-10
  Scenario: three calls by two lines of two calls each, and each line has one when the others end
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "{uri.user}", "source": "{to.user}"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 2, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:one@trunk.example.org"}, {"uri": "sip:two@trunk.example.org"}]}}}
      """
    When alice invites one
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    And alice's call is also known as first
    When alice invites one
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    When alice invites two
    Then trunk is invited
    When first hangs up
    Then SIP_BRIDGE INFO becomes exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "sip:one@trunk.example.org",
      					"freeSlots" : 1,
      					"registerEnabled" : false,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:two@trunk.example.org",
      					"freeSlots" : 1,
      					"registerEnabled" : false,
      					"status" : "OK"
      				}
      			],
      			"name" : "p"
      		}
      	]
      }
      """
