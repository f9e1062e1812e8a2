@bridge
Feature: A trunk that puts its address into Record-Route, and has a certificate for its name only
  Requests inside the dialog go to that address: by the connection that the dialog came by (RFC 5923 in spirit), else by a new one that
  is verified by the name which leads to the address.

  Background:
    Given the hosts flexisip.example.org and jabiru.example.org
    And the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      [module::B2bua]
      enable=true
      filter=
      b2bua-server=sip:{{b2bua}};transport=tcp
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the proxy jabiru at jabiru.example.org over tls, whose certificate has its name and whose Record-Route its address, that serves jabiru.example.org with the passwords
      | user   | password |
      | felix  | Mellon   |
      | jasper | Galadhon |
    And the file "providers.json"
      """
      {
       "schemaVersion": 2,
       "providers": [
          {
           "name": "Flexisip -> Jabiru (Outbound)",
           "triggerCondition": { "strategy": "Always" },
           "accountToUse": {
             "strategy": "FindInPool",
             "source": "{from}",
             "by": "alias"
            },
           "onAccountNotFound": "nextProvider",
           "outgoingInvite": {
             "to": "sip:{incoming.to.user}@{account.uri.hostport}{incoming.to.uriParameters}",
             "from": "{account.uri}"
            },
           "accountPool": "JabiruAccountPool"
          }, {
           "name": "Jabiru -> Flexisip (Inbound)",
           "triggerCondition": { "strategy": "Always" },
           "accountToUse": {
             "strategy": "FindInPool",
             "source": "{to}",
             "by": "uri"
            },
           "onAccountNotFound": "nextProvider",
           "outgoingInvite": {
             "to": "{account.alias}",
             "from": "sip:{incoming.from.user}@{account.alias.hostport}{incoming.from.uriParameters}",
             "outboundProxy": "<sip:flexisip.example.org;transport=tcp>"
            },
           "accountPool": "JabiruAccountPool"
          }
        ],
       "accountPools": {
         "JabiruAccountPool": {
           "outboundProxy": "<sip:jabiru.example.org;transport=tls>",
           "registrationRequired": true,
           "maxCallsPerLine": 20,
           "loader": [
             {"uri": "sip:felix@jabiru.example.org", "secretType": "clrtxt", "secret": "Mellon", "alias": "sip:felix@flexisip.example.org"}
            ]
          }
        }
      }
      """
    And b2bua bridges by the file "providers.json"
    And sip:felix@jabiru.example.org is available
    And the phones of the proxy flexisip
      | name   | address                         |
      | felix  | sip:felix@flexisip.example.org  |
    And the phones of the proxy jabiru
      | name   | address                       | password |
      | jasper | sip:jasper@jabiru.example.org | Galadhon |

  Scenario Outline: a call <way>, negotiated again by both, ended by <who>
    When <caller> dials <number>
    Then <callee>'s phone rings
    When <callee> picks up
    Then <caller> and <callee> are in the call
    And <caller> and <callee> hear each other
    When jasper negotiates again
    And felix negotiates again
    Then <caller> and <callee> hear each other
    When <who> ends the call
    Then felix is free again
    And jasper is free again

    Examples:
      | way | caller | callee | number                           | who    |
      | out | felix  | jasper | sip:jasper@flexisip.example.org  | felix  |
      | out | felix  | jasper | sip:jasper@flexisip.example.org  | jasper |
      | in  | jasper | felix  | sip:felix@jabiru.example.org     | felix  |
      | in  | jasper | felix  | sip:felix@jabiru.example.org     | jasper |

  Scenario Outline: the connection breaks during a call <way>
    When <caller> dials <number>
    Then <callee>'s phone rings
    When <callee> picks up
    Then <caller> and <callee> are in the call
    And <caller> and <callee> hear each other
    When the proxy jabiru drops its connections
    And felix negotiates again
    And felix ends the call
    Then jasper is free again

    Examples:
      | way | caller | callee | number                          |
      | out | felix  | jasper | sip:jasper@flexisip.example.org |
      | in  | jasper | felix  | sip:felix@jabiru.example.org    |
