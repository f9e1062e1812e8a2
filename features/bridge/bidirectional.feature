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
