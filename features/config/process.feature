@config
Feature: The program as a process
  Spec 1.1.2, 1.1.3, 1.7, 1.12 and 1.13, decisions 1, 2 and 8.

  Scenario: SIGHUP opens the log anew, for logrotate
    Given b2bua runs between alice and bob
    And the log file is renamed to "log/rotated.log"
    When b2bua gets SIGHUP
    Then b2bua logs a message /the log file has been opened anew/
    And the file "log/rotated.log" contains "Starting Flexisip-b2bua server [version: {{version}}]"
    And the file "log/flexisip-b2bua.log" contains "the log file has been opened anew"
    When alice invites bob
    Then bob is invited
    And the file "log/flexisip-b2bua.log" contains "INVITE from sip:alice@sip.example.org"
    And the file "log/rotated.log" does not contain "INVITE from sip:alice@sip.example.org"

  Scenario: --check of a good file
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      max-calls=10
      """
    When b2bua is run with "--check -c b2bua.conf"
    Then it exits with status 0
    And it prints "no fault"

  Scenario: --check of a file with a fault
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      max-calls=ten
      """
    When b2bua is run with "--check -c b2bua.conf"
    Then it exits with status 255
    And it prints exactly the faults
      | line | setting   | says | write |
      | 2    | max-calls |      |       |

  Scenario: --check of a file with a rule that a start would skip
    A gate in front of a restart, because calls would leave in clear that were not to.
    Given the file "b2bua.conf"
      """
      [b2bua-server::trenscrypter]
      outgoing-enc-regex=dtsl-srtp .*@sip\.example\.org
      """
    When b2bua is run with "--check -c b2bua.conf"
    Then it exits with status 255
    And it prints "outgoing-enc-regex: pair 1 is skipped"
    When b2bua is run with "explain sip:bob@sip.example.org -c b2bua.conf"
    Then it exits with status 0
    And it prints "SKIPPED   outgoing-enc-regex rule 1: list contains invalid encryption mode (dtsl-srtp)"

  Scenario: --check of a time that is meant in seconds
    Given the file "b2bua.conf"
      """
      [b2bua::timers]
      secure-timeout=10
      """
    When b2bua is run with "--check -c b2bua.conf"
    Then it exits with status 0
    And it prints "10 is 10ms; write 10s"

  Scenario: explain names the rule that decides
    Given the file "b2bua.conf"
      """
      [b2bua-server::trenscrypter]
      outgoing-enc-regex=none .*@elsewhere\.org sdes .*@sip\.example\.org
      outgoing-srtp-regex=AEAD_AES_128_GCM .*@sip\.example\.org
      """
    When b2bua is run with "explain sip:bob@sip.example.org -c b2bua.conf"
    Then it exits with status 0
    And it prints "The rules are applied to  sip:bob@sip.example.org"
    And it prints "no match  outgoing-enc-regex rule 1"
    And it prints "MATCH     outgoing-enc-regex rule 2"
    And it prints "Encryption of leg B       sdes"
    And it prints "AEAD_AES_128_GCM"
    When b2bua is run with "explain sip:bob@sip.example.org -c b2bua.conf --json"
    Then it exits with status 0
    And the JSON that it printed has
      | member          | value                                |
      | callee          | sip:bob@sip.example.org              |
      | legA            | none                                 |
      | rules.0.matched | false                                |
      | rules.0.setting | outgoing-enc-regex                   |
      | rules.1.matched | true                                 |
      | rules.1.rule    | 2                                    |
      | rules.2.setting | outgoing-srtp-regex                  |
      | refused         | 0                                    |
      | encryption      | sdes                                 |
      | suites          | [AEAD_AES_128_GCM]                   |
      | route.0         | /.*sip:127.0.0.1:5060;transport=tcp.*/ |

  Scenario: explain falls back on leg A's mode
    Given the file "b2bua.conf"
      """
      [b2bua-server::trenscrypter]
      outgoing-enc-regex=none .*@elsewhere\.org
      """
    When b2bua is run with "explain sip:bob@sip.example.org --leg-a sdes -c b2bua.conf"
    Then it exits with status 0
    And it prints "Encryption of leg A       sdes"
    And it prints "Encryption of leg B       sdes"
    When b2bua is run with "explain sip:bob@sip.example.org --leg-a sdes -c b2bua.conf --json"
    Then the JSON that it printed has
      | member          | value                                                                                                    |
      | rules.0.matched | false                                                                                                    |
      | encryption      | sdes                                                                                                     |
      | suites          | [AES_CM_128_HMAC_SHA1_80 AES_CM_128_HMAC_SHA1_32 AES_256_CM_HMAC_SHA1_80 AES_256_CM_HMAC_SHA1_32] |
      | why             | /.+/                                                                                                     |

  Scenario: explain tells a refusal
    Given the file "b2bua.conf"
      """
      [b2bua-server::trenscrypter]
      outgoing-enc-regex=zrtp (?=sip)(.*a.*)*\1x sdes .*
      [b2bua::timers]
      regex-timeout=1ms
      """
    When b2bua is run with "explain sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@sip.example.org -c b2bua.conf"
    Then it exits with status 2
    And it prints "The call is refused with 488"
    When b2bua is run with "explain sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@sip.example.org -c b2bua.conf --json"
    Then the JSON that it printed has
      | member          | value                     |
      | rules.0.matched | false                     |
      | refused         | 488                       |
      | why             | /.*took longer than 1ms.*/ |

  Scenario: explain of what is no address
    When b2bua is run with "explain bob"
    Then it exits with status 1
    And it prints "not a SIP address"

  Scenario: the pid file
    Given b2bua is given the arguments "--pidfile {{dir}}/pid"
    And b2bua runs between alice and bob
    Then the file "pid" holds the number of the process and nothing else
    When b2bua is told to stop
    Then b2bua ends
    And there is no file "pid"

  Scenario: several files: the later wins, and Flexisip's own stays as it was
    Given nobody else uses 127.0.0.1:6067
    And the file "flexisip.conf"
      """
      [global]
      log-directory={{dir}}/log
      [b2bua-server]
      transport=sip:127.0.0.1:1;transport=tcp
      data-directory={{dir}}/data
      """
    And the file "own.conf"
      """
      [b2bua-server]
      transport=sip:127.0.0.1:6067;transport=tcp
      [b2bua]
      drain-timeout=0s
      """
    When b2bua is started with "-c {{dir}}/flexisip.conf -c {{dir}}/own.conf"
    Then b2bua listens on exactly
      | network | address        |
      | tcp     | 127.0.0.1:6067 |
    And the file "flexisip.conf" is as it was written
    And the file "own.conf" is as it was written

  Scenario: --set wins over the file
    Given b2bua is given the arguments "--set b2bua-server/user-agent=From-The-Command-Line/1"
    And b2bua runs between alice and bob with
      | setting                 | value         |
      | b2bua-server/user-agent | From-A-File/1 |
    When alice invites bob
    Then bob is invited
    And the INVITE to bob has
      | header     | value                   |
      | User-Agent | From-The-Command-Line/1 |

  Scenario: --hosts tells where the outbound proxy is
    Given b2bua is given the arguments "--hosts proxy.sip.example.org={{bob.ip}}"
    And b2bua runs between alice and bob with
      | setting                     | value                              |
      | b2bua-server/outbound-proxy | sip:proxy.sip.example.org:5060     |
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When bob hangs up
    Then alice's call is released

  Scenario: an address that is taken
    Given b2bua runs between alice and bob
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 1
    And it prints "{{b2bua}}"
    And it prints "address already in use"

  Scenario Outline: a command line that can't be: <arguments>
    When b2bua is run with "<arguments>"
    Then it exits with status 1
    And it prints "<says>"

    Examples:
      | arguments                      | says               |
      | --no-such-flag                 | --no-such-flag     |
      | --hosts nonsense               | HOST=IP            |
      | --server proxy                 | proxy              |
      | --pidfile {{dir}}/no/where/pid | pid file           |

  Scenario Outline: <arguments> prints and ends
    When b2bua is run with "<arguments>"
    Then it exits with status 0
    And it prints "<says>"

    Examples:
      | arguments                   | says                                          |
      | --version                   | {{version}}                                   |
      | --help                      | --check                                       |
      | explain --help              | --leg-a                                       |
      | --list-sections             | b2bua-server::trenscrypter                    |
      | --list-overrides all        | b2bua-server/outbound-proxy                   |
      | --dump-default b2bua-server | #transport=sip:127.0.0.1:6067;transport=tcp   |

  @S-MAIN-1
  Scenario: SIGINT is a stop too
    Given b2bua runs between alice and bob
    When b2bua gets SIGINT
    Then b2bua ends
