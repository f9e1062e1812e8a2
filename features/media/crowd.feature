@media
Feature: Many calls at once
  Each caller and each callee has a tone of its own: hearing another one's would show.

  Scenario: twenty calls with every encryption
    Given the settings
      | setting                                       | value                             |
      | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:callee\d+s@.* none .*    |
    And b2bua runs behind the proxy of sip.example.org
    And 20 pairs of softphones, of every encryption
    When all callers call at once
    Then each of them hears its own partner
    When all callers hang up at once
    Then all of them are free again
    And b2bua has closed the media ports of the call
