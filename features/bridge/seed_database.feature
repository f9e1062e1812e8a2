@bridge
Feature: The bidirectional bridge of the documentation, with its database
  The providers file as it is printed: the loader is sqlite3, and the connection that of a server. db= is the file, the rest is warned
  about. The accounts are rows of a table users.

  Background:
    Given the hosts flexisip.example.org and jabiru.example.org
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
           "loader": {
             "dbBackend": "sqlite3",
             "initQuery": "SELECT username, domain AS hostport, \"\" AS user_id, \"clrtxt\" AS secret_type, password AS secret, username AS alias_username, \"flexisip.example.org\" AS alias_hostport, \"\" AS outbound_proxy FROM users",
             "updateQuery": "SELECT username, domain AS hostport, \"\" AS user_id, \"clrtxt\" AS secret_type, password AS secret, username AS alias_username, \"flexisip.example.org\" AS alias_hostport, \"\" AS outbound_proxy FROM users WHERE pk = :identifier",
             "connection": "db=sip_accounts user='flexisip-b2bua' password='Mellon' host=db.jabiru.example.org"
            }
          }
        }
      }
      """

  @S-SB-1 @S-SB-3 @seed
  Scenario: the accounts of the table register, and calls go out and come in through them
    Given the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      [module::B2bua]
      enabled=true
      b2bua-server=sip:{{b2bua}};transport=tcp
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the proxy jabiru at jabiru.example.org over tls, that serves jabiru.example.org with the passwords
      | user   | password |
      | felix  | Mellon   |
      | emilie | Elbereth |
      | jasper | Galadhon |
    And the SQLite file "sip_accounts" after
      """
      CREATE TABLE users (pk INTEGER PRIMARY KEY, username TEXT, domain TEXT, password TEXT);
      INSERT INTO users (username, domain, password) VALUES ('felix', 'jabiru.example.org', 'Mellon'), ('emilie', 'jabiru.example.org', 'Elbereth');
      """
    And b2bua bridges by the file "providers.json"
    Then b2bua logs a warning /connection: option host has no meaning for sqlite3 and is ignored/
    And b2bua logs a message /pool JabiruAccountPool: loaded from SQLite file .*sip_accounts in .*rows=2 created=2/
    And sip:felix@jabiru.example.org is available
    And sip:emilie@jabiru.example.org is available
    Given the phones of the proxy flexisip
      | name   | address                         |
      | felix  | sip:felix@flexisip.example.org  |
      | emilie | sip:emilie@flexisip.example.org |
    And the phones of the proxy jabiru
      | name   | address                       | password |
      | jasper | sip:jasper@jabiru.example.org | Galadhon |
    When felix dials sip:jasper@flexisip.example.org
    Then jasper's phone rings
    And jasper's call came from '<sip:felix@jabiru.example.org>'
    And the INVITE that b2bua sent to jabiru has
      | header      | value                                   |
      | Request-URI | sip:jasper@jabiru.example.org           |
      | From        | /<sip:felix@jabiru.example.org>;tag=.+/ |
    When jasper picks up
    Then felix and jasper are in the call
    And felix and jasper hear each other
    When jasper ends the call
    Then felix is free again
    When jasper dials sip:emilie@jabiru.example.org
    Then emilie's phone rings
    And emilie's call came from '<sip:jasper@flexisip.example.org>'
    When emilie picks up
    Then jasper and emilie are in the call
    And jasper and emilie hear each other
    When emilie ends the call
    Then jasper is free again
    When b2bua is told to stop
    Then b2bua ends
    And the proxy jabiru was asked to un-register 2 accounts

  @S-SB-3 @seed
  Scenario: without the file it does not start, and the place is named
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      application=sip-bridge
      transport=sip:{{b2bua}};transport=tcp
      [b2bua-server::sip-bridge]
      providers=providers.json
      """
    When b2bua is run with "-c {{dir}}/b2bua.conf"
    Then it exits with status 255
    And it prints "{{dir}}/providers.json:44:22: accountPools.JabiruAccountPool.loader.connection"
    And it prints "initQuery on SQLite file {{dir}}/sip_accounts: unable to open database file"
