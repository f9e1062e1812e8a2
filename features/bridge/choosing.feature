@bridge
Feature: Which provider and account take a call
  Spec 4.6. Providers are asked in the order of the file until one handles the call, by bridging or by declining it.

  @seed @4.6
  Scenario Outline: the account is <state>, chosen by <strategy>, onAccountNotFound is <not found>: <outcome>
    Given the account of alice at trunk is <state>, it is chosen by <strategy>, and onAccountNotFound is <not found>
    When alice invites bob
    Then alice's call <outcome>
    And b2bua logs a message /<log>/

    Examples:
      | state          | strategy   | not found    | outcome                         | log                                                                                                         |
      | available      | FindInPool | nextProvider | goes out by the first provider  | leg B to sip:bob@trunk.*provider "first provider", account sip:first@trunk.example.org by alias             |
      | available      | FindInPool | decline      | goes out by the first provider  | provider "first provider", account sip:first@trunk.example.org by alias = sip:alice@sip.example.org         |
      | not there      | FindInPool | nextProvider | goes out by the second provider | provider "second provider", account sip:second@trunk.example.org                                            |
      | not there      | FindInPool | decline      | is declined                     | refused.*488.*provider "first provider": no account of pool "elsewhere" has alias = sip:alice@sip.example.org |
      | not registered | FindInPool | nextProvider | is declined                     | refused.*488.*provider "first provider": account sip:first@trunk.example.org is found.*it is not registered |
      | not registered | FindInPool | decline      | is declined                     | refused.*488.*provider "first provider": account sip:first@trunk.example.org is found.*it is not registered |
      | busy           | FindInPool | nextProvider | is declined                     | refused.*488.*account sip:first@trunk.example.org is found.*in use by 1 of 1 calls .maxCallsPerLine         |
      | busy           | FindInPool | decline      | is declined                     | refused.*488.*account sip:first@trunk.example.org is found.*in use by 1 of 1 calls .maxCallsPerLine         |
      | available      | Random     | nextProvider | goes out by the first provider  | provider "first provider", account sip:first@trunk.example.org .at random from pool "available"             |
      | available      | Random     | decline      | goes out by the first provider  | provider "first provider", account sip:first@trunk.example.org .at random from pool "available"             |
      | not there      | Random     | nextProvider | goes out by the second provider | provider "second provider", account sip:second@trunk.example.org                                            |
      | not there      | Random     | decline      | is declined                     | refused.*488.*provider "first provider": pool "empty" has no accounts                                       |
      | not registered | Random     | nextProvider | goes out by the second provider | provider "second provider", account sip:second@trunk.example.org                                            |
      | not registered | Random     | decline      | is declined                     | refused.*488.*none of the 1 accounts .*sip:first@trunk.example.org for one: it is not registered            |
      | busy           | Random     | nextProvider | goes out by the second provider | provider "second provider", account sip:second@trunk.example.org                                            |
      | busy           | Random     | decline      | is declined                     | refused.*488.*none of the 1 accounts .*sip:first@trunk.example.org for one: it is in use by 1 of 1 calls    |

  @S-SEL-1 @4.6.2
  Scenario Outline: FindInPool by <by> with source <source>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "<by>", "source": "<source>"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:a@sip.example.org", "alias": "sip:expected-from@sip.example.org"},
         {"uri": "sip:expected-to@sip.example.org"},
         {"uri": "sip:expected-request@sip.example.org"},
         {"uri": "sip:c@sip.example.org", "alias": "sip:no-placeholder@static.example.com"}]}}}
      """
    When alice invites bob with
      | header      | value                                   |
      | From        | <sip:expected-from@sip.example.org>     |
      | To          | <sip:expected-to@sip.example.org>       |
      | Request-URI | sip:expected-request@127.0.0.1:5062;x=y |
    Then trunk is invited
    And the INVITE to trunk has
      | header | value              |
      | From   | /<<account>>;tag=.+/ |

    Examples:
      | by         | source                                | account                         |
      | alias      | {from}                                | sip:a@sip.example.org           |
      | uri        | {to}                                  | sip:expected-to@sip.example.org |
      | alias      | sip:no-placeholder@static.example.com | sip:c@sip.example.org           |
      | {uri.user} | {to.user}                             | sip:expected-to@sip.example.org |
      | sip:{uri.user}@{uri.hostport}{uri.uriParameters} | {to}  | sip:expected-to@sip.example.org |
      | sip:{sipIdentity.user}-x | sip:{to.user}-x         | sip:expected-to@sip.example.org |
      | {alias.user}@{alias.hostport} | {from.user}@{from.hostport} | sip:a@sip.example.org |
      | {uri.user} | {requestAddress.user}                 | sip:expected-request@sip.example.org |
      | {uri.user} | {requestUri.user}                     | sip:expected-request@sip.example.org |

  @4.6.2
  Scenario Outline: keys are compared byte for byte: <from> is not <alias>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:a@sip.example.org", "alias": "<alias>"}]}}}
      """
    When alice invites bob with
      | header | value  |
      | From   | <from> |
    Then alice's call is declined
    And trunk was invited 0 times in all

    Examples:
      | from                                  | alias                          |
      | <sip:Alice@sip.example.org>           | sip:alice@sip.example.org      |
      | <sip:alice@SIP.example.org>           | sip:alice@sip.example.org      |
      | <sip:alice@sip.example.org:5060>      | sip:alice@sip.example.org      |
      | <sip:alice@sip.example.org;user=phone> | sip:alice@sip.example.org      |
      | <sip:alice@sip.example.org>           | sip:alice@sip.example.org:5060 |

  @seed @4.6
  Scenario Outline: the pattern is applied to the whole Request-URI: <pattern> and <request>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "Italy", "pattern": "<pattern>", "outboundProxy": "<sip:{{trunk}}>", "accounts": [{"uri": "sip:line@trunk.example.org"}]}]
      """
    When alice invites bob with
      | header      | value     |
      | Request-URI | <request> |
    Then alice's call is declined
    And b2bua logs a message /provider "Italy": pattern .* does not match/

    Examples:
      | pattern              | request                           |
      | sip:\\\\+39.*        | sip:+33612@sip.example.org        |
      | sip:\\\\+39.*        | sips:+39612@sip.example.org       |
      | sip:.*@sip.example.org | sip:bob@sip.example.org;user=phone |
      | sip:Bob@.*           | sip:bob@sip.example.org           |

  @seed @4.6
  Scenario: providers are asked in their order, until one handles the call
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "Italy", "accountPool": "pool", "triggerCondition": {"strategy": "MatchRegex", "source": "", "pattern": "sip:\\+39.*"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.requestUri}"}},
        {"name": "known callers", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "outgoingInvite": {"to": "{incoming.requestUri}"}},
        {"name": "France", "accountPool": "pool", "triggerCondition": {"strategy": "MatchRegex", "source": "{ignored}", "pattern": "sip:\\+33.*"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.requestUri}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 9, "outboundProxy": "<sip:{{trunk}}>", "loader": [{"uri": "sip:line@trunk.example.org"}]}}}
      """
    When alice invites bob with
      | header      | value                      |
      | Request-URI | sip:+3912@sip.example.org  |
    Then trunk is invited
    And b2bua logs a message /because of provider "Italy", account sip:line@trunk.example.org/
    When alice invites bob with
      | header      | value                      |
      | Request-URI | sip:+3312@sip.example.org  |
    Then trunk is invited
    And b2bua logs a message /because of provider "France", account sip:line@trunk.example.org/
    When alice invites bob with
      | header      | value                      |
      | Request-URI | sip:+4912@sip.example.org  |
    Then alice's call is declined
    And b2bua logs a message /refused with 488: .*"Italy".*does not match.*"known callers".*no account.*"France".*does not match/

  @4.6.2
  Scenario: of two accounts with one alias the first is found, and the log says so at the start
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:a@trunk.example.org"},
         {"uri": "sip:b@trunk.example.org", "alias": "sip:alice@sip.example.org"},
         {"uri": "sip:c@trunk.example.org", "alias": "sip:alice@sip.example.org"}]}}}
      """
    Then b2bua logs a warning /sip:c@trunk.example.org.*alias/
    When alice invites bob
    Then trunk is invited
    And the INVITE to trunk has
      | header | value                              |
      | From   | /<sip:b@trunk.example.org>;tag=.+/ |

  @4.6.2
  Scenario: a source that renders nothing finds nobody, least of all an account without alias
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from.uriParameters}"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:a@trunk.example.org"}]}}}
      """
    When alice invites bob
    Then alice's call is declined
    And b2bua logs a message /refused with 488: provider "p": source .from.uriParameters. is empty for this call/
