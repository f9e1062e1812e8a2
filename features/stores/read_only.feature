@stores
Feature: Nothing is ever written
  Spec 4.9.2. The database's user may do everything; what a query tries to write fails, and the table stays as it was.

  @4.9.2
  Scenario Outline: <database>: <query> that writes is not run: <SQL>
    Given a Redis server
    And the <database> database with 2 accounts at jabiru
    And b2bua is to have the accounts of the database by the queries
      | query   | SQL   |
      | <query> | <SQL> |
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints 'accountPools.pool.loader.<query>: '
    And it prints '<says>'
    And the table of accounts is as it was

    Examples:
      | database | query       | SQL                                                                              | says                                       |
      | sqlite   | initQuery   | DELETE FROM accounts                                                             | only a statement that reads is run         |
      | mariadb  | initQuery   | DELETE FROM accounts                                                             | only a statement that reads is run         |
      | sqlite   | initQuery   | SELECT * FROM accounts; DELETE FROM accounts                                     | only one statement is run                  |
      | mariadb  | initQuery   | SELECT * FROM accounts; DELETE FROM accounts                                     | only one statement is run                  |
      | sqlite   | initQuery   | WITH one AS (SELECT 1) DELETE FROM accounts                                      | DELETE is refused: nothing is ever written |
      | mariadb  | initQuery   | WITH one AS (SELECT 1) DELETE FROM accounts                                      | DELETE is refused: nothing is ever written |
      | mariadb  | initQuery   | SELECT * FROM accounts INTO OUTFILE '{{dir}}/out'                                | INTO is refused: nothing is ever written   |
      | mariadb  | initQuery   | SELECT * FROM accounts FOR UPDATE                                                | UPDATE is refused: nothing is ever written |
      | mariadb  | initQuery   | /*! DELETE FROM */ accounts                                                      | a comment that the server runs is refused  |
      | sqlite   | initQuery   | ATTACH '{{dir}}/other.db' AS other                                               | only a statement that reads is run         |
      | sqlite   | initQuery   | PRAGMA user_version = 7                                                          | only a statement that reads is run         |
      | sqlite   | initQuery   | SELECT *, load_extension('x') FROM accounts                                      | LOAD_EXTENSION is refused                  |

  @4.9.2
  Scenario: A function of the database that writes is stopped by the database: initQuery
    Given the mariadb database with 2 accounts at jabiru
    And the database does
      """
      CREATE FUNCTION written(name VARCHAR(64)) RETURNS VARCHAR(64) MODIFIES SQL DATA
      BEGIN DELETE FROM accounts WHERE username <> name; RETURN name; END
      """
    And b2bua is to have the accounts of the database by the queries
      | query     | SQL                                                                                                                    |
      | initQuery | SELECT written(username) AS username, domain, user_id, secret, secret_type, alias_username, alias_domain FROM accounts |
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints 'accountPools.pool.loader.initQuery: '
    And it prints 'Cannot execute statement in a READ ONLY transaction'
    And the table of accounts is as it was

  @4.9.2
  Scenario: A function of the database that writes is stopped by the database: updateQuery
    Given a Redis server
    And the mariadb database with 2 accounts at jabiru
    And the database does
      """
      CREATE FUNCTION written(name VARCHAR(64)) RETURNS VARCHAR(64) MODIFIES SQL DATA
      BEGIN IF name = 'account1' THEN DELETE FROM accounts; END IF; RETURN name; END
      """
    And b2bua has the accounts of the database by the queries
      | query       | SQL                                                                  |
      | updateQuery | SELECT * FROM accounts WHERE username = written(:identifier) |
    And b2bua follows Redis
    When Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"account1"}'
    Then b2bua logs an error /pool pool: .*updateQuery .*READ ONLY transaction .MySQL error 1792./
    And the accounts are
      | account  | status |
      | account0 | OK     |
      | account1 | OK     |
    And the table of accounts is as it was

  @4.9.2
  Scenario: A file is only read, and nothing appears beside it
    Given a Redis server
    And the sqlite database with 3 accounts at jabiru
    And b2bua has the accounts of the database
    And b2bua follows Redis
    When the account account1 is announced
    And the account account2 is announced
    And Redis restarts
    And b2bua follows Redis
    Then the table of accounts is as it was
    And there is no file "accounts.db-journal"
    And there is no file "accounts.db-wal"
    And there is no file "accounts.db-shm"
