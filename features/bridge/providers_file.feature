@bridge
Feature: The providers file
  Spec 4.1 to 4.3: a file that cannot be used is refused with the place of each fault and what to write.

  Background:
    Given the file "b2bua.conf"
      """
      [b2bua-server]
      application=sip-bridge
      [b2bua-server::sip-bridge]
      providers=providers.json
      """

  @seed @4.1
  Scenario: the PSTN example as it is printed is refused, and what the errors say works
    Given the file "providers.json"
      """
      {
       "schemaVersion": 2,
       "providers": [
          {
           "name": "French telephone numbers",
           "triggerCondition": { "strategy": "MatchRegex", "source": "{requestUri}", "pattern": "+33.*" },
           "accountToUse": { "strategy": "Random" },
           "onAccountNotFound": "decline",
           "outgoingInvite": {
             "to": "sip:{incoming.requestUri.user}@{account.uri.hostport}{incoming.requestUri.uriParameters}"
            },
           "accountPool": "FrenchPSTN"
          }
        ],
       "accountPools": {
         "FrenchPSTN": {
           "outboundProxy": "<sip:some.provider.example.org;transport=tls>",
           "registrationRequired": true,
           "maxCallsPerLine": 682,
           "loader": [
             { "uri": "sip:account2@some.provider.example.com", "userid": "hrVdbsADrCUkTjdE", "secretType": "clrtxt", "secret": "%AMC%Vxn8_7/y\5!k!oM" }
           ]
          }
        }
      }
      """
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status 255
    And it prints "providers.json:6:92: providers[0].triggerCondition.pattern = +33.*"
    And it prints "nothing to repeat before +"
    And it prints "sip:\\+33.*"
    And it prints "providers.json:21:137: \5 is no JSON escape"
    And it prints "write: \\5 for a backslash and 5"
    And it prints "the configuration has 2 faults, it cannot be used"
    Given the file "providers.json"
      """
      [{"name": "French telephone numbers", "pattern": "sip:\\+33.*", "registrationRequired": true,
        "accounts": [{"uri": "sip:account2@some.provider.example.com", "password": "%AMC%Vxn8_7/y\\5!k!oM"}]}]
      """
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    When b2bua is run with "explain sip:+33612345678@example.net;user=phone -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And it prints "<sip:+33612345678@some.provider.example.com;user=phone>"
    And it prints "account sip:account2@some.provider.example.com"
    When b2bua is run with "explain sip:+49612345678@example.net;user=phone -c {{dir}}/b2bua.conf"
    Then it exits with status 2
    And it prints "does not match sip:+49612345678@example.net;user=phone"

  @S-CONF-3 @4.2
  Scenario Outline: <what>
    Given the file "providers.json"
      """
      {"schemaVersion": 2,
       "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"},
         <provider>}],
       "accountPools": {"pool": {
         "registrationRequired": false, "maxCallsPerLine": 1,
         "loader": [{"uri": "sip:a@b.org"<account>}]}}}
      """
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status <status>
    And it prints "{{dir}}/providers.json:<place>"
    And it prints '<says>'
    And it prints '<write>'

    Examples:
      | what                                  | provider                                            | account                      | status | place | says                                                             | write                      |
      | a member that must be there           | "outgoingInvite": {}                                |                              | 255    | 5:22: | providers[0].outgoingInvite.to: key 'to' not found               | "to":                      |
      | a member of another type              | "outgoingInvite": {"to": 5}                         |                              | 255    | 5:29: | it is a number, and a string is expected                         | a string                   |
      | a misspelt member                     | "outgoingInvite": {"to": "{incoming.to}"}           | , "protocoll": "tcp"         | 0      | 8:38: | accountPools.pool.loader[0].protocoll: this member is not known and ignored | "protocol"      |
      | a variable that does not exist        | "outgoingInvite": {"to": "sip:{incoming.to.usr}@x"} |                              | 255    | 5:47: | Token "usr" is invalid within this context                       | write: user                |
      | a brace that is not closed            | "outgoingInvite": {"to": "sip:{incoming.to"}        |                              | 255    | 5:34: | Missing closing delimiter. Expected '}' but reached end of string | {incoming.from}           |
      | a member that is there twice          | "outgoingInvite": {"to": "{incoming.to}"}, "name": "x" |                           | 255    | 5:47: | "name" is here a second time, the first is in line 3             | write: it once             |
      | a media encryption that does not exist | "outgoingInvite": {"to": "{incoming.to}", "mediaEncryption": "srtp"} |             | 255    | 5:65: | providers[0].outgoingInvite.mediaEncryption                      | write: "sdes"              |
      | an alias in brackets                  | "outgoingInvite": {"to": "{incoming.to}"}           | , "alias": "<sip:a@c.org>"   | 255    | 8:47: | it is not a bare SIP URI                                         | sip:user@domain            |
      | an invalid account                    | "outgoingInvite": {"to": "{incoming.to}"}           | }, {"uri": "invalid-sip-uri" | 0      | 8:47: | so the account is left out                                       | sip:user@provider.example.com |
      | a password where a hash is expected   | "outgoingInvite": {"to": "{incoming.to}"}           | , "secret": "Mellon"         | 0      | 8:48: | secretType md5 needs a hash of 32 hexadecimal digits             | clrtxt                     |

  @4.1
  Scenario: a providers file that is not there
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status 255
    And it prints "failed to open external SIP providers JSON configuration file '{{dir}}/providers.json'"
