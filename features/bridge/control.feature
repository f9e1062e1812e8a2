@bridge
Feature: The socket for command-line clients
  Spec 1.14 and 4.12: the original's client, and our own.

  @S-SB-12 @S-CLI-1
  Scenario: SIP_BRIDGE INFO, octet for octet
    Given the registrar of jabiru over tcp
    And the registrar answers account2 with 403
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the status of account1 becomes "OK"
    And the status of account2 becomes "Registration failed: Bad credentials"
    Then the client sends "SIP_BRIDGE INFO" and is answered exactly
      """
      {
      	"providers" :{{space}}
      	[
      		{
      			"accounts" :{{space}}
      			[
      				{
      					"address" : "sip:account1@jabiru.example.org",
      					"freeSlots" : 2,
      					"registerEnabled" : true,
      					"status" : "OK"
      				},
      				{
      					"address" : "sip:account2@jabiru.example.org",
      					"status" : "Registration failed: Bad credentials"
      				}
      			],
      			"name" : "jabiru"
      		}
      	]
      }
      """
    And the client sends "SIP_BRIDGE" and is answered exactly
      """
      Valid subcommands for SIP_BRIDGE:
        INFO  displays information on the current state of the bridge.
      """
    And the client sends "unknown" and is answered "Error - Unknown command: unknown"

  Scenario: Settings are shown, and the level of the log is changed
    Given b2bua runs between alice and bob with
      | setting                | value |
      | b2bua-server/max-calls | 12    |
    Then the client sends "CONFIG_GET b2bua-server/max-calls" and is answered "b2bua-server/max-calls: 12"
    And the client sends "GET b2bua-server/nothing" and is answered "Error - Not found: b2bua-server/nothing"
    And the client sends "CONFIG_GET" and is answered "Error - 'CONFIG_GET' command expects 1 argument: <path>"
    And the client sends "CONFIG_SET global/log-level message" and is answered "global/log-level: message"
    And the client sends "GET global/log-level" and is answered "global/log-level: message"
    And the client sends "SIP_BRIDGE INFO" and is answered "Error - Unknown command: SIP_BRIDGE"
    And b2bua logs a message /global.log-level was set to message by the control socket/

  Scenario: Clients that say nothing keep nobody out
    Given b2bua runs between alice and bob
    When 4 clients say nothing
    Then the client sends "GET b2bua-server/application" and is answered "b2bua-server/application: trenscrypter"
    When alice invites bob
    Then bob is invited
    When alice gives up

  Scenario: b2bua ctl for people and for machines
    Given the registrar of jabiru over udp
    And the registrar answers account2 with 403*1
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the status of account1 becomes "OK"
    And the status of account2 becomes "Registration failed: Bad credentials"
    When b2bua is run with "ctl accounts --pid {{pid}}"
    Then it exits with status 0
    And it prints "PROVIDER  ACCOUNT"
    And it prints "the registrar answered 403 Forbidden"
    And it prints "sip:account2@jabiru.example.org  Registration failed: Bad credentials"
    When b2bua is run with "ctl accounts --failed --json --pid {{pid}}"
    Then it exits with status 0
    And the JSON that it printed has
      | member               | value                                |
      | 0.name               | jabiru                               |
      | 0.accounts.0.address | sip:account2@jabiru.example.org      |
      | 0.accounts.0.status  | Registration failed: Bad credentials |
      | 0.accounts.0.failure | the registrar answered 403 Forbidden |
      | 0.accounts.0.next    | /20\\d\\d-.+T.+/                     |
    When b2bua is run with "ctl register sip:account2@jabiru.example.org --pid {{pid}}"
    Then it exits with status 0
    And the status of account2 becomes "OK"
    When b2bua is run with "ctl register sip:account1@jabiru.example.org --pid {{pid}}"
    Then it exits with status 0
    And the registrar was asked by account1 2 times
    When b2bua is run with "ctl status --json --pid {{pid}}"
    Then the JSON that it printed has
      | member              | value      |
      | application         | sip-bridge |
      | accounts.registered | 2          |
    When b2bua is run with "ctl raw nonsense --pid {{pid}}"
    Then it exits with status 64
    When b2bua is run with "ctl calls --pid {{pid}}"
    Then it prints "no calls"

  Scenario: b2bua ctl tells by which provider and account a call leaves
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "Italy", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "accounts": [{"uri": "sip:line@trunk.example.org"}]}]
      """
    When alice invites bob
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    When b2bua is run with "ctl calls --pid {{pid}}"
    Then it prints "PROVIDER  ACCOUNT"
    And it prints "Italy     sip:line@trunk.example.org"
    When b2bua is run with "ctl calls --json --pid {{pid}}"
    Then the JSON that it printed has
      | member     | value                      |
      | 0.provider | Italy                      |
      | 0.account  | sip:line@trunk.example.org |
