@bridge
Feature: What SIP_BRIDGE INFO tells
  Spec 4.12, octet for octet: while calls run, while accounts fail, and of files that say little.

  @S-SB-10 @S-SB-13 @4.12 @seed
  Scenario: calls run and accounts fail, in a pool that two providers share
    Given the registrar of jabiru over udp with
      | setting  | value |
      | lifetime | 1s    |
    And the registrar answers wrongpassword with 403
    And the registrar answers unregistered with silent
    And the settings
      | setting                      | value |
      | b2bua::timers/t1             | 10ms  |
      | b2bua::timers/register-retry | 100ms |
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "Ωut & \"back\"", "accountPool": "lines", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "outgoingInvite": {"to": "sip:{incoming.to.user}@trunk.example.org"}},
        {"name": "nobody", "accountPool": "empty", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.to}"}},
        {"name": "other", "accountPool": "lines", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "uri", "source": "sip:registered@jabiru.example.org"}, "outgoingInvite": {"to": "sip:{incoming.to.user}@trunk.example.org"}}],
       "accountPools": {
        "empty": {"registrationRequired": true, "maxCallsPerLine": 7, "loader": []},
        "lines": {"registrationRequired": true, "maxCallsPerLine": 2, "outboundProxy": "<sip:{{trunk}}>", "registrar": "<{{jabiru}}>", "loader": [
         {"uri": "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>", "alias": "sip:alice@sip.example.org", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:unregistered@jabiru.example.org", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:wrongpassword@jabiru.example.org", "secretType": "clrtxt", "secret": "secret"}]}}}
      """
    Then SIP_BRIDGE INFO becomes exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"status" : "Registration failed: Bad credentials"
      				}
      			],
      			"name" : "Ωut & \"back\""
      		},
      		{
      			"accounts" : null,
      			"name" : "nobody"
      		},
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"status" : "Registration failed: Bad credentials"
      				}
      			],
      			"name" : "other"
      		}
      	]
      }
      """
    When alice invites bob
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    And alice's call is also known as first
    When alice invites carol with
      | header | value                      |
      | From   | <sip:dora@sip.example.org> |
    Then trunk is invited
    And SIP_BRIDGE INFO becomes exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"freeSlots" : 0,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"status" : "Registration failed: Bad credentials"
      				}
      			],
      			"name" : "Ωut & \"back\""
      		},
      		{
      			"accounts" : null,
      			"name" : "nobody"
      		},
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"freeSlots" : 0,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"status" : "Registration failed: Bad credentials"
      				}
      			],
      			"name" : "other"
      		}
      	]
      }
      """
    When the registrar answers registered with 404
    And the registrar treats wrongpassword well again
    Then the status of sip:wrongpassword@jabiru.example.org becomes "OK"
    And SIP_BRIDGE INFO becomes exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"status" : "Registration failed: User not found"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				}
      			],
      			"name" : "Ωut & \"back\""
      		},
      		{
      			"accounts" : null,
      			"name" : "nobody"
      		},
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"status" : "Registration failed: User not found"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				}
      			],
      			"name" : "other"
      		}
      	]
      }
      """
    And first's call is still up
    When first hangs up
    And the registrar treats registered well again
    Then SIP_BRIDGE INFO becomes exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"freeSlots" : 1,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				}
      			],
      			"name" : "Ωut & \"back\""
      		},
      		{
      			"accounts" : null,
      			"name" : "nobody"
      		},
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "\"The \\\"line\\\"\" <sip:registered@jabiru.example.org>",
      					"freeSlots" : 1,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:unregistered@jabiru.example.org",
      					"status" : "Registration failed: No response"
      				},
      				{
      					"address" : "sip:wrongpassword@jabiru.example.org",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				}
      			],
      			"name" : "other"
      		}
      	]
      }
      """

  @S-SB-12 @4.12 @4.3
  Scenario: a file of schema 1 whose accounts do not register
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "provider1", "pattern": "sip:.*", "outboundProxy": "<sip:{{trunk}}>", "maxCallsPerLine": 682,
        "accounts": [{"uri": "sip:account1@sip.example.org"}]},
       {"name": "without a limit", "pattern": "sip:.*", "accounts": [{"uri": "sip:account2@sip.example.org"}]},
       {"name": "provider1", "pattern": "sip:.*", "maxCallsPerLine": 5, "accounts": [{"uri": "sip:account3@sip.example.org"}]}]
      """
    Then the client sends "SIP_BRIDGE INFO" and is answered exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "sip:account1@sip.example.org",
      					"freeSlots" : 682,
      					"registerEnabled" : false,
      					"status" : "OK"
      				}
      			],
      			"name" : "provider1"
      		},
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "sip:account2@sip.example.org",
      					"freeSlots" : 65535,
      					"registerEnabled" : false,
      					"status" : "OK"
      				}
      			],
      			"name" : "without a limit"
      		},
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "sip:account1@sip.example.org",
      					"freeSlots" : 682,
      					"registerEnabled" : false,
      					"status" : "OK"
      				}
      			],
      			"name" : "provider1"
      		}
      	]
      }
      """

  @4.12
  Scenario: no providers
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [], "accountPools": {}}
      """
    Then the client sends "SIP_BRIDGE INFO" and is answered exactly
      """
      {
      	"providers" : null
      }
      """
    When alice invites bob
    Then alice's call is declined

  @4.12 @4.10
  Scenario: an account that waits for its turn
    Given the registrar of jabiru over udp
    And b2bua has the accounts at jabiru, in a pool with '{"registrationThrottlingRateMs": 3600000}'
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    Then the status of account1 becomes "OK"
    And the status of account2 is "Should register"

  @4.12 @2.14
  Scenario: a registrar that does not answer yet, and a connection that is lost
    Given the registrar of jabiru over tcp
    And the registrar answers account2 with silent
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    Then the status of account1 becomes "OK"
    And the status of account2 is "Registration in progress"
    When the registrar answers account1 with silent
    And the registrar drops its connections
    Then the status of account1 becomes "Unexpected state: LinphoneRegistrationRefreshing"
