@stores
Feature: Accounts from a database
  Spec 4.9.2. The servers run in containers or as child processes; the run says which.

  @S-SB-3 @seed
  Scenario Outline: Accounts from <database>, whose query renames columns
    Given the registrar of jabiru over udp with
      | setting                 | value                  |
      | further domain          | open.example.org       |
      | password of test-userID | clear text passphrase  |
    And the phone open at open.example.org
    And a Redis server
    And the <database> database
      """
      CREATE TABLE users (username VARCHAR(64), hostport VARCHAR(64), userid VARCHAR(64), passwd VARCHAR(64), alias_user VARCHAR(64), alias_host VARCHAR(64), proxy VARCHAR(64));
      INSERT INTO users VALUES ('account1', 'open.example.org', '', '', 'alias', 'sip.example.org', '');
      INSERT INTO users VALUES ('account2', 'jabiru.example.org', 'test-userID', 'clear text passphrase', '', '', 'sip.linphone.org');
      INSERT INTO users VALUES ('account3', 'open.example.org', '', '', '', '', '')
      """
    And b2bua has the accounts of the database, in a pool with '{"outboundProxy": null}', by the queries
      | query       | SQL                                                                                                                                                                                                                                              |
      | initQuery   | SELECT username, hostport AS domain, userid as user_id, passwd as secret, "clrtxt" as secret_type, "" as realm, alias_user as alias_username, alias_host as alias_domain, proxy as outbound_proxy, "" as protocol FROM users |
      | updateQuery | not yet implemented                                                                                                                                                                                                                              |
    Then the accounts become
      | account                       | status |
      | sip:account1@open.example.org | OK     |
      | account2                      | OK     |
      | sip:account3@open.example.org | OK     |
    And the last REGISTER of account2 has
      | header        | value                                                                          |
      | Request-URI   | sip:jabiru.example.org                                                         |
      | Authorization | /Digest username="test-userID", realm="jabiru\.example\.org", .*algorithm=.*/ |
    And a call to sip:account1@open.example.org is for sip:alias@sip.example.org by open
    And a call from sip:alias@sip.example.org is of sip:account1@open.example.org by open

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-LOAD-2
  Scenario Outline: <database>: NULL for the realm and the type of the secret, and words in capitals
    Given the registrar of jabiru over udp with
      | setting     | value  |
      | algorithms  | MD5    |
      | and over    | tcp    |
    And the <database> database with the accounts
      | username | realm              | secret                           | secret_type | alias_username | alias_domain    | protocol | registrar           |
      | account1 | NULL               | 15ed8d2a03ec390174db5f6e45eadfdd | NULL        | alias1         | sip.example.org | NULL     |                     |
      | account2 | jabiru.example.org | 9bef49941a2ea975d9366ac53d4613de | MD5         | NULL           | sip.example.org | udp      | NULL                |
      | account3 | NULL               | secret                           | ClrTxt      | NULL           | NULL            | TCP      | {{jabiru.hostport}} |
    When b2bua has the accounts of the database
    Then the accounts become
      | account  | status |
      | account1 | OK     |
      | account2 | OK     |
      | account3 | OK     |
    And the last REGISTER of account1 has
      | header        | value                                                                            |
      | Via           | /SIP/2.0/UDP .*/                                                                 |
      | Authorization | /Digest username="account1", realm="jabiru\.example\.org", .*algorithm=MD5.*/ |
    And the last REGISTER of account3 has
      | header        | value                                                                         |
      | Via           | /SIP/2.0/TCP .*/                                                              |
      | Authorization | /Digest username="account3", realm="jabiru\.example\.org", .*algorithm=MD5.*/ |
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-LOAD-3
  Scenario Outline: <database>: empty fields, and a type of the secret that nobody knows
    Given the registrar of jabiru over udp
    And the <database> database with the accounts
      | username | secret                           |
      | account1 | 15ed8d2a03ec390174db5f6e45eadfdd |
    When b2bua has the accounts of the database by the queries
      | query     | SQL                                                                                                                                                                                                        |
      | initQuery | SELECT username, domain, "" as user_id, NULL as realm, secret, "unknown" as secret_type, alias_username, alias_domain, NULL as outbound_proxy FROM accounts |
    Then the accounts become
      | account  | status |
      | account1 | OK     |
    And the last REGISTER of account1 has
      | header        | value                                                                         |
      | Authorization | /Digest username="account1", realm="jabiru\.example\.org", .*algorithm=MD5.*/ |

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-LOAD-4
  Scenario Outline: <database>: a row without a name fails the load, and the accounts stay as they were
    Given a Redis server
    And the <database> database with the accounts
      | username |
      | account1 |
    And b2bua has the accounts of the database
    And the accounts become
      | account  | status |
      | account1 | OK     |
    And b2bua follows Redis
    And the error line /pool pool: .*initQuery .*column 'username' is NULL, which an account cannot have/ is expected
    When Redis is down
    And the database does "INSERT INTO accounts (username, domain) VALUES ('account2', 'jabiru.example.org'), (NULL, 'jabiru.example.org')"
    And Redis is up again
    Then b2bua logs an error /pool pool: .*initQuery .*row 3: column 'username' is NULL.*WHERE username IS NOT NULL/
    And the accounts are
      | account  | status |
      | account1 | OK     |
    When the database does "DELETE FROM accounts WHERE username IS NULL"
    Then the accounts become
      | account  | status |
      | account1 | OK     |
      | account2 | OK     |

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-LOAD-7
  Scenario Outline: <database>: an initQuery that cannot bring accounts is refused at the start: <what>
    Given the <database> database with the accounts
      | username |
      | account1 |
    And b2bua is to have the accounts of the database by the queries
      | query     | SQL   |
      | initQuery | <SQL> |
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints 'accountPools.pool.loader.initQuery: '
    And it prints '<says>'

    Examples:
      | database | what             | SQL                                                                                                                    | says                                       |
      | sqlite   | a renamed column | SELECT username, domain, user_id AS wrong_column_name, secret, secret_type, alias_username, alias_domain FROM accounts | column 'user_id' does not exist            |
      | mariadb  | a renamed column | SELECT username, domain, user_id AS wrong_column_name, secret, secret_type, alias_username, alias_domain FROM accounts | column 'user_id' does not exist            |
      | sqlite   | no domain        | SELECT username, user_id, secret, secret_type, alias_username, alias_domain FROM accounts                              | column 'domain' or 'hostport' do not exist |
      | mariadb  | no domain        | SELECT username, user_id, secret, secret_type, alias_username, alias_domain FROM accounts                              | column 'domain' or 'hostport' do not exist |
      | sqlite   | no such table    | SELECT * FROM account                                                                                                  | no such table: account                     |
      | mariadb  | no such table    | SELECT * FROM account                                                                                                  | account' doesn't exist (MySQL error 1146)   |

  @S-LOAD-7
  Scenario Outline: <database>: values of other types become text
    Given the <database> database
      """
      CREATE TABLE numbers (username INT, domain INT, user_id BIGINT, secret DOUBLE, alias_username BIGINT);
      INSERT INTO numbers VALUES (4711, 42, 49301234567, 12.50, 33612345678)
      """
    When b2bua has the accounts of the database by the queries
      | query       | SQL                                                                              |
      | initQuery   | SELECT *, 'clrtxt' AS secret_type, 'sip.example.org' AS alias_domain FROM numbers |
      | updateQuery | SELECT *, 'clrtxt' AS secret_type, 'sip.example.org' AS alias_domain FROM numbers WHERE username = :identifier |
    Then the accounts become
      | account     | status |
      | sip:4711@42 | OK     |
    And a call from sip:33612345678@sip.example.org is of sip:4711@42, who is "49301234567" in the realm "42" with the password "12.5"

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-POOL-9
  Scenario Outline: <database>: an empty table, without Redis
    Given the <database> database without accounts
    When b2bua has the accounts of the database
    Then b2bua logs a message /pool pool: loaded from .*rows=0 .*the pool has 0 accounts/
    And b2bua logs a message /live updates of accounts are off: redis-server-domain in \[module::Registrar\] is not set/
    And there are no accounts
    And a call from sip:alias@sip.example.org finds no account

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @S-POOL-11
  Scenario Outline: <database>: accounts register one after the other, and again between half of the time and all of it
    Given the registrar of jabiru over udp with
      | setting        | value            |
      | lifetime       | 1s               |
      | authentication | <authentication> |
    And the <database> database with 3 accounts at jabiru
    When b2bua has the accounts of the database, in a pool with '{"registrationThrottlingRateMs": 10}'
    Then the accounts become
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |
    And account0 is registered again, not before half of its 1s is over
    And account1 is registered again, not before half of its 1s is over
    And account2 is registered again, not before half of its 1s is over
    And the accounts are
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
      | account2 | OK     |

    Examples:
      | database | authentication |
      | sqlite   | none           |
      | sqlite   | digest         |
      | mariadb  | none           |
      | mariadb  | digest         |

  @4.9.2
  Scenario Outline: <database>: rows that are no accounts cost themselves alone
    Given the <database> database with the accounts
      | username | domain             | alias_username | alias_domain    |
      | account1 | jabiru.example.org | alias1         | sip.example.org |
      |          | jabiru.example.org |                |                 |
      | two      | two hosts          |                |                 |
      | account4 | jabiru.example.org | alias4         | two hosts       |
      | account1 | jabiru.example.org | alias5         | sip.example.org |
      | account6 | jabiru.example.org | alias1         | sip.example.org |
    And the error line /pool pool: / is expected
    When b2bua has the accounts of the database
    Then b2bua logs a message /pool pool: loaded from .*rows=6 created=2 updated=0 removed=0 refused=4; the pool has 2 accounts/
    And the accounts are
      | account  | status |
      | account1 | OK     |
      | account6 | OK     |
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call from sip:alias5@sip.example.org finds no account

    Examples:
      | database |
      | sqlite   |
      | mariadb  |

  @4.9.2
  Scenario Outline: MariaDB over TLS: <options>
    Given the mariadb over TLS with 1 accounts at jabiru
    And the connection string ends with "<options>"
    When b2bua has the accounts of the database
    Then the accounts become
      | account  | status |
      | account0 | OK     |

    Examples:
      | options                                                 |
      | sslca={{dir}}/database/ca.pem                           |
      | ssl_mode=REQUIRED                                       |
      | ssl_mode=VERIFY_IDENTITY sslca={{dir}}/database/ca.pem  |

  @4.9.2
  Scenario: MariaDB whose certificate another authority has signed gets no password, and the pool stays empty
    Given the mariadb over TLS with 1 accounts at jabiru
    And the connection string ends with "sslca={{dir}}/stranger/ca.pem"
    When b2bua has the accounts of the database
    Then b2bua logs an error /pool pool: the database cannot be asked .*certificate signed by unknown authority/
    And there are no accounts

  Scenario Outline: <database>: --check asks the database, unless it is told not to
    Given the <database> database with the accounts
      | username | domain             |
      | account1 | jabiru.example.org |
      | account2 |                    |
    And b2bua is to have the accounts of the database by the queries
      | query     | SQL   |
      | initQuery | <SQL> |
    When b2bua is run with "--check -c b2bua.conf"
    Then it exits with status <status>
    And it prints '<says>'
    And it prints 'providers.json:'
    When b2bua is run with "--check --no-databases -c b2bua.conf"
    Then it exits with status 0
    And it prints 'The configuration '

    Examples:
      | database | SQL                                | status | says                                      |
      | sqlite   | SELECT * FROM accounts             | 0      | : 2 rows, 1 accounts, read in             |
      | mariadb  | SELECT * FROM accounts             | 0      | : 2 rows, 1 accounts, read in             |
      | sqlite   | SELECT * FROM nothing              | 255    | accountPools.pool.loader.initQuery:       |
      | mariadb  | SELECT * FROM nothing              | 255    | .nothing' doesn't exist                   |

  @4.9.2
  Scenario: MariaDB that wants TLS and does not get it refuses the user, and so b2bua the start
    Given the mariadb over TLS with 1 accounts at jabiru
    And the connection string ends with "ssl_mode=DISABLED"
    And b2bua is to have the accounts of the database by the queries
      | query     | SQL                    |
      | initQuery | SELECT * FROM accounts |
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints 'Access denied for user'
