@bridge
Feature: Registrars that die, refuse or keep silent
  Whatever becomes of one registrar or one account, the others go on, SIP_BRIDGE INFO tells the truth, and nothing is left behind.

  @2.14 @4.12
  Scenario Outline: a registrar is killed and started again, over <network>; accounts elsewhere take calls all the while
    Given the registrar of jabiru over udp
    And the registrar of raven is a process of its own, over <network>
    And the settings
      | setting                      | value |
      | b2bua::timers/t1             | 10ms  |
      | b2bua::timers/t4             | 10ms  |
      | b2bua::timers/register-retry | 100ms |
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "raven", "accountPool": "raven", "triggerCondition": {"strategy": "MatchRegex", "source": "", "pattern": "sip:.*@raven\\.example\\.org"},
         "accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.requestUri}"}},
        {"name": "jabiru", "accountPool": "jabiru", "triggerCondition": {"strategy": "Always"},
         "accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.requestUri}"}}],
       "accountPools": {
        "raven": {"registrationRequired": true, "maxCallsPerLine": 9, "outboundProxy": "<sip:{{trunk}}>", "registrar": "<{{raven}}>", "loader": [
         {"uri": "sip:account1@raven.example.org", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:account2@raven.example.org", "secretType": "clrtxt", "secret": "secret"}]},
        "jabiru": {"registrationRequired": true, "maxCallsPerLine": 9, "outboundProxy": "<sip:{{trunk}}>", "registrar": "<{{jabiru}}>", "loader": [
         {"uri": "sip:account1@jabiru.example.org", "secretType": "clrtxt", "secret": "secret"}]}}}
      """
    And sip:account1@raven.example.org is available
    And sip:account2@raven.example.org is available
    And sip:account1@jabiru.example.org is available
    And what b2bua holds is noted
    When the registrar of raven is killed
    Then the status of sip:account1@raven.example.org becomes "Registration failed: IO error"
    And the status of sip:account2@raven.example.org becomes "Registration failed: IO error"
    And the status of sip:account1@jabiru.example.org is "OK"
    When alice invites bob with
      | header      | value                      |
      | Request-URI | sip:bob@raven.example.org  |
    Then alice's call is declined
    And b2bua logs a message /refused with 488: provider "raven": none of the 2 accounts of pool "raven" is available, account sip:account[12]@raven.example.org for one: it is not registered: Registration failed: IO error/
    When alice invites bob with
      | header      | value                      |
      | Request-URI | sip:bob@jabiru.example.org |
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    When the registrar of raven is started again
    Then the status of sip:account1@raven.example.org becomes "OK"
    And the status of sip:account2@raven.example.org becomes "OK"
    When alice hangs up
    Then trunk's call is released
    When alice invites bob with
      | header      | value                      |
      | Request-URI | sip:bob@raven.example.org  |
    Then trunk is invited
    When trunk answers 486
    Then alice's call fails with 486
    And b2bua holds no more than was noted

    Examples:
      | network |
      | udp     |
      | tcp     |

  @2.14 @4.12
  Scenario Outline: a registrar of <accounts> accounts that is killed and started again is noticed within seconds, over <network>
    Given the registrar of raven is a process of its own, over <network>
    And the settings
      | setting           | value |
      | b2bua::timers/t1  | 100ms |
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "raven", "accountPool": "raven", "triggerCondition": {"strategy": "Always"},
         "accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.requestUri}"}}],
       "accountPools": {
        "raven": {"registrationRequired": true, "maxCallsPerLine": 9, "outboundProxy": "<sip:{{trunk}}>", "registrar": "<{{raven}}>", "loader": [
         <more>
         {"uri": "sip:account1@raven.example.org", "secretType": "clrtxt", "secret": "secret"}]}}}
      """
    And sip:account1@raven.example.org is available
    When the registrar of raven is killed
    Then the status of sip:account1@raven.example.org becomes "Registration failed: IO error"
    And b2bua logs a message /registrar sip:.* does not answer: .*; its accounts \(<accounts>\) are registered as soon as it does/
    When b2bua is run with "ctl accounts --failed --pid {{pid}}"
    Then it prints "(registrar)"
    When b2bua is run with "ctl status --pid {{pid}}"
    Then it prints "no answer since 20"
    And it prints " of its <accounts> accounts"
    When b2bua is run with "ctl status --json --pid {{pid}}"
    Then the JSON that it printed has
      | member                      | value                   |
      | silentRegistrars.0.accounts | <accounts>              |
      | silentRegistrars.0.failure  | /.*connection refused.*/ |
    When the registrar of raven is started again
    Then the status of sip:account1@raven.example.org becomes "OK" within 20s
    And b2bua logs a message /registrar .* answers again, .* after it was found silent \(asked meanwhile: \d+ times\); accounts that waited for it: \d/
    And b2bua has logged /message.*registrar .* does not answer/ once

    Examples:
      | network | accounts | more                                                                                  |
      | udp     | 1        |                                                                                       |
      | tcp     | 1        |                                                                                       |
      | udp     | 2        | {"uri": "sip:account2@raven.example.org", "secretType": "clrtxt", "secret": "wrong"}, |
      | tcp     | 2        | {"uri": "sip:account2@raven.example.org", "secretType": "clrtxt", "secret": "wrong"}, |

  # It is the outbound proxy as well. Nothing else would ask it for half an hour.
  @2.14 @4.12
  Scenario: a call finds out that the registrar was killed
    Given the registrar of raven is a process of its own, over udp, where bindings last 1h
    And the settings
      | setting           | value |
      | b2bua::timers/t1  | 100ms |
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "raven", "accountPool": "raven", "triggerCondition": {"strategy": "Always"},
         "accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.requestUri}"}}],
       "accountPools": {
        "raven": {"registrationRequired": true, "maxCallsPerLine": 9, "outboundProxy": "<{{raven}}>", "registrar": "<{{raven}}>", "loader": [
         {"uri": "sip:account1@raven.example.org", "secretType": "clrtxt", "secret": "secret"},
         {"uri": "sip:account2@raven.example.org", "secretType": "clrtxt", "secret": "secret"}]}}}
      """
    And sip:account1@raven.example.org is available
    And sip:account2@raven.example.org is available
    When the registrar of raven is killed
    And alice invites bob
    Then alice's call fails with 503
    And b2bua logs a message /registrar sip:.* does not answer: .*connection refused; its accounts \(2\) are registered as soon as it does/
    When b2bua is run with "ctl status --pid {{pid}}"
    Then it prints "no answer since 20"
    When the registrar of raven is started again
    Then b2bua logs a message /registrar .* answers again/
    And the status of sip:account1@raven.example.org becomes "OK"
    And the status of sip:account2@raven.example.org becomes "OK"

  @2.14 @4.12 @4.8
  Scenario Outline: <fault> for ever, over <network>
    Given the registrar of jabiru over <network>
    And the registrar answers account2 with <fault>
    And the settings
      | setting                      | value |
      | b2bua::timers/t1             | 10ms  |
      | b2bua::timers/t4             | 10ms  |
      | b2bua::timers/register-retry | 10ms  |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
      | account3 | secret |
    Then the status of account2 becomes "Registration failed: <reason>"
    And the status of account1 becomes "OK"
    And the status of account3 becomes "OK"
    When what b2bua holds is noted
    And the registrar was asked by account2 <often> times
    Then b2bua holds no more than was noted
    And the status of account2 is "Registration failed: <reason>"
    And the status of account1 is "OK"
    And the registrar has 2 accounts
    When the registrar treats account2 well again
    Then the status of account2 becomes "OK"

    Examples:
      | fault  | network | reason          | often |
      | 401    | udp     | Bad credentials | 12    |
      | 401    | tcp     | Bad credentials | 12    |
      | stale  | udp     | Bad credentials | 30    |
      | 403    | udp     | Bad credentials | 6     |
      | 403    | tcp     | Bad credentials | 6     |
      | 423    | udp     | Unknown error   | 6     |
      | 503:1  | tcp     | IO error        | 3     |
      | hangup | tcp     | IO error        | 4     |
      | silent | udp     | No response     | 20    |

  @2.14
  Scenario: Retry-After is honoured
    Given the registrar of jabiru over udp
    And the registrar answers account1 with 503:2*1
    And the settings
      | setting                      | value |
      | b2bua::timers/register-retry | 10ms  |
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
    Then the status of account1 becomes "Registration failed: IO error"
    And the registrar was asked by account1 again, 2s after its answer at the soonest
    And the status of account1 becomes "OK"

  @4.14
  Scenario Outline: told to stop while the registrar <fault>, b2bua ends all the same
    Given the registrar of jabiru over <network>
    And b2bua has the accounts at jabiru
      | account  | secret |
      | account1 | secret |
      | account2 | secret |
    And the status of account1 becomes "OK"
    And the status of account2 becomes "OK"
    When the registrar answers account2 with <fault>
    And b2bua is told to stop
    Then b2bua ends
    And the registrar has <left> accounts
    And b2bua logs a message /stopped: .*; [12] accounts could not be un-registered: [12] at sip:.* \(.*sip:account2@jabiru\.example\.org\): <why>/

    Examples:
      | fault  | network | left | why                                        |
      | silent | udp     | 1    | no answer so far                           |
      | hangup | tcp     | 1    | tcp .*                                     |
      | 401    | udp     | 1    | the registrar answered 401 Unauthorized: it |
