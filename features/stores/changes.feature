@stores
Feature: Changes of accounts while b2bua runs
  Spec 4.9.3 and 4.9.4. Redis says which account has changed, the database says how; each subscription reads all of them again.

  @S-POOL-4
  Scenario Outline: <database>: Redis restarts, and meanwhile accounts change, come and go (<interval> ms between registrations)
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the <database> database with 10 accounts at jabiru
    And b2bua has the accounts of the database, in a pool with '{"registrationThrottlingRateMs": <interval>}'
    And b2bua follows Redis
    And the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |
      | account3 | OK     |
      | account4 | OK     |
      | account5 | OK     |
      | account6 | OK     |
      | account7 | OK     |
      | account8 | OK     |
      | account9 | OK     |
    And the registrar got 10 REGISTERs and 0 un-REGISTERs
    When Redis is down
    And the database does
      """
      UPDATE accounts SET alias_username = 'new-alias' WHERE username = 'account0';
      UPDATE accounts SET user_id = 'new-id', realm = 'new-realm' WHERE username = 'account2';
      UPDATE accounts SET username = 'new-uri' WHERE username = 'account3';
      DELETE FROM accounts WHERE username = 'account9';
      INSERT INTO accounts (username, domain, alias_username, alias_domain) VALUES ('added', 'jabiru.example.org', 'alias-of-added', 'sip.example.org')
      """
    And Redis is up again
    Then b2bua logs a message /pool pool: loaded from .*rows=10 created=2 updated=2 removed=2 refused=0; the pool has 10 accounts/
    And the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |
      | new-uri  | OK     |
      | account4 | OK     |
      | account5 | OK     |
      | account6 | OK     |
      | account7 | OK     |
      | account8 | OK     |
      | added    | OK     |
    And the registrar got 13 REGISTERs and 2 un-REGISTERs
    And the registrar has 10 accounts
    And a call from sip:new-alias@sip.example.org is of sip:account0@jabiru.example.org
    And a call from sip:alias0@sip.example.org finds no account
    And a call from sip:alias2@sip.example.org is of sip:account2@jabiru.example.org, who is "new-id" in the realm "new-realm" with the password "secret"
    And a call to sip:account3@jabiru.example.org finds no account
    And a call to sip:new-uri@jabiru.example.org is for sip:alias3@sip.example.org
    And a call from sip:alias9@sip.example.org finds no account
    And a call from sip:alias-of-added@sip.example.org is of sip:added@jabiru.example.org, who has no password

    Examples:
      | database | interval |
      | sqlite   | 0        |
      | sqlite   | 1        |
      | mariadb  | 0        |
      | mariadb  | 1        |

  @S-POOL-5
  Scenario: A second load aborts the first one: what that would have found is never registered
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the mariadb database with 10 accounts at jabiru
    And b2bua reaches the database through a network that fails
    And b2bua has the accounts of the database, in a pool with '{"registrationThrottlingRateMs": 15}'
    And b2bua follows Redis
    And the registrar got 10 REGISTERs and 0 un-REGISTERs
    When the network to the database is silent
    And the database does
      """
      UPDATE accounts SET username = 'first-change' WHERE username = 'account0';
      UPDATE accounts SET username = 'cancelled-before-reached' WHERE username = 'account9'
      """
    And Redis restarts
    And b2bua listens to Redis
    And the database does "UPDATE accounts SET username = 'latest' WHERE username = 'cancelled-before-reached'"
    And Redis restarts
    And b2bua listens to Redis
    And the network to the database passes
    Then the accounts become
      | account      | status |
      | first-change | OK     |
      | account1     | OK     |
      | account2     | OK     |
      | account3     | OK     |
      | account4     | OK     |
      | account5     | OK     |
      | account6     | OK     |
      | account7     | OK     |
      | account8     | OK     |
      | latest       | OK     |
    And the registrar got 12 REGISTERs and 2 un-REGISTERs
    And nobody registered as cancelled-before-reached

  @S-POOL-5 @4.10
  Scenario: A change that waits for its turn to register is overtaken by a later one
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the sqlite database with 1 accounts at jabiru
    And b2bua has the accounts of the database, in a pool with '{"registrationThrottlingRateMs": 3600000}'
    And b2bua follows Redis
    And the registrar got 1 REGISTERs and 0 un-REGISTERs
    When Redis is down
    And the database does "INSERT INTO accounts (username, domain, secret, secret_type) VALUES ('cancelled-before-reached', 'jabiru.example.org', 'secret', 'clrtxt')"
    And Redis is up again
    Then the accounts become
      | account                  | status          |
      | account0                 | OK              |
      | cancelled-before-reached | Should register |
    When Redis is down
    And the database does "UPDATE accounts SET username = 'latest' WHERE username = 'cancelled-before-reached'"
    And Redis is up again
    Then the accounts become
      | account  | status          |
      | account0 | OK              |
      | latest   | Should register |
    And the registrar got 1 REGISTERs and 0 un-REGISTERs
    And nobody registered as cancelled-before-reached

  @S-POOL-6
  Scenario Outline: <database>: a password that is added or changed is registered with, once
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the <database> database with the accounts
      | username | secret | secret_type | alias_username | alias_domain    |
      | account1 |        | clrtxt      | alias1         | sip.example.org |
      | account2 |        | clrtxt      | alias2         | sip.example.org |
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And the registrar got 2 REGISTERs and 0 un-REGISTERs
    When the database does "UPDATE accounts SET secret = 'one' WHERE username = 'account2'"
    And the account account2 is announced
    Then the registrar got 3 REGISTERs and 0 un-REGISTERs
    And a call from sip:alias2@sip.example.org is of sip:account2@jabiru.example.org, who is "account2" in the realm "jabiru.example.org" with the password "one"
    When the database does "UPDATE accounts SET secret = 'other' WHERE username = 'account2'"
    And the account account2 is announced
    Then the registrar got 4 REGISTERs and 0 un-REGISTERs
    And a call from sip:alias2@sip.example.org is of sip:account2@jabiru.example.org, who is "account2" in the realm "jabiru.example.org" with the password "other"

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-POOL-6
  Scenario: A password that was wrong is put right
    Given the registrar of jabiru over udp
    And a Redis server
    And the mariadb database with the accounts
      | username | secret | secret_type |
      | account1 | wrong  | clrtxt      |
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And the accounts become
      | account  | status                               |
      | account1 | Registration failed: Bad credentials |
    When the database does "UPDATE accounts SET secret = 'secret' WHERE username = 'account1'"
    And the account account1 is announced
    Then the accounts become
      | account  | status |
      | account1 | OK     |

  @S-POOL-7
  Scenario Outline: <database>: who is deleted un-registers, with a password where one is wanted (<authentication>)
    Given the registrar of jabiru over udp with
      | setting        | value            |
      | authentication | <authentication> |
    And a Redis server
    And the <database> database with 10 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And the registrar has 10 accounts
    And the registrar got <REGISTERs> REGISTERs and 0 un-REGISTERs
    When Redis is down
    And the database does "DELETE FROM accounts WHERE username IN ('account2', 'account5', 'account9')"
    And Redis is up again
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account3 | OK     |
      | account4 | OK     |
      | account6 | OK     |
      | account7 | OK     |
      | account8 | OK     |
    And the registrar has 7 accounts
    And the registrar has no binding of account2
    And the registrar has no binding of account5
    And the registrar has no binding of account9
    And a call from sip:alias2@sip.example.org finds no account
    And a call from sip:alias3@sip.example.org is of sip:account3@jabiru.example.org

    Examples:
      | database | authentication | REGISTERs |
      | sqlite   | none           | 10        |
      | mariadb  | none           | 10        |
      | sqlite   | digest         | 20        |
      | mariadb  | digest         | 20        |

  @S-POOL-8 @S-LOAD-5 @S-LOAD-6
  Scenario Outline: <database>: the life of an account that SQL and Redis tell
    Given the hosts default-outbound-proxy.example.org
    And the proxy default at default-outbound-proxy.example.org over tls, that serves elsewhere.example.org with the passwords
      | user | password |
      | none | none     |
    And the phones one and other
    And a Redis server
    And the <database> database with the accounts
      | username | domain                    | user_id | realm       | secret    | secret_type | outbound_proxy               | alias_username | alias_domain    |
      | account1 | some.provider.example.com | id1     |             |           |             |                              | alias1         | sip.example.org |
      | account2 | some.provider.example.com | userID  | myNiceRealm | p@$sword  | clrtxt      | <sip:{{one}};transport=udp>  | alias2         | sip.example.org |
    And b2bua has the accounts of the database, in a pool with '{"outboundProxy": "<sip:default-outbound-proxy.example.org;transport=tls>", "registrationRequired": false}', by the queries
      | query       | SQL                                                   |
      | updateQuery | SELECT * FROM accounts WHERE user_id = :identifier |
    And b2bua follows Redis
    And the accounts become
      | account                                | status |
      | sip:account1@some.provider.example.com | OK     |
      | sip:account2@some.provider.example.com | OK     |
    When alice invites somebody with
      | header | value                        |
      | From   | <sip:alias1@sip.example.org> |
    Then the INVITE that b2bua sent to default has
      | header              | value                                            |
      | From                | /<sip:account1@some\.provider\.example\.com>;.*/ |
      | Proxy-Authorization | (absent)                                         |
    And a call from sip:alias2@sip.example.org is of sip:account2@some.provider.example.com by one, who is "userID" in the realm "myNiceRealm" with the password "p@$sword"
    When the database does
      """
      UPDATE accounts SET secret = 'cb5784ae9b5960e320ed2c19c575b0ad0995fa9ffd78810bbde33757afbab8e6', secret_type = 'sha-256', realm = 'newRealm', outbound_proxy = '<sip:{{other}};transport=udp>', alias_username = 'addedAlias', alias_domain = 'new.domain.org'
      WHERE username = 'account2'
      """
    And the account sip:account2@some.provider.example.com is announced as userID
    Then a call from sip:addedAlias@new.domain.org is of sip:account2@some.provider.example.com by other, who is "userID" in the realm "newRealm" with the password "new secret"
    And a call to sip:account2@some.provider.example.com is for sip:addedAlias@new.domain.org by other
    And a call from sip:alias2@sip.example.org finds no account
    When the database does "DELETE FROM accounts WHERE username = 'account2'"
    And the account sip:account2@some.provider.example.com is announced as userID
    Then the accounts become
      | account                                | status |
      | sip:account1@some.provider.example.com | OK     |
    And a call from sip:addedAlias@new.domain.org finds no account
    And a call to sip:account2@some.provider.example.com finds no account

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-POOL-10
  Scenario Outline: <database>: an empty table, then a row that is announced
    Given a Redis server
    And the <database> database without accounts
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And there are no accounts
    When the database does "INSERT INTO accounts (username, domain, alias_username, alias_domain) VALUES ('account1', 'jabiru.example.org', 'alias1', 'sip.example.org')"
    And the account account1 is announced
    Then the accounts become
      | account  | status |
      | account1 | OK     |
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call to sip:account1@jabiru.example.org is for sip:alias1@sip.example.org

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @4.9.4
  Scenario Outline: <database>: what makes an account register again: <change>
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And the phones one and other
    And a Redis server
    And the <database> database with 3 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And the registrar got 3 REGISTERs and 0 un-REGISTERs
    When the database does "UPDATE accounts SET <SQL> WHERE username = 'account1'"
    And the account account1 is announced
    And the database does "INSERT INTO accounts (username, domain) VALUES ('last', 'jabiru.example.org')"
    And the account last is announced
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |
      | last     | OK     |
    And account1 sent <REGISTERs> REGISTERs
    And account0 sent 1 REGISTERs
    And account2 sent 1 REGISTERs

    Examples:
      | database | change                | SQL                                                     | REGISTERs |
      | sqlite   | the password          | secret = 'new'                                          | 2         |
      | mariadb  | the user id           | user_id = 'new'                                         | 2         |
      | sqlite   | the realm             | realm = 'new'                                           | 2         |
      | mariadb  | the type of secret    | secret_type = 'sha256'                                  | 2         |
      | sqlite   | the registrar         | registrar = '<{{jabiru}};lr>'                           | 2         |
      | mariadb  | nothing               | secret = 'secret'                                       | 1         |
      | sqlite   | the alias             | alias_username = 'new'                                  | 1         |
      | mariadb  | the alias is cleared  | alias_username = NULL                                   | 1         |
      | sqlite   | the secret is cleared | secret = ''                                             | 1         |
      | mariadb  | the secret is cleared | secret = NULL                                           | 1         |

  @4.9.4
  Scenario Outline: <database>: an account that gets another registrar is un-registered at the former one, whether the new one answers or not
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the <database> database with 3 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And the registrar got 3 REGISTERs and 0 un-REGISTERs
    When the database does "UPDATE accounts SET registrar = '<sip:127.0.0.9:5999>' WHERE username = 'account1'"
    And the account account1 is announced
    Then the registrar has 2 accounts
    And the registrar got 3 REGISTERs and 1 un-REGISTERs
    And the status of account1 becomes "Registration failed: IO error"
    And the status of account2 is "OK"
    When the database does "UPDATE accounts SET registrar = NULL WHERE username = 'account1'"
    And the account account1 is announced
    Then the status of account1 becomes "OK"
    And the registrar got 4 REGISTERs and 1 un-REGISTERs

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @4.9.4
  Scenario Outline: <database>: calls go on while <what>
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the <database> database with 3 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    And the registrar has 3 accounts
    When alice invites bob with
      | header | value                        |
      | From   | <sip:alias1@sip.example.org> |
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    When the database does "<SQL>"
    And the account account1 is announced
    And the account renamed is announced
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account2 | OK     |
      | <third>  | OK     |
    When alice sends a re-INVITE with the offer audio sendonly
    Then trunk gets a re-INVITE
    When trunk answers the re-INVITE 200 recvonly
    Then alice's re-INVITE is answered 200 with SDP
    When alice hangs up
    Then trunk's call is released
    And account0 sent 1 REGISTERs
    And account2 sent 1 REGISTERs

    Examples:
      | database | what                         | SQL                                                                                     | third    |
      | sqlite   | their account is changed     | UPDATE accounts SET secret = 'new', alias_username = 'new' WHERE username = 'account1'  | account1 |
      | mariadb  | their account gets a new URI | UPDATE accounts SET username = 'renamed' WHERE username = 'account1'                    | renamed  |

  @4.9.4
  Scenario Outline: <database>: a call goes on when its account is deleted, and no new one is taken
    Given a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When alice invites bob with
      | header | value                        |
      | From   | <sip:alias1@sip.example.org> |
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up
    When the database does "DELETE FROM accounts WHERE username = 'account1'"
    And the account account1 is announced
    Then the accounts become
      | account  | status |
      | account0 | OK     |
    When alice hangs up
    Then trunk's call is released
    And a call from sip:alias1@sip.example.org finds no account

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @4.9.3
  Scenario Outline: <database>: what is announced to nobody is made up for at the next subscription
    Given a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When Redis is down
    And the database does
      """
      DELETE FROM accounts WHERE username = 'account0';
      UPDATE accounts SET alias_username = 'changed' WHERE username = 'account1';
      INSERT INTO accounts (username, domain) VALUES ('account2', 'jabiru.example.org')
      """
    And Redis is up again
    Then the accounts become
      | account  | status |
      | account1 | OK     |
      | account2 | OK     |
    And a call from sip:changed@sip.example.org is of sip:account1@jabiru.example.org
    And b2bua logs a warning /Redis: no server to follow|Redis .* is lost/
    And b2bua logs a message /Redis .*: changes of accounts are followed again, after .*; all accounts are read now/

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @4.9.3
  Scenario Outline: A malformed announcement is told with the reason, without what it says, and does no harm: <reason>
    Given a Redis server
    And the sqlite database with 1 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When Redis announces '<message>'
    Then b2bua logs an error /Redis .*: message on flexisip.B2BUA.account ignored: <reason>/
    When the database does "DELETE FROM accounts"
    And the account account0 is announced
    Then there are no accounts
    And the file "b2bua.log" does not contain "Mellon"

    Examples:
      | message                                                                              | reason                                                              |
      | Mellon                                                                               | it is not JSON .at byte 0.                                          |
      | {"username":"Mellon","domain":"Mellon","identifier":"Mellon"                         | it is not JSON .at byte \d+.                                        |
      | ["Mellon"]                                                                           | it is (a list\|an array), not an object                             |
      | {"username":"Mellon","domain":"Mellon"}                                              | the member "identifier" is missing                                  |
      | {"domain":"Mellon","identifier":"Mellon"}                                            | the member "username" is missing                                    |
      | {"username":"Mellon","domain":"Mellon","identifier":12}                              | the member "identifier" is a number, not a string                   |
      | {"username":"Mellon","domain":null,"identifier":"Mellon"}                            | the member "domain" is null, not a string                           |
      | {"username":"","domain":"Mellon","identifier":"Mellon"}                              | the member "username" is empty                                      |
      | {"username":"Mellon","domain":"two hosts","identifier":"Mellon"}                     | username and domain make no SIP URI                                 |
      | {"username":"Mellon","domain":"example.org","identifier":"Mellon"} {"secret":"Mellon"} | something follows the JSON object at byte \d+                       |

  @4.9.3
  Scenario: a change that can never be read holds back no other one
    Given a Redis server
    And the sqlite database with 3 accounts at jabiru
    And b2bua has the accounts of the database, in a pool with '{"registrationRequired": false}', by the queries
      | query       | SQL                                                                                                                              |
      | updateQuery | SELECT *, CASE WHEN username = 'account1' THEN abs(-9223372036854775807 - 1) END AS remark FROM accounts WHERE username = :identifier |
    And b2bua follows Redis
    When Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"account1"}'
    Then b2bua logs an error /pool pool: the database cannot be asked \(updateQuery on SQLite file .*SQLITE_ERROR/
    When the database does "INSERT INTO accounts (username, domain) VALUES ('first', 'jabiru.example.org')"
    And the account first is announced
    Then b2bua logs an error /pool pool: account sip:account1@jabiru.example.org cannot be read from the database, others can \(.*SQLITE_ERROR.*\): it stays as it is; tried again by itself, every 30s at the latest/
    When the database does "INSERT INTO accounts (username, domain) VALUES ('second', 'jabiru.example.org')"
    And the account second is announced
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |
      | first    | OK     |
      | second   | OK     |
    And b2bua has logged /the database cannot be asked/ once

  Scenario Outline: <database>: a row of another account than the announced one is ignored
    Given a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When the database does "UPDATE accounts SET alias_username = 'changed'"
    And Redis announces '{"username":"account0","domain":"jabiru.example.org","identifier":"account1"}'
    Then b2bua logs an error /pool pool: sip:account0@jabiru.example.org: a change was announced, but updateQuery returns sip:account1@jabiru.example.org for its identifier; the row is ignored/
    And a call from sip:alias0@sip.example.org is of sip:account0@jabiru.example.org
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call from sip:changed@sip.example.org finds no account

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @4.9.3
  Scenario Outline: <database>: an identifier is bound, not pasted: <identifier>
    Given a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"<identifier>"}'
    Then the accounts become
      | account  | status |
      | account0 | OK     |
    And the table of accounts is as it was

    Examples:
      | database | identifier                                |
      | sqlite   | nobody' OR username = 'account1           |
      | mariadb  | nobody' OR username = 'account1           |
      | sqlite   | account1'; DELETE FROM accounts; --       |
      | mariadb  | account1'; DELETE FROM accounts; --       |
      | mariadb  | account1\\\\                              |
      | mariadb  |                                           |

  @4.9.4
  Scenario Outline: <database>: two accounts of one alias: the first has it, and when it goes the other
    Given a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When the database does "UPDATE accounts SET alias_username = 'alias0' WHERE username = 'account1'"
    And the account account1 is announced
    Then b2bua logs a warning /pool pool: account sip:account1@jabiru.example.org has the same .alias. as account sip:account0@jabiru.example.org, so it is not found by that/
    And a call from sip:alias0@sip.example.org is of sip:account0@jabiru.example.org
    And a call from sip:alias1@sip.example.org finds no account
    When the database does "DELETE FROM accounts WHERE username = 'account0'"
    And the account account0 is announced
    Then the accounts become
      | account  | status |
      | account1 | OK     |
    And a call from sip:alias0@sip.example.org is of sip:account1@jabiru.example.org

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-POOL-4 @4.10
  Scenario: Accounts that are new register one after the other, and wait meanwhile
    Given the registrar of jabiru over udp
    And a Redis server
    And the sqlite database with 1 accounts at jabiru
    And b2bua has the accounts of the database, in a pool with '{"registrationThrottlingRateMs": 3000}'
    And b2bua follows Redis
    And the accounts become
      | account  | status |
      | account0 | OK     |
    When Redis is down
    And the database does
      """
      INSERT INTO accounts (username, domain, secret, secret_type) VALUES ('account1', 'jabiru.example.org', 'secret', 'clrtxt');
      INSERT INTO accounts (username, domain, secret, secret_type) VALUES ('account2', 'jabiru.example.org', 'secret', 'clrtxt')
      """
    And Redis is up again
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |
    And b2bua says that it took at least 3s to register 3 accounts

  @4.9.3
  Scenario: What is announced while all accounts are read is not lost
    Given a Redis server
    And the mariadb database with 3 accounts at jabiru
    And b2bua has the accounts of the database by the queries
      | query     | SQL                                         |
      | initQuery | SELECT * FROM accounts WHERE SLEEP(0.5) = 0 |
    And b2bua follows Redis
    When Redis restarts
    And b2bua listens to Redis
    And the database is asked for something with SLEEP
    And the database does "UPDATE accounts SET alias_username = 'changed' WHERE username = 'account0'"
    And the account account0 is announced
    Then a call from sip:changed@sip.example.org is of sip:account0@jabiru.example.org
    And a call from sip:alias0@sip.example.org finds no account

  @4.9.3
  Scenario: Every pool of a database is told of every change
    Given a Redis server
    And the sqlite database with the accounts
      | username | alias_username | alias_domain       |
      | account1 | one            | sqlite.example.org |
    And the mariadb database with the accounts
      | username | alias_username | alias_domain        |
      | account1 | one            | mariadb.example.org |
    And b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "one", "accountPool": "one", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "nextProvider",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "outgoingInvite": {"to": "{incoming.to}"}},
        {"name": "two", "accountPool": "two", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "outgoingInvite": {"to": "{incoming.to}"}}],
       "accountPools": {
        "one": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": {
          {{sqlite}}, "initQuery": "SELECT * FROM accounts", "updateQuery": "SELECT * FROM accounts WHERE username = :identifier"}},
        "two": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": {
          {{mariadb}}, "initQuery": "SELECT * FROM accounts", "updateQuery": "SELECT * FROM accounts WHERE username = :identifier"}}}}
      """
    And b2bua listens to Redis
    And a call from sip:one@sqlite.example.org is of sip:account1@jabiru.example.org
    And a call from sip:one@mariadb.example.org is of sip:account1@jabiru.example.org
    When the database does "UPDATE accounts SET alias_username = 'changed'"
    And the account account1 is announced
    Then b2bua logs a debug line /pool one: sip:account1@jabiru.example.org is as it was/
    And b2bua logs a message /pool two: sip:account1@jabiru.example.org has changed/
    And a call from sip:one@sqlite.example.org is of sip:account1@jabiru.example.org
    And a call from sip:one@mariadb.example.org finds no account
    And a call from sip:changed@mariadb.example.org is of sip:account1@jabiru.example.org

  @4.9.4
  Scenario Outline: <database>: another outbound proxy is registered at only if that is where the account registers
    Given the registrar of jabiru over udp with
      | setting        | value |
      | authentication | none  |
    And a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua has the accounts of the database, in a pool with '{"registrar": <registrar>, "outboundProxy": "<{{jabiru}}>"}'
    And b2bua follows Redis
    And the registrar got 2 REGISTERs and 0 un-REGISTERs
    When the database does "UPDATE accounts SET outbound_proxy = '<{{jabiru}};lr>' WHERE username = 'account1'"
    And the account account1 is announced
    And the database does "INSERT INTO accounts (username, domain) VALUES ('last', 'jabiru.example.org')"
    And the account last is announced
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | last     | OK     |
    And account1 sent <REGISTERs> REGISTERs

    Examples:
      | database | registrar      | REGISTERs |
      | sqlite   | null           | 2         |
      | mariadb  | "<{{jabiru}}>" | 1         |
