@stores
Feature: The Redis server that announces changes
  Spec 1.5 and 4.9.3: users, passwords, TLS, replicas.

  @1.5
  Scenario Outline: Who may listen: <who>
    Given a Redis server that starts with '<server>'
    And the settings
      | setting                               | value      |
      | module::Registrar/redis-auth-user     | <user>     |
      | module::Registrar/redis-auth-password | <password> |
    And the sqlite database with 1 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When the database does "DELETE FROM accounts"
    And the account account0 is announced
    Then there are no accounts
    And the file "b2bua.log" does not contain "Mellon"

    Examples:
      | who                        | user   | password | server                                                                                                         |
      | everybody                  |        |          | --loglevel notice                                                                                              |
      | who knows the password     |        | Mellon   | --requirepass Mellon                                                                                           |
      | one user, with two rights  | bridge | Mellon   | --user default off --user bridge on >Mellon resetchannels &flexisip/B2BUA/account -@all +subscribe +info +ping |
      | everybody, a user is named | bridge |          | --loglevel notice                                                                                              |

  @1.5
  Scenario Outline: Who may not listen has accounts that are loaded, and an error in the log: <who>
    Given a Redis server that starts with '<server>'
    And the settings
      | setting                               | value      |
      | module::Registrar/redis-auth-user     | <user>     |
      | module::Registrar/redis-auth-password | <password> |
    And the sqlite database with 1 accounts at jabiru
    When b2bua has the accounts of the database
    Then b2bua logs an error /Redis: no server to follow .*: changes of accounts are not seen; tried again by itself; <says>/
    And the accounts are
      | account  | status |
      | account0 | OK     |
    And a call from sip:alias0@sip.example.org is of sip:account0@jabiru.example.org
    And the file "b2bua.log" does not contain "Mellon"

    Examples:
      | who                        | user   | password     | says                                                                       | server                                                                                |
      | a wrong password           |        | Mellon-wrong | correct redis-auth-user and redis-auth-password in .module::Registrar.     | --requirepass Mellon                                                                  |
      | no password                |        |              | correct redis-auth-user and redis-auth-password in .module::Registrar.     | --requirepass Mellon                                                                  |
      | a user without a password  | bridge |              | correct redis-auth-user and redis-auth-password in .module::Registrar.     | --requirepass Mellon                                                                  |
      | an unknown user            | nobody | Mellon       | correct redis-auth-user and redis-auth-password in .module::Registrar.     | --user default off --user bridge on >Mellon &* +@all                                  |
      | a user who lacks a channel | bridge | Mellon       | let the user of redis-auth-user subscribe: ACL SETUSER <user> .subscribe.* | --user default off --user bridge on >Mellon resetchannels -@all +subscribe +info +ping |

  @1.5
  Scenario Outline: TLS: <connection>, the server <server>
    Given a Redis server over TLS that <server>
    And the settings
      | setting                                 | value                         |
      | module::Registrar/redis-connection      | <connection>                  |
      | module::Registrar/redis-tls-cafile      | {{dir}}/redis/ca.pem          |
      | module::Registrar/redis-tls-certificate | {{dir}}/redis/certificate.pem |
      | module::Registrar/redis-tls-key         | {{dir}}/redis/key.pem         |
    And the sqlite database with 1 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When the database does "DELETE FROM accounts"
    And the account account0 is announced
    Then there are no accounts

    Examples:
      | connection      | server                   |
      | tls-server-auth | takes everybody          |
      | tls-mutual      | takes everybody          |
      | tls-mutual      | wants certificates      |

  @1.5
  Scenario Outline: TLS that fails: <what>
    Given a Redis server over TLS that <server>
    And the settings
      | setting                            | value           |
      | module::Registrar/redis-connection | tls-server-auth |
      | module::Registrar/redis-tls-cafile | <CA>            |
    And the sqlite database with 1 accounts at jabiru
    When b2bua has the accounts of the database
    Then b2bua logs a warning /Redis: no server to follow .*<says>/
    And the accounts are
      | account  | status |
      | account0 | OK     |

    Examples:
      | what                                   | server                  | CA                   | says                                                              |
      | an authority that did not sign         | takes everybody         | {{dir}}/stranger/ca.pem      | certificate signed by unknown authority                           |
      | a server that wants our certificate    | wants certificates      | {{dir}}/redis/ca.pem | a server that wants our certificate needs redis-connection=tls-mutual |

  @4.9.3
  Scenario: A replica leads to its primary
    Given a Redis server and its replica
    And b2bua is told of the replica
    And the sqlite database with 1 accounts at jabiru
    When b2bua has the accounts of the database
    Then b2bua follows Redis
    When the database does "DELETE FROM accounts"
    And the account account0 is announced
    Then there are no accounts
