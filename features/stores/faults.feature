@stores
Feature: Databases and Redis servers that fail
  Calls go on, new ones are taken by the accounts as they were last read, other pools do not notice, and the log says what is stale, since
  when, and what to do. What failed is asked again by itself.

  Background:
    Given the settings
      | setting                     | value |
      | b2bua-server/no-rtp-timeout | 3600  |
      | b2bua::timers/t1            | 200ms |
    And the phones carol and dave

  Scenario: The database is down when b2bua starts
    Given the own mariadb database with the accounts
      | username | alias_username | alias_domain    | secret | secret_type | outbound_proxy |
      | account0 | alias0         | sip.example.org | Mellon | clrtxt      |                |
      | account1 | alias1         | sip.example.org | Mellon | clrtxt      |                |
    And the database is killed
    When b2bua has the accounts of the database and of a file
    Then b2bua logs a warning /pool pool: its queries could not be tried .*connection refused.*; the start goes on without its accounts/
    And b2bua logs an error /pool pool: the database cannot be asked .*connection refused.*: the pool is not loaded yet, calls that need its accounts are declined; tried again by itself, .*; check that the database runs/
    And the pool is stale, with 0 accounts
    And a call from sip:alias0@sip.example.org is declined, because .*pool "pool" has no accounts: MySQL database accounts at .* has not answered since .*
    And a call by the file is taken
    When the database is started again
    Then the pool becomes loaded, with 2 accounts
    And b2bua logs a message /pool pool: the database answers again, after/
    And b2bua has logged /the database cannot be asked/ once
    And a call from sip:alias0@sip.example.org is of sip:account0@jabiru.example.org
    And a call by the file is taken
    And no secret is in the log

  Scenario: The database is lost while b2bua runs, and comes back
    Given a Redis server
    And the own mariadb database with the accounts
      | username | alias_username | alias_domain    | secret | secret_type | outbound_proxy   |
      | account0 | alias0         | sip.example.org | Mellon | clrtxt      | <sip:{{dave}}>   |
      | account1 | alias1         | sip.example.org | Mellon | clrtxt      |                  |
      | account2 | alias2         | sip.example.org | Mellon | clrtxt      |                  |
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And the database is killed
    And Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"account1"}'
    Then b2bua logs an error /pool pool: the database cannot be asked .*: its accounts stay as they were read at .*; tried again by itself/
    And the pool is stale, with 3 accounts
    And the call of carol and dave goes on
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call to sip:account2@jabiru.example.org is for sip:alias2@sip.example.org
    And a call from sip:other@sip.example.org is declined, because .*no account of pool "pool" has uri = .* \(its accounts are those of .* has not answered since .*\)
    And a call by the file is taken
    When the database is started again
    Then the pool becomes loaded
    And b2bua logs a message /pool pool: the database answers again, after/
    And b2bua has logged /the database cannot be asked/ once
    And a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And a call from sip:alias1@sip.example.org is declined, because .*no account of pool "pool" has uri = .*
    And the call of carol and dave goes on
    When carol hangs up
    Then dave's call is released
    And b2bua holds no more than was noted
    And no secret is in the log

  Scenario: Each answer of the database takes 10 s
    Given a Redis server
    And the mariadb database with the accounts
      | username | alias_username | alias_domain    | outbound_proxy |
      | account0 | alias0         | sip.example.org | <sip:{{dave}}> |
      | account1 | alias1         | sip.example.org |                |
    And b2bua reaches the database through a network that fails
    And the network to the database is slow
    When b2bua has the accounts of the database and of a file
    Then b2bua logs a warning /pool pool: its queries could not be tried .*; the start goes on without its accounts/
    And a call by the file is taken
    And a call from sip:alias0@sip.example.org is declined, because .*pool "pool" has no accounts: MySQL database .* is still being read
    And b2bua logs a warning /pool pool: MySQL database .* has not answered initQuery within 10s/
    And b2bua has logged /pool pool: loaded/ in no line
    When the network to the database passes
    And b2bua follows Redis
    Then the pool becomes loaded, with 2 accounts
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And the network to the database is slow
    And the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"account1"}'
    Then a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call by the file is taken
    And the call of carol and dave goes on
    And b2bua has logged /account1@jabiru.example.org has changed/ in no line
    When the change of account1 is dealt with
    Then a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And b2bua has logged /the database cannot be asked/ in no line
    When carol hangs up
    Then dave's call is released
    When the network to the database passes
    Then b2bua holds no more than was noted

  Scenario: The database answers garbage
    Given a Redis server
    And the mariadb database with the accounts
      | username | alias_username | alias_domain    | outbound_proxy |
      | account0 | alias0         | sip.example.org | <sip:{{dave}}> |
      | account1 | alias1         | sip.example.org |                |
    And b2bua reaches the database through a network that fails
    And the network to the database answers garbage
    When b2bua has the accounts of the database and of a file
    Then b2bua logs a warning /pool pool: its queries could not be tried .*; the start goes on without its accounts/
    And b2bua logs an error /pool pool: the database cannot be asked \(initQuery on MySQL database .*the connection broke: the server has gone, or what answers there is none/
    And a call by the file is taken
    When the network to the database passes
    Then the pool becomes loaded, with 2 accounts
    And b2bua follows Redis
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And the network to the database answers garbage
    And the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"account1"}'
    Then b2bua logs an error /pool pool: the database cannot be asked \(updateQuery on MySQL database .*: its accounts stay as they were read/
    And the pool is stale, with 2 accounts
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call by the file is taken
    When the network to the database passes
    Then the pool becomes loaded, with 2 accounts
    And a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And the call of carol and dave goes on
    When carol hangs up
    Then dave's call is released
    And b2bua holds no more than was noted
    And no secret is in the log

  Scenario: The connection is cut in the middle of a load, and the query runs once more
    Given a Redis server
    And the mariadb database with 20000 accounts of one statement
    And b2bua reaches the database through a network that fails
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When Redis is down
    And the database does "DELETE FROM accounts WHERE username = 'account19998'; UPDATE accounts SET alias_username = 'other' WHERE username = 'account19997'"
    And the network to the database breaks after 500000 octets
    And Redis is up again
    Then b2bua logs a message /pool pool: loaded from .*: rows=19999 created=0 updated=1 removed=1 refused=0; the pool has 19999 accounts/
    And b2bua has logged /the database cannot be asked/ in no line
    And a call from sip:other@sip.example.org is of sip:account19997@jabiru.example.org
    And b2bua holds no more than was noted

  Scenario: The connection is cut in the middle of each load: what was read stays, nothing that was not read is gone
    Given a Redis server
    And the mariadb database with 20000 accounts of one statement
    And b2bua reaches the database through a network that fails
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When Redis is down
    And the database does "DELETE FROM accounts WHERE username = 'account19998'; UPDATE accounts SET alias_username = 'other' WHERE username = 'account19997'"
    And the network to the database breaks after 500000 octets, 1000 times
    And Redis is up again
    Then b2bua logs an error /pool pool: the database cannot be asked \(initQuery on .*: its accounts stay as they were read at .*check that the database runs/
    And a call from sip:alias19997@sip.example.org is of sip:account19997@jabiru.example.org
    And a call from sip:alias19998@sip.example.org is of sip:account19998@jabiru.example.org
    And a call by the file is taken
    When the network to the database passes
    Then b2bua logs a message /pool pool: loaded from .*: rows=19999 created=0 updated=1 removed=1 refused=0; the pool has 19999 accounts/
    And b2bua has logged /the database cannot be asked/ once
    And a call from sip:other@sip.example.org is of sip:account19997@jabiru.example.org
    And a call from sip:alias19998@sip.example.org finds no account
    And b2bua holds no more than was noted

  Scenario: The database's password is changed while b2bua runs
    Given a Redis server
    And the mariadb database with 2 accounts at jabiru
    And b2bua reaches the database through a network that fails
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    When the database wants another password
    And the network to the database is cut
    And the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And Redis announces '{"username":"account1","domain":"jabiru.example.org","identifier":"account1"}'
    Then b2bua logs an error /pool pool: the database cannot be asked .*Access denied for user .*: its accounts stay as they were read .*; correct the pool's connection/
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call by the file is taken
    When the database wants the old password
    Then the pool becomes loaded, with 2 accounts
    And a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And no secret is in the log

  Scenario Outline: <count> accounts from <database>: calls go on while they are read
    Given the <database> database with <count> accounts of one statement
    And b2bua has the accounts of the database and of a file
    And the pool is loading
    And a call from sip:alias0@sip.example.org is of sip:account0@jabiru.example.org
    Then calls by the file are taken until the pool is loaded, with <count> accounts
    And a call from sip:alias<last>@sip.example.org is of sip:account<last>@jabiru.example.org
    And a call to sip:account<last>@jabiru.example.org is for sip:alias<last>@sip.example.org

    Examples:
      | database | count | last  |
      | sqlite   | 50000 | 49999 |
      | mariadb  | 50000 | 49999 |

    # Left out where the programs have the race detector, which makes minutes of them: the suite says so.
    @million
    Examples:
      | database | count   | last   |
      | sqlite   | 1000000 | 999999 |
      | mariadb  | 1000000 | 999999 |

  Scenario: Redis is down when b2bua starts, is lost later, and comes back each time
    Given a Redis server
    And the mariadb database with the accounts
      | username | alias_username | alias_domain    | outbound_proxy |
      | account0 | alias0         | sip.example.org | <sip:{{dave}}> |
      | account1 | alias1         | sip.example.org |                |
    And Redis is down
    When b2bua has the accounts of the database and of a file
    Then the pool becomes loaded, with 2 accounts
    And b2bua logs a warning /Redis: no server to follow .*connection refused.*: changes of accounts are not seen; tried again by itself; check redis-server-domain and redis-server-port/
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    When the database does "UPDATE accounts SET alias_username = 'first' WHERE username = 'account1'"
    And Redis is up again
    And b2bua follows Redis
    Then a call from sip:first@sip.example.org is of sip:account1@jabiru.example.org
    And b2bua has logged /Redis: no server to follow/ once
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And Redis is down
    Then b2bua logs a warning /Redis .* is lost .*: accounts stay as they are, changes are not seen until it or another server is found/
    When the database does
      """
      UPDATE accounts SET alias_username = 'second' WHERE username = 'account1';
      INSERT INTO accounts (username, domain, alias_username, alias_domain) VALUES ('account2', 'jabiru.example.org', 'alias2', 'sip.example.org')
      """
    Then a call from sip:first@sip.example.org is of sip:account1@jabiru.example.org
    And a call by the file is taken
    And the call of carol and dave goes on
    When Redis is up again
    Then b2bua logs a message /Redis .*: changes of accounts are followed again, after .*; all accounts are read now/
    And the pool becomes loaded, with 3 accounts
    And a call from sip:second@sip.example.org is of sip:account1@jabiru.example.org
    And a call from sip:alias2@sip.example.org is of sip:account2@jabiru.example.org
    And b2bua has logged /Redis .* is lost/ once
    And the call of carol and dave goes on
    When carol hangs up
    Then dave's call is released
    And b2bua holds no more than was noted

  Scenario: Redis fails over to its replica, and back
    Given a Redis server and its replica
    And the mariadb database with the accounts
      | username | alias_username | alias_domain    | outbound_proxy |
      | account0 | alias0         | sip.example.org | <sip:{{dave}}> |
      | account1 | alias1         | sip.example.org |                |
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And Redis is down
    Then b2bua logs a warning /Redis .* is lost/
    When the database does "UPDATE accounts SET alias_username = 'first' WHERE username = 'account1'"
    Then a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call by the file is taken
    When the replica is promoted
    And b2bua follows the replica
    Then a call from sip:first@sip.example.org is of sip:account1@jabiru.example.org
    And the call of carol and dave goes on
    When the replica is down
    And the database does "UPDATE accounts SET alias_username = 'second' WHERE username = 'account1'"
    And Redis is up again
    And b2bua follows Redis
    Then a call from sip:second@sip.example.org is of sip:account1@jabiru.example.org
    And the call of carol and dave goes on
    When carol hangs up
    Then dave's call is released
    And b2bua holds no more than was noted

  Scenario: Redis announces 10 000 changes a second
    Given a Redis server
    And the sqlite database with 50 accounts of one statement
    And the database does "UPDATE accounts SET outbound_proxy = '<sip:{{dave}}>' WHERE username = 'account0'"
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And Redis begins to announce 50 accounts, 10000 messages a second
    And Redis has announced 10000 messages more
    Then a call by the file is taken
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And the call of carol and dave goes on
    When the database does
      """
      UPDATE accounts SET alias_username = 'first' WHERE username = 'account1';
      UPDATE accounts SET alias_username = 'last' WHERE username = 'account49';
      DELETE FROM accounts WHERE username = 'account25'
      """
    And Redis has announced 20000 messages more
    And a call by the file is taken
    And Redis announces nothing any more
    And the account account1 is announced
    And the account account49 is announced
    Then the pool becomes loaded, with 49 accounts
    And a call from sip:first@sip.example.org is of sip:account1@jabiru.example.org
    And a call from sip:last@sip.example.org is of sip:account49@jabiru.example.org
    And a call from sip:alias25@sip.example.org is declined, because .*no account of pool "pool" has uri = .*
    And b2bua logs an error /messages? on flexisip.B2BUA.account ignored/
    And the call of carol and dave goes on
    When carol hangs up
    Then dave's call is released
    And b2bua holds no more than was noted
    And no secret is in the log

  Scenario: Redis does not answer any more, without closing its connections
    Given the settings
      | setting                                                     | value |
      | module::Registrar/redis-subscription-keep-alive-check-period | 1     |
    And a Redis server
    And the sqlite database with 2 accounts at jabiru
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When Redis freezes
    Then b2bua logs a warning /Redis .* is lost \(no answer within 5s\)/
    And b2bua logs a warning /Redis: no server to follow .*no answer within 5s/
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    When the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And Redis thaws
    Then b2bua logs a message /changes of accounts are followed again/
    When b2bua follows Redis
    Then a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And b2bua holds no more than was noted

  Scenario: Redis answers garbage
    Given a Redis server
    And b2bua reaches Redis through a network that fails
    And the sqlite database with 2 accounts at jabiru
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When the network to Redis answers garbage
    Then b2bua logs a warning /Redis .* is lost/
    And b2bua logs a warning /Redis: no server to follow .*: changes of accounts are not seen; tried again by itself/
    When the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    Then a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    When the network to Redis passes
    Then b2bua logs a message /changes of accounts are followed again/
    When b2bua follows Redis
    Then a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And b2bua holds no more than was noted

  Scenario: The password of Redis is changed while b2bua runs
    Given the settings
      | setting                               | value       |
      | module::Registrar/redis-auth-user     | bridge      |
      | module::Registrar/redis-auth-password | Mellon-mine |
    And a Redis server
    And Redis wants the password Mellon-mine of bridge
    And the sqlite database with 2 accounts at jabiru
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When Redis wants the password Mellon-other of bridge
    And Redis drops its listeners
    Then b2bua logs an error /Redis: no server to follow .*WRONGPASS.*: changes of accounts are not seen; tried again by itself; correct redis-auth-user and redis-auth-password/
    When the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    Then a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    When Redis wants the password Mellon-mine of bridge
    Then b2bua logs a message /changes of accounts are followed again/
    When b2bua follows Redis
    Then a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And b2bua holds no more than was noted
    And no secret is in the log

  Scenario: The database and Redis are both down when b2bua starts
    Given a Redis server
    And the own mariadb database with 2 accounts at jabiru
    And Redis is down
    And the database is killed
    When b2bua has the accounts of the database and of a file
    Then b2bua logs a warning /Redis: no server to follow/
    And b2bua logs an error /pool pool: the database cannot be asked .*: the pool is not loaded yet, calls that need its accounts are declined/
    And a call from sip:alias1@sip.example.org is declined, because .*pool "pool" has no accounts: MySQL database .* has not answered since .*
    And a call by the file is taken
    When the database is started again
    Then the pool becomes loaded, with 2 accounts
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    When the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And Redis is up again
    And b2bua follows Redis
    Then a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And no secret is in the log

  Scenario: The database and Redis are both lost while b2bua runs
    Given a Redis server
    And the own mariadb database with the accounts
      | username | alias_username | alias_domain    | outbound_proxy |
      | account0 | alias0         | sip.example.org | <sip:{{dave}}> |
      | account1 | alias1         | sip.example.org |                |
    And b2bua has the accounts of the database and of a file
    And b2bua follows Redis
    And what b2bua holds is noted
    When carol calls dave by the alias alias0
    And Redis is down
    And the database does "UPDATE accounts SET alias_username = 'other' WHERE username = 'account1'"
    And the database is killed
    Then b2bua logs a warning /Redis .* is lost/
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And a call by the file is taken
    When Redis is up again
    Then b2bua logs an error /pool pool: the database cannot be asked .*: its accounts stay as they were read at/
    And the pool is stale, with 2 accounts
    And a call from sip:alias1@sip.example.org is of sip:account1@jabiru.example.org
    And the call of carol and dave goes on
    When the database is started again
    Then the pool becomes loaded, with 2 accounts
    And a call from sip:other@sip.example.org is of sip:account1@jabiru.example.org
    And the call of carol and dave goes on
    When carol hangs up
    Then dave's call is released
    And b2bua holds no more than was noted
    And no secret is in the log
