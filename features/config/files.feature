@config
Feature: Configuration files
  Spec 1.1, decisions 1, 2 and 5.

  @S-CFG-6
  Scenario: sections of the proxy are tolerated with a warning, unknown keys in them too
    Given the file "flexisip.conf"
      """
      # the proxy's part
      [global]
      log-level=debug
      log-directory={{dir}}/log

      [module::Router]
      call-fork-current-branches-timeout=10

      [module::SomethingFromAPlugin]
      whatever=1

      [b2bua-server]
      transport=sip:{{b2bua}};transport=tcp
      data-directory={{dir}}/data
      """
    When b2bua is started with "-c {{dir}}/flexisip.conf"
    Then b2bua logs a warning /(?i:SomethingFromAPlugin)/
    And b2bua listens on exactly
      | network | address   |
      | tcp     | {{b2bua}} |

  Scenario: later files win, --set wins over all
    Given the file "flexisip.conf"
      """
      [global]
      log-level=debug
      log-directory={{dir}}/log
      [b2bua-server]
      transport=sip:127.0.0.1:1;transport=tcp
      data-directory={{dir}}/data
      """
    And the file "own.conf"
      """
      [b2bua-server]
      transport=sip:127.0.0.1:2;transport=tcp
      [b2bua::timers]
      ring-timeout=100s
      """
    When b2bua is started with "-c {{dir}}/flexisip.conf -c {{dir}}/own.conf --set b2bua-server/transport=sip:{{b2bua}};transport=tcp"
    Then b2bua listens on exactly
      | network | address   |
      | tcp     | {{b2bua}} |

  Scenario: line ends of DOS, blanks and comments
    Given the file with line ends of DOS "b2bua.conf"
      """
        # a comment
      [B2BUA-Server] and more
        transport = sip:{{b2bua}};transport=tcp
      DATA-DIRECTORY={{dir}}/data
      [global]
      log-directory={{dir}}/log
      """
    When b2bua is started with "-c {{dir}}/b2bua.conf"
    Then b2bua listens on exactly
      | network | address   |
      | tcp     | {{b2bua}} |

  Scenario: the default file loads again, and listens on the default address alone
    Given nobody else uses 127.0.0.1:6067
    When b2bua is run with "--dump-default"
    Then it exits with status 0
    And what it printed is kept in the file "default.conf"
    When b2bua is started with "-c {{dir}}/default.conf --set global/log-directory={{dir}}/log --set b2bua-server/data-directory={{dir}}/data"
    Then b2bua listens on exactly
      | network | address        |
      | tcp     | 127.0.0.1:6067 |

  Scenario: zero configuration
    Given nobody else uses 127.0.0.1:6067
    When b2bua is started with "--set global/log-directory={{dir}}/log --set b2bua-server/data-directory={{dir}}/data"
    Then b2bua listens on exactly
      | network | address        |
      | tcp     | 127.0.0.1:6067 |

  @seed
  Scenario: the example of the documentation loads as printed
    Given nobody else uses 127.0.0.1:6067
    And the file "flexisip.conf"
      """
      [b2bua-server]
      # Select address and port to listen on
      transports=sip:127.0.0.1:6067;transport=tcp

      # The b2bua server needs a writable directory to store data
      data-directory=/var/opt/belledonne-communications/flexisip/b2b

      # The Flexisip proxy URI to which the b2bua server should send all its outgoing SIP requests.
      # This must match the internal-transport configuration in the cluster section of the proxy configuration
      # Note: This is only used in trenscrypter mode. The sip-bridge mode has finer-grained configuration options.
      outbound-proxy=sip:127.0.0.1:5060;transport=tcp

      # The sub-module to load. This will define how the b2bua bridges calls. See below for details.
      application=trenscrypter

      [b2bua-server::trenscrypter]

      outgoing-enc-regex=zrtp .*@sip\.secure-example\.org dtls-srtp .*dtls@sip\.example\.org zrtp .*zrtp@sip\.example\.org sdes .*@sip\.example\.org

      outgoing-srtp-regex=AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32 .*@sip\.secure-example\.org AES_CM_128_HMAC_SHA1_80 .*@sip\.example\.org

      # Any call related requests (INVITE, ACK, etc.) that enters
      # this module will be redirected to the B2BUA server.
      # Use the 'filter' parameter if you need to prevent some 
      # requests to be redirected to the B2BUA.
      [module::B2bua]
      enable=true
      filter=
      """
    When b2bua is started with "-c {{dir}}/flexisip.conf --set global/log-directory={{dir}}/log --set b2bua-server/data-directory={{dir}}/data"
    Then b2bua listens on exactly
      | network | address        |
      | tcp     | 127.0.0.1:6067 |

  @seed
  Scenario: the example that ignores URI parameters loads as printed
    Given the file "flexisip.conf"
      """
      [b2bua-server]
      transports=sip:{{b2bua}};transport=tcp
      data-directory={{dir}}/data

      [global]
      log-directory={{dir}}/log

      [b2bua-server::trenscrypter]

      outgoing-enc-regex=zrtp .*@sip\.secure-example\.org(;.*)?
      """
    When b2bua is started with "-c {{dir}}/flexisip.conf"
    Then b2bua listens on exactly
      | network | address   |
      | tcp     | {{b2bua}} |

  Scenario: a data directory that can't be made is a warning
    Given the file "b2bua.conf"
      """
      [global]
      log-directory={{dir}}/log
      [b2bua-server]
      transport=sip:{{b2bua}};transport=tcp
      data-directory={{dir}}/b2bua.conf/data
      """
    When b2bua is started with "-c {{dir}}/b2bua.conf"
    Then b2bua logs a warning /data-directory/

  @S-MAIN-1
  Scenario: a stop is clean
    Given b2bua runs between alice and bob
    When alice invites bob
    Then bob is invited
    When bob accepts
    Then the call between alice and bob is up
    When b2bua stops while the call is up
    Then alice's call is released
    And bob's call is released
