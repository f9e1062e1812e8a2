@config
Feature: A wrong configuration is explained
  Issue: all faults at once, each with file, line, setting, value and what to write instead; exit status 255.

  Scenario: ten mistakes are told at once
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      application=transcoder
      transport=sip:127.0.0.1:6067;transport=carrier-pigeon
      user-agent=bad agent/1
      enable-keepalive=yes
      audio-port=30000-20000
      no-rtp-timeout=0
      max-calls=0
      audio-codec=opus
      max-call-duration=42ms
      outbund-proxy=sip:127.0.0.1:5060
      """
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints exactly the faults
      | line | setting           | says                                        | write            |
      | 2    | application       | unknown B2BUA server application type       | trenscrypter     |
      | 3    | transport         | 'carrier-pigeon' is not allowed for 'sip'   | tcp              |
      | 4    | user-agent        | ill-formed                                  | {version}        |
      | 5    | enable-keepalive  | invalid value 'yes'                         | true             |
      | 6    | audio-port        | range                                       | 20000-30000      |
      | 7    | no-rtp-timeout    | strictly positive                           |                  |
      | 8    | max-calls         | strictly positive                           |                  |
      | 9    | audio-codec       | codec                                       | opus/48000       |
      | 10   | max-call-duration | ms                                          | s                |
      | 11   | outbund-proxy     |                                             | outbound-proxy   |

  @S-CFG-5
  Scenario: a key written twice
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      max-calls=10
      [global]
      log-level=debug
      [b2bua-server]
      max-calls=11
      """
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints exactly the faults
      | line | setting   | says             | write |
      | 6    | max-calls | several entrances |      |

  Scenario: a file that is not there
    When b2bua is run with "-c nowhere.conf"
    Then it exits with status 255
    And it prints "No configuration file found at 'nowhere.conf'"

  Scenario: an override of a setting that does not exist
    When b2bua is run with "--set b2bua-server/nonsense=1"
    Then it exits with status 255
    And it prints "nonsense"

  @seed
  Scenario: transport and transports that disagree
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      transport=sip:127.0.0.1:6067;transport=tcp
      transports=sip:127.0.0.1:6068;transport=tcp
      """
    When b2bua is run with "-c b2bua.conf"
    Then it exits with status 255
    And it prints "transports"
