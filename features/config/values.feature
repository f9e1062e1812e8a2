@config
Feature: Values of settings
  Spec 1.1.1, 1.2 and 5.7.

  @S-CFG-1
  Scenario Outline: transport <value> listens on <network> alone
    Given a certificate for b2bua
    When b2bua starts with the setting b2bua-server/transport = "<value>"
    Then b2bua listens on exactly <network>

    Examples:
      | value                                                          | network                                        |
      | sip:{{b2bua.ip}}:5060                                          | udp {{b2bua.ip}}:5060                          |
      | sip:{{b2bua.ip}}                                               | udp {{b2bua.ip}}:5060                          |
      | sip:{{b2bua.ip}}:5060;transport=udp                            | udp {{b2bua.ip}}:5060                          |
      | sip:{{b2bua.ip}}:5060;transport=UDP                            | udp {{b2bua.ip}}:5060                          |
      | sip:{{b2bua.ip}}:5070;transport=tcp                            | tcp {{b2bua.ip}}:5070                          |
      | sip:{{b2bua.ip}};transport=tls                                 | tcp {{b2bua.ip}}:5060                          |
      | sips:{{b2bua.ip}}                                              | tcp {{b2bua.ip}}:5061                          |
      | sips:{{b2bua.ip}}:5071;transport=tcp                           | tcp {{b2bua.ip}}:5071                          |
      | sip:[::1]:{{port}};transport=tcp                               | tcp [::1]:{{port}}                             |
      | sip:{{b2bua.ip}}:5060;transport=udp sip:{{b2bua.ip}}:5060;transport=tcp | udp {{b2bua.ip}}:5060, tcp {{b2bua.ip}}:5060 |

  @S-CFG-1
  Scenario Outline: transport <value> is refused
    Then b2bua refuses the setting b2bua-server/transport = "<value>", because "<reason>"

    Examples:
      | value                                     | reason                                                   |
      | invalid:127.0.0.1:5060                    | invalid SIP URI                                          |
      | sip:userinfo@inv@lid:5060                 | invalid SIP URI                                          |
      | sip:127.0.0.1:5060;transport=forbidden    | transport type 'forbidden' is not allowed for 'sip' scheme |
      | sips:127.0.0.1:5060;transport=forbidden   | transport type 'forbidden' is not allowed for 'sips' scheme |
      | sip:localhost                             | failed to get port from SIP URI                          |
      | sips:127.0.0.1:5060;transport=udp         | DTLS                                                     |

  @S-CFG-3
  Scenario Outline: a duration of <value> is accepted
    When b2bua starts with the setting b2bua-server/no-rtp-timeout = "<value>"

    Examples:
      | value |
      | 42    |
      | 42s   |
      | 42min |
      | 42h   |
      | 42d   |
      | 42m   |
      | 42y   |

  @S-CFG-3
  Scenario Outline: a duration of <value> is refused
    Then b2bua refuses the setting b2bua-server/no-rtp-timeout = "<value>"

    Examples:
      | value    |
      | 42ms     |
      | 42uu     |
      | ms42     |
      | ms       |
      | text     |
      | 42s42ms  |
      | 42.0     |
      | 42.0ms   |
      | text 42d |
      | 42d text |
      | 42 ms    |
      | -1       |

  @S-CFG-4
  Scenario Outline: a range of ports of <value> is accepted
    When b2bua starts with the setting b2bua-server/audio-port = "<value>"

    Examples:
      | value       |
      | 0           |
      | 12345       |
      | 1024-65535  |

  @S-CFG-4
  Scenario Outline: a range of ports of <value> is refused
    Then b2bua refuses the setting b2bua-server/audio-port = "<value>"

    Examples:
      | value      |
      | unexpected |
      | 2147483648 |
      | 70000      |
      | 3000-2000  |

  Scenario Outline: a boolean is true, false, 1 or 0: <value>
    Then b2bua refuses the setting b2bua-server/enable-keepalive = "<value>", because "invalid value '<value>'"

    Examples:
      | value |
      | yes   |
      | TRUE  |
      | on    |

  @S-CALL-7
  Scenario Outline: the user agent <value> is taken as it is
    Given b2bua runs between alice and bob with
      | setting                 | value   |
      | b2bua-server/user-agent | <value> |
    When alice invites bob
    Then bob is invited
    And the INVITE to bob has
      | header     | value   |
      | User-Agent | <sent>  |

    Examples:
      | value                                            | sent                                              |
      | .!%*_+`'~-12-Hello-                              | .!%*_+`'~-12-Hello-                               |
      | 1-.!%*_+`'~-test-name/test_version-.!%*_+`'~     | 1-.!%*_+`'~-test-name/test_version-.!%*_+`'~      |
      | a-test-.!%*_+`'~/{version}                       | a-test-.!%*_+`'~/{{version}}                      |

  @S-CALL-7
  Scenario Outline: the user agent <value> is refused
    Then b2bua refuses the setting b2bua-server/user-agent = "<value>", because "ill-formed"

    Examples:
      | value                                                     |
      | name/                                                     |
      | a/b/c                                                     |
      | name-with-illegal-character-{/.!%*_+`'~-0-Test-version    |
      | name-with-illegal-character-{/{version}                   |
      | 1-.!%*_+`'~-test-name/version-with-illegal-character-{    |

  @S-CALL-7
  Scenario: an empty user agent is refused
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      transport=sip:{{b2bua}};transport=tcp
      user-agent={{space}}
      """
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints exactly the faults
      | line | setting    | says       | write |
      | 3    | user-agent | ill-formed |       |

  @S-CFG-2
  Scenario Outline: nat-addresses "<value>" are accepted
    When b2bua starts with the setting b2bua-server/nat-addresses = "<value>"

    Examples:
      | value          |
      | 192.0.2.1      |
      | ::1 127.0.0.1  |

  @S-CFG-2
  Scenario Outline: nat-addresses "<value>" are refused
    Then b2bua refuses the setting b2bua-server/nat-addresses = "<value>", because "<reason>"

    Examples:
      | value                | reason                                  |
      | 192.0.2.1 192.0.2.2  | only one IPv4 NAT address can be configured |
      | ::1 ::2              | only one IPv6 NAT address can be configured |

  @S-CFG-2
  Scenario: a name in nat-addresses that nobody knows
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      transport=sip:{{b2bua}};transport=tcp
      nat-addresses=nowhere.invalid
      """
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints "failed to configure NAT address (nowhere.invalid)"
