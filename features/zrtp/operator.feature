@zrtp
Feature: What an operator sees of ZRTP, and decides
  Phones are remembered in b2bua/data-directory. b2bua zrtp shows and forgets them, also beside a running server; b2bua ctl sas tells that server
  that the SAS of a call was compared.

  Background:
    Given the settings
      | setting                                       | value               |
      | b2bua-server::trenscrypter/outgoing-enc-regex | zrtp sip:pauline@.* |
    And b2bua runs between the softphones
      | name    | encryption |
      | marie   | zrtp       |
      | pauline | zrtp       |
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    And marie has the SAS that b2bua tells
    And pauline has the SAS that b2bua tells

  Scenario: phones are listed, in a running call and afterwards
    When b2bua is run with "zrtp list -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And it prints "MISMATCHES"
    And it prints "{{marie.zid}}  sipsim  no        0"
    And it prints "{{pauline.zid}}  sipsim  no        0"
    When marie ends the call
    Then pauline is free again
    When b2bua is run with "zrtp list --json -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And it prints '"zid": "{{marie.zid}}"'
    And it prints '"zid": "{{pauline.zid}}"'

  Scenario: one phone is forgotten, the call goes on
    When b2bua is run with "zrtp clear {{marie.zid}} -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And it prints "1 record forgotten."
    When b2bua is run with "zrtp list --json -c {{dir}}/b2bua.conf"
    Then the JSON that it printed has
      | member | value           |
      | 0.zid  | {{pauline.zid}} |
    And marie and pauline hear each other
    When b2bua is run with "zrtp clear {{marie.zid}} {{pauline.zid}} --json -c {{dir}}/b2bua.conf"
    Then it exits with status 1
    And it prints '"cleared": 1'
    And it prints "nothing is known of {{marie.zid}}"
    When marie ends the call
    Then pauline is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then marie is warned that b2bua is another one
    And b2bua says of marie's SAS "continuity first call"
    And b2bua says of pauline's SAS "continuity first call"

  Scenario Outline: a clear that says nothing clear forgets nobody: <what>
    When b2bua is run with "zrtp clear <words> -c {{dir}}/b2bua.conf"
    Then it exits with status 1
    And it prints "<complaint>"
    When b2bua is run with "zrtp list -c {{dir}}/b2bua.conf"
    Then it prints "{{marie.zid}}"
    And it prints "{{pauline.zid}}"

    Examples:
      | what            | words               | complaint                         |
      | no phone        |                     | write the ZIDs                    |
      | a phone and all | {{marie.zid}} --all | write the ZIDs                    |
      | half a ZID      | 0123456789          | a ZID has 24 hexadecimal digits   |
      | one is wrong    | {{marie.zid}} marie | a ZID has 24 hexadecimal digits   |

  Scenario: the SAS of one leg was compared, and later was not the same
    When b2bua is run with "ctl sas 1 b same --pid {{pid}}"
    Then it exits with status 0
    When b2bua is run with "ctl calls --json --pid {{pid}}"
    Then the JSON that it printed has
      | member          | value           |
      | 0.legB.sas      | {{pauline.sas}} |
      | 0.legB.zrtp.zid | {{pauline.zid}} |
      | 0.legA.zrtp.zid | {{marie.zid}}   |
    When marie ends the call
    Then pauline is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then b2bua says of pauline's SAS "continuity yes, verified by us only"
    And b2bua says of marie's SAS "continuity yes, verified no"
    When b2bua is run with "ctl sas 2 b different --pid {{pid}}"
    Then it exits with status 0
    When marie ends the call
    Then pauline is free again
    When marie calls pauline
    Then pauline's phone rings
    When pauline picks up
    Then b2bua says of pauline's SAS "continuity yes, verified no"

  Scenario Outline: no SAS to compare: <what>
    When b2bua is run with "ctl sas <words> --pid {{pid}}"
    Then it exits with status <status>
    And it prints "<complaint>"
    And marie and pauline hear each other

    Examples:
      | what         | words     | status | complaint                          |
      | no such call | 7 a same  | 64     | call 7 has no SAS on leg A         |
      | no such leg  | 1 c same  | 1      | must be one of                     |
      | no answer    | 1 a maybe | 1      | must be one of                     |
