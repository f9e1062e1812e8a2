@bridge
Feature: The bidirectional bridge of the documentation, end to end
  The documentation's first example with real proxies and phones: flexisip.example.org, whose proxy sends every call to b2bua, and
  jabiru.example.org over TLS, which asks for passwords. The accounts stand in the file in place of the database; names, addresses of
  proxies and templates are the documentation's.

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
    And the proxy jabiru at jabiru.example.org over tls, that serves jabiru.example.org with the passwords
      | user   | password |
      | felix  | Mellon   |
      | emilie | Elbereth |
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
             {"uri": "sip:felix@jabiru.example.org", "secretType": "clrtxt", "secret": "Mellon", "alias": "sip:felix@flexisip.example.org"},
             {"uri": "sip:emilie@jabiru.example.org", "secretType": "clrtxt", "secret": "Elbereth", "alias": "sip:emilie@flexisip.example.org"}
            ]
          }
        }
      }
      """
    And b2bua bridges by the file "providers.json"
    And sip:felix@jabiru.example.org is available
    And sip:emilie@jabiru.example.org is available
    And the phones of the proxy flexisip
      | name   | address                         |
      | felix  | sip:felix@flexisip.example.org  |
      | emilie | sip:emilie@flexisip.example.org |
    And the phones of the proxy jabiru
      | name   | address                       | password |
      | jasper | sip:jasper@jabiru.example.org | Galadhon |

  @S-SB-1 @seed
  Scenario: out, from Flexisip to Jabiru
    When felix dials sip:jasper@flexisip.example.org
    Then jasper's phone rings
    And jasper's call came from '<sip:felix@jabiru.example.org>'
    And the proxy jabiru challenged a INVITE of b2bua
    And the INVITE that b2bua sent to jabiru has
      | header      | value                                   |
      | Request-URI | sip:jasper@jabiru.example.org           |
      | To          | <sip:jasper@jabiru.example.org>         |
      | From        | /<sip:felix@jabiru.example.org>;tag=.+/ |
    When jasper picks up
    Then felix and jasper are in the call
    And felix and jasper hear each other
    When jasper ends the call
    Then felix is free again

  @S-SB-1 @seed
  Scenario: in, from Jabiru to Flexisip
    When jasper dials sip:felix@jabiru.example.org
    Then felix's phone rings
    And felix's call came from '<sip:jasper@flexisip.example.org>'
    And the INVITE that b2bua sent to flexisip has
      | header      | value                                      |
      | Request-URI | sip:felix@flexisip.example.org             |
      | To          | <sip:felix@flexisip.example.org>           |
      | From        | /<sip:jasper@flexisip.example.org>;tag=.+/ |
    When felix picks up
    Then jasper and felix are in the call
    And jasper and felix hear each other
    When jasper ends the call
    Then felix is free again

  @S-SB-1 @seed
  Scenario: out and in again, between two users of Flexisip who have both an account at Jabiru
    When emilie dials sip:felix@flexisip.example.org
    Then felix's phone rings
    And felix's call came from '<sip:emilie@flexisip.example.org>'
    And the INVITE that b2bua sent to jabiru has
      | header | value                                    |
      | To     | <sip:felix@jabiru.example.org>           |
      | From   | /<sip:emilie@jabiru.example.org>;tag=.+/ |
    When felix picks up
    Then emilie and felix are in the call
    And emilie and felix hear each other
    When felix ends the call
    Then emilie is free again

  @seed
  Scenario: who has no account is declined
    Given the phones of the proxy flexisip
      | name | address                       |
      | ruth | sip:ruth@flexisip.example.org |
    When ruth dials sip:jasper@flexisip.example.org
    Then ruth's call was refused with 488
    And jasper's phone did not ring

  @seed
  Scenario: the callee is not at home, and the caller is told so
    When felix dials sip:nobody@flexisip.example.org
    Then felix's call was refused with 404

  @seed
  Scenario: a call is given up while it rings at the other domain
    When felix dials sip:jasper@flexisip.example.org
    Then jasper's phone rings
    And felix hears that it rings
    When felix ends the call
    Then jasper is free again
    And felix is free again
