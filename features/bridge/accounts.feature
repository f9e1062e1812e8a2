@bridge
Feature: Where accounts register, when, and by which port
  Spec 4.4, 4.9.1, 4.10 and 4.11.

  @S-LOAD-1 @S-POOL-2 @4.4
  Scenario Outline: <what>
    Given trunk listens over udp and tcp
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrationRequired": true, "maxCallsPerLine": 1<pool>, "loader": [
         {"uri": "sip:line@<domain>"<account>}]}}}
      """
    Then <who> gets a REGISTER with
      | header      | value                      |
      | Request-URI | sip:<domain>               |
      | To          | <sip:line@<domain>>        |
      | From        | /<sip:line@<domain>>;tag=.+/ |
      | Contact     | /<sip:line@.*/             |
      | Expires     | 3600                       |
      | Route       | (absent)                   |

    Examples:
      | what                                                    | domain              | account                                                                        | pool                                                                              | who      |
      | an account without a proxy asks its domain              | {{trunk}}           |                                                                                |                                                                                   | trunk    |
      | and by the protocol that it names                       | {{trunk}}           | , "protocol": "TCP"                                                            |                                                                                   | trunktcp |
      | the proxy of the pool                                   | jabiru.example.org  |                                                                                | , "outboundProxy": "<sip:{{trunk}};transport=tcp>"                                | trunktcp |
      | the proxy of the account wins over that of the pool     | jabiru.example.org  | , "outboundProxy": "{{trunk}}"                                                 | , "outboundProxy": "<sip:127.0.0.1:9>"                                            | trunk    |
      | the proxy of the account is a host, its protocol TCP    | jabiru.example.org  | , "outboundProxy": "{{trunk}}", "protocol": "TCP"                              | , "outboundProxy": "<sip:127.0.0.1:9>"                                            | trunktcp |
      | a whole address does not care for the protocol          | jabiru.example.org  | , "outboundProxy": "<sip:{{trunk}};transport=tcp>", "protocol": "udp"          |                                                                                   | trunktcp |
      | the registrar of the pool wins over every proxy         | jabiru.example.org  | , "outboundProxy": "127.0.0.1:9"                                               | , "outboundProxy": "<sip:127.0.0.1:9>", "registrar": "<sip:{{trunk}}>"            | trunk    |
      | the registrar of the account wins over that of the pool | jabiru.example.org  | , "registrar": "{{trunk}}", "protocol": "tcp"                                  | , "outboundProxy": "<sip:127.0.0.1:9>", "registrar": "<sip:127.0.0.1:9>"          | trunktcp |

  @S-SB-2 @4.4 @4.6.2
  Scenario: registrar and outbound proxy of an account, the pool's are nowhere
    Given the registrar of jabiru over tcp
    And trunk listens over udp and tcp
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "{alias}", "source": "sip:{from.user}@{from.hostport}"},
         "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}{incoming.to.uriParameters}"}}],
       "accountPools": {"pool": {"outboundProxy": "<sip:nowhere.invalid;transport=tcp>", "registrar": "<sip:nowhere.invalid;transport=tcp>",
        "registrationRequired": true, "maxCallsPerLine": 1, "loader": [
         {"uri": "sip:b2bua@jabiru.example.org", "alias": "sip:internal@sip.example.org", "secretType": "clrtxt", "secret": "secret", "encrypted": false,
          "outboundProxy": "{{trunk}}", "registrar": "{{jabiru.hostport}}", "protocol": "tcp"}]}}}
      """
    And sip:b2bua@jabiru.example.org is available
    When alice invites somebody with
      | header | value                                         |
      | From   | <sip:internal@sip.example.org;user=phone>     |
      | To     | <sip:external@sip.example.org>                |
    Then trunktcp is invited
    And the INVITE to trunktcp has
      | header | value                                    |
      | From   | /<sip:b2bua@jabiru.example.org>;tag=.+/  |
      | To     | <sip:external@jabiru.example.org>        |

  @S-POOL-1 @4.9.1
  Scenario: accounts that are none are left out, the others register
    Given the registrar of jabiru over udp
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrar": "<{{jabiru}}>", "registrationRequired": true, "maxCallsPerLine": 1, "loader": [
         {"uri": "", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "invalid-sip-uri", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:valid@jabiru.example.org", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:valid@jabiru.example.org", "secretType": "clrtxt", "secret": "another"}]}}}
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
      					"address" : "sip:valid@jabiru.example.org",
      					"freeSlots" : 1,
      					"registerEnabled" : true,
      					"status" : "OK"
      				}
      			],
      			"name" : "p"
      		}
      	]
      }
      """
    And the registrar has 1 account
    And the registrar got the first REGISTERs of 1 account
    And b2bua logs a warning /loader\[0\].*the account is left out/
    And b2bua logs a warning /loader\[1\].*the account is left out/
    And b2bua logs a warning /loader\[3\].*the pool has an account of this URI already/

  @S-POOL-3 @seed @4.10
  Scenario: first registrations keep their distance
    Given the registrar of jabiru over udp
    And b2bua has the accounts at jabiru, in a pool with '{"registrationThrottlingRateMs": 100}'
      | account   | secret |
      | account1  | secret |
      | account2  | secret |
      | account3  | secret |
      | account4  | secret |
      | account5  | secret |
      | account6  | secret |
      | account7  | secret |
      | account8  | secret |
      | account9  | secret |
      | account10 | secret |
    Then the registrar has 10 accounts
    And the registrar got the first REGISTERs of 10 accounts
    And b2bua says that it took at least 900ms to register 10 accounts

  @S-POOL-3 @seed @4.10
  Scenario: those after a lost connection do not
    Given the registrar of jabiru over tcp
    And b2bua has the accounts at jabiru, in a pool with '{"registrationThrottlingRateMs": 3000}'
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
      | account3 | secret |
    And the registrar has 3 accounts
    And the registrar got the first REGISTERs of 3 accounts
    And b2bua says that it took at least 6s to register 3 accounts
    When the registrar drops its connections
    Then account1 is registered again by a refresh
    And account2 is registered again by a refresh
    And account3 is registered again by a refresh
    And all 3 asked again before one of them was answered

  @S-SB-19 @4.11
  Scenario Outline: b2bua listens over <listening>, the registrar over <network>, one-connection-per-account=<own>: <ports>, kept until the end
    Given the registrar of jabiru over <network>
    And the settings
      | setting                                 | value |
      | b2bua-server/one-connection-per-account | <own> |
    And b2bua listens over <listening> and has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the registrar has 2 accounts
    And the accounts registered from <ports>
    When b2bua is told to stop
    Then b2bua ends
    And the registrar has 0 accounts
    And each account un-registered the Contact that it had registered

    Examples:
      | listening | network | own   | ports         |
      | tcp       | tcp     | false | one port      |
      | tcp       | tcp     | true  | as many ports |
      | tcp       | udp     | false | one port      |
      | tcp       | udp     | true  | as many ports |
      | udp       | tcp     | false | one port      |
      | udp       | tcp     | true  | as many ports |
      | udp       | udp     | false | one port      |
      | udp       | udp     | true  | as many ports |

  @4.11
  Scenario: calls leave by the account's own port, and what comes back there belongs to them
    Given the registrar of jabiru over udp
    And the settings
      | setting                                 | value |
      | b2bua-server/one-connection-per-account | true  |
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "{uri.user}", "source": "{to.user}"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrar": "<{{jabiru}}>", "outboundProxy": "<sip:{{trunk}}>", "registrationRequired": true, "maxCallsPerLine": 1, "loader": [
         {"uri": "sip:account1@jabiru.example.org", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:account2@jabiru.example.org", "secretType": "clrtxt", "secret": "secret"}]}}}
      """
    And sip:account1@jabiru.example.org is available
    And sip:account2@jabiru.example.org is available
    When alice invites account2
    Then trunk is invited
    And the INVITE to trunk came from the port of account2, which its Contact names
    When trunk accepts
    Then the call between alice and trunk is up
    When trunk hangs up
    Then alice's call is released
    When alice invites account1
    Then trunk is invited
    And the INVITE to trunk came from the port of account1, which its Contact names
