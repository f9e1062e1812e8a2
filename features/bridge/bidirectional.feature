@bridge
Feature: Bridging two domains in both directions
  The first example of the seed, its accounts in the file and not in a database: each user of flexisip.example.org has an account at
  jabiru.example.org.

  @S-SB-1 @seed
  Scenario Outline: <who>
    Given b2bua bridges calls of caller to trunk by the providers
      """
      {
       "schemaVersion": 2,
       "providers": [
          {
           "name": "Flexisip -> Jabiru (Outbound)",
           "triggerCondition": { "strategy": "Always" },
           "accountToUse": { "strategy": "FindInPool", "source": "{from}", "by": "alias" },
           "onAccountNotFound": "nextProvider",
           "outgoingInvite": {
             "to": "sip:{incoming.to.user}@{account.uri.hostport}{incoming.to.uriParameters}",
             "from": "{incoming.from.displayName} {account.uri}"
            },
           "accountPool": "JabiruAccountPool"
          }, {
           "name": "Jabiru -> Flexisip (Inbound)",
           "triggerCondition": { "strategy": "Always" },
           "accountToUse": { "strategy": "FindInPool", "source": "{to}", "by": "uri" },
           "onAccountNotFound": "nextProvider",
           "outgoingInvite": {
             "to": "{account.alias}",
             "from": "{incoming.from.displayName} sip:{incoming.from.user}@{account.alias.hostport}{incoming.from.uriParameters}",
             "outboundProxy": "<sip:{{trunk}};x-flexisip>"
            },
           "accountPool": "JabiruAccountPool"
          }
        ],
       "accountPools": {
         "JabiruAccountPool": {
           "outboundProxy": "<sip:{{trunk}};x-jabiru>",
           "registrationRequired": false,
           "maxCallsPerLine": 20,
           "loader": [
             {"uri": "sip:felix@jabiru.example.org", "alias": "sip:felix@flexisip.example.org"},
             {"uri": "sip:emilie@jabiru.example.org", "alias": "sip:emilie@flexisip.example.org"}]
          }
        }
      }
      """
    When caller invites somebody with
      | header      | value              |
      | From        | <from>             |
      | To          | <<dialled>>        |
      | Request-URI | sip:x@127.0.0.1:1  |
    Then trunk is invited
    And the INVITE to trunk has
      | header      | value                  |
      | Request-URI | <callee>               |
      | To          | <<callee>>             |
      | From        | /<caller>;tag=.+/      |
      | Route       | <sip:{{trunk}};<proxy>;lr> |
    When trunk accepts
    Then the call between caller and trunk is up

    Examples:
      | who                                  | from                                        | dialled                         | callee                         | caller                                         | proxy      |
      | Felix calls Jasper                   | "Fel\"ix" <sip:felix@flexisip.example.org>  | sip:jasper@flexisip.example.org | sip:jasper@jabiru.example.org  | "Fel\\\\"ix" <sip:felix@jabiru.example.org>    | x-jabiru   |
      | Jasper calls Felix                   | <sip:jasper@jabiru.example.org>             | sip:felix@jabiru.example.org    | sip:felix@flexisip.example.org | <sip:jasper@flexisip.example.org>              | x-flexisip |
      | Emilie calls Felix, out to Jabiru    | "Emil\\\\ie" <sip:emilie@flexisip.example.org> | sip:felix@flexisip.example.org | sip:felix@jabiru.example.org | "Emil\\\\\\\\ie" <sip:emilie@jabiru.example.org> | x-jabiru |
      | Emilie calls Felix, in from Jabiru   | <sip:emilie@jabiru.example.org>             | sip:felix@jabiru.example.org    | sip:felix@flexisip.example.org | <sip:emilie@flexisip.example.org>              | x-flexisip |

  @S-SB-1 @seed
  Scenario Outline: with real proxies and phones, inside over <inside>, outside over <outside>, a connection for each account
    Given the hosts flexisip.example.org and jabiru.example.org
    And the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=<inside>
      [module::Registrar]
      reg-domains=flexisip.example.org
      [module::B2bua]
      enabled=true
      b2bua-server=sip:{{b2bua}};transport=<inside>
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the file "jabiru.conf"
      """
      [global]
      transports=sip:jabiru.example.org;transport=<outside>
      [module::Registrar]
      reg-domains=jabiru.example.org
      """
    And the proxy jabiru with the file "jabiru.conf"
    And the settings
      | setting                                 | value |
      | b2bua-server/one-connection-per-account | true  |
    And the file "providers.json"
      """
      {
       "schemaVersion": 2,
       "providers": [
          {
           "name": "Flexisip -> Jabiru (Outbound)",
           "triggerCondition": { "strategy": "Always" },
           "accountToUse": { "strategy": "FindInPool", "source": "{from}", "by": "alias" },
           "onAccountNotFound": "nextProvider",
           "outgoingInvite": {
             "to": "sip:{incoming.to.user}@{account.uri.hostport}{incoming.to.uriParameters}",
             "from": "{incoming.from.displayName} {account.uri}"
            },
           "accountPool": "JabiruAccountPool"
          }, {
           "name": "Jabiru -> Flexisip (Inbound)",
           "triggerCondition": { "strategy": "Always" },
           "accountToUse": { "strategy": "FindInPool", "source": "{to}", "by": "uri" },
           "onAccountNotFound": "nextProvider",
           "outgoingInvite": {
             "to": "{account.alias}",
             "from": "{incoming.from.displayName} sip:{incoming.from.user}@{account.alias.hostport}{incoming.from.uriParameters}",
             "outboundProxy": "<sip:flexisip.example.org;transport=<inside>>"
            },
           "accountPool": "JabiruAccountPool"
          }
        ],
       "accountPools": {
         "JabiruAccountPool": {
           "outboundProxy": "<sip:jabiru.example.org;transport=<outside>>",
           "registrationRequired": true,
           "maxCallsPerLine": 20,
           "loader": [
             {"uri": "sip:felix@jabiru.example.org", "alias": "sip:felix@flexisip.example.org"},
             {"uri": "sip:emilie@jabiru.example.org", "alias": "sip:emilie@flexisip.example.org"}]
          }
        }
      }
      """
    And b2bua bridges by the file "providers.json" over <inside>
    And sip:felix@jabiru.example.org is available
    And sip:emilie@jabiru.example.org is available
    And the phones of the proxy flexisip
      | name   | address                         | display name |
      | felix  | sip:felix@flexisip.example.org  | Fel"ix       |
      | emilie | sip:emilie@flexisip.example.org | Emil\\ie     |
    And the phones of the proxy jabiru
      | name   | address                       |
      | jasper | sip:jasper@jabiru.example.org |
    When felix dials sip:jasper@flexisip.example.org
    Then jasper's phone rings
    And jasper's call came from '"Fel\"ix" <sip:felix@jabiru.example.org>'
    When jasper picks up
    Then felix and jasper are in the call
    And the proxy jabiru got 1 calls of b2bua
    When jasper ends the call
    Then felix is free again
    When jasper dials sip:felix@jabiru.example.org
    Then felix's phone rings
    And felix's call came from '<sip:jasper@flexisip.example.org>'
    When felix picks up
    Then jasper and felix are in the call
    And jasper and felix hear each other
    When felix ends the call
    Then jasper is free again
    When emilie dials sip:felix@flexisip.example.org
    Then felix's phone rings
    And felix's call came from '"Emil\\ie" <sip:emilie@flexisip.example.org>'
    And the proxy jabiru got 2 calls of b2bua
    When felix picks up
    Then emilie and felix are in the call
    When emilie ends the call
    Then felix is free again

    Examples:
      | inside | outside |
      | tcp    | tcp     |
      | tcp    | udp     |
      | udp    | tcp     |
      | udp    | udp     |
