@bridge
Feature: Accounts at their registrar
  Spec 2.14, 4.4, 4.8, 4.11, 4.12 and 4.14.

  @S-SB-6
  Scenario Outline: Every kind of secret: <type> for <algorithms> over <network>
    Given the registrar of jabiru over <network> with
      | setting    | value        |
      | algorithms | <algorithms> |
    And b2bua has the accounts at jabiru
      | account  | secret | type   | userid   | realm              |
      | account1 | secret | <type> |          |                    |
      | account2 | secret | <type> | account2 | jabiru.example.org |
    Then the status of account1 is "OK"
    And the status of account2 is "OK"
    And the registrar has 2 accounts
    When b2bua is told to stop
    Then b2bua ends
    And the registrar has 0 accounts
    And there is no socket for clients any more

    Examples:
      | network | algorithms  | type    |
      | udp     | MD5         | clrtxt  |
      | udp     | SHA-256     | clrtxt  |
      | udp     | SHA-256,MD5 | ha1     |
      | tcp     | MD5         | md5     |
      | tcp     | SHA-256     | sha-256 |
      | tcp     | SHA-256,MD5 | clrtxt  |

  @S-SB-7
  Scenario: unregisterOnServerShutdown=false leaves the accounts registered
    Given the registrar of jabiru over tcp
    And b2bua has the accounts at jabiru, in a pool with '{"unregisterOnServerShutdown": false}'
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the registrar has 2 accounts
    When b2bua is told to stop
    Then b2bua ends
    And the registrar has 2 accounts
    And the registrar was not asked to un-register anybody

  @S-SB-13
  Scenario Outline: What the registrar does wrong with one account is no other's matter, and the status tells: <fault>
    Given the registrar of jabiru over <network>
    And the registrar answers account2 with <fault>
    And the settings
      | setting          | value |
      | b2bua::timers/t1 | <t1>  |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
      | account3 | secret |
    Then the status of account2 becomes "Registration failed: <reason>"
    And the status of account1 is "OK"
    And the status of account3 is "OK"
    And the registrar has 2 accounts
    And b2bua logs a message /account sip:account2@jabiru\.example\.org: registration at .* failed \(<reason>\): .*; calls through it are declined, it is tried again in/

    Examples:
      | network | fault  | t1    | reason                  |
      | udp     | 401    | 500ms | Bad credentials         |
      | tcp     | stale  | 500ms | Bad credentials         |
      | udp     | 403    | 500ms | Bad credentials         |
      | tcp     | 404    | 500ms | User not found          |
      | udp     | 480    | 500ms | Temporarily unavailable |
      | tcp     | 488    | 500ms | Not acceptable here     |
      | udp     | 500    | 500ms | Unknown error           |
      | tcp     | 503:60 | 500ms | IO error                |
      | udp     | silent | 100ms | No response             |

  Scenario Outline: An account without the right secret: <what>
    Given the registrar of jabiru over udp
    And b2bua has the accounts at jabiru
      | account  | secret   | realm   |
      | account1 | secret   |         |
      | account2 | <secret> | <realm> |
    Then the status of account2 becomes "Registration failed: <reason>"
    And the status of account1 is "OK"
    And b2bua logs a message /<log>/

    Examples:
      | what        | secret | realm     | reason          | log                                                       |
      | wrong       | other  |           | Bad credentials | the registrar answered 403 Forbidden                      |
      | none        |        |           | Unauthorized    | it wants a password, and the account has none             |
      | other realm | secret | elsewhere | Unauthorized    | realm "jabiru.example.org".* the account's realm is "else |

  Scenario Outline: A failure that passes: <fault>
    Given the registrar of jabiru over tcp
    And the registrar answers account1 with <fault>
    And the settings
      | setting                      | value |
      | b2bua::timers/register-retry | 100ms |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
    Then the status of account1 becomes "OK"
    And b2bua logs a message /account sip:account1@jabiru\.example\.org: registered again at /

    Examples:
      | fault    |
      | 403*2    |
      | 503:1*1  |
      | hangup*1 |

  Scenario: A lost connection is repaired at once
    Given the registrar of jabiru over tcp
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the registrar has 2 accounts
    When the registrar drops its connections
    Then b2bua logs a message /the connection to registrar .* was lost; accounts that register again: 2/
    And account1 is registered again by a refresh
    And account2 is registered again by a refresh
    And the status of account1 becomes "OK"
    And the status of account2 becomes "OK"

  Scenario Outline: A registrar that dies and comes back has its accounts again, over <network>
    Given the registrar of jabiru over <network> with
      | setting  | value |
      | lifetime | 1s    |
    And the settings
      | setting                      | value |
      | b2bua::timers/register-retry | 100ms |
      | b2bua::timers/t1             | 100ms |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the registrar has 2 accounts
    When the registrar is gone
    Then the status of account1 becomes "Registration failed: IO error"
    And the status of account2 becomes "Registration failed: IO error"
    And b2bua logs a message /registrar .* does not answer: .*; its accounts \(2\) are registered as soon as it does/
    When the registrar is back, over <network>
    Then the status of account1 becomes "OK"
    And the status of account2 becomes "OK"
    And the registrar has 2 accounts
    And b2bua logs a message /registrar .* answers again/

    Examples:
      | network |
      | udp     |
      | tcp     |

  Scenario: Registrations are refreshed, and the credentials are used again
    Given the registrar of jabiru over udp with
      | setting  | value |
      | lifetime | 1s    |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
    Then account1 is registered again by a refresh
    And the status of account1 is "OK"

  Scenario: A registrar that wants longer registrations gets them
    Given the registrar of jabiru over udp with
      | setting           | value |
      | shortest lifetime | 2h    |
      | lifetime          | 3h    |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
    Then the status of account1 becomes "OK"
    And b2bua logs a message /account sip:account1@jabiru\.example\.org: registered at .* for 2h0m0s/

  @S-SB-19
  Scenario Outline: one-connection-per-account=<setting>, over <network>
    Given the registrar of jabiru over <network>
    And the settings
      | setting                                 | value     |
      | b2bua-server/one-connection-per-account | <setting> |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
      | account3 | secret |
    And the registrar has 3 accounts
    Then the accounts registered from <ports>

    Examples:
      | network | setting | ports         |
      | udp     | false   | one port      |
      | udp     | true    | as many ports |
      | tcp     | false   | one port      |
      | tcp     | true    | as many ports |
