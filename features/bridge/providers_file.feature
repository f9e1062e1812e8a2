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

  @S-CONF-3 @4.2
  Scenario Outline: what must be there: <member>
    Then a providers file without <member> is refused

    Examples:
      | member                                  |
      | schemaVersion                           |
      | providers                               |
      | accountPools                            |
      | providers[0].name                       |
      | providers[0].triggerCondition           |
      | providers[0].triggerCondition.strategy  |
      | providers[0].triggerCondition.source    |
      | providers[0].triggerCondition.pattern   |
      | providers[0].accountToUse               |
      | providers[0].accountToUse.strategy      |
      | providers[0].accountToUse.by            |
      | providers[0].accountToUse.source        |
      | providers[0].onAccountNotFound          |
      | providers[0].outgoingInvite             |
      | providers[0].outgoingInvite.to          |
      | providers[0].accountPool                |
      | accountPools.pool.registrationRequired  |
      | accountPools.pool.maxCallsPerLine       |
      | accountPools.pool.loader                |
      | accountPools.pool.loader[0].uri         |

  @4.2 @S-SEL-2 @S-SEL-3 @S-TPL-1 @4.13
  Scenario Outline: refused, in the words of the original: <what>
    Given the file "providers.json"
      """
      {"schemaVersion": <version>,
       "providers": [
        {"name": "<name>", "accountPool": "<pool>", "onAccountNotFound": "<not found>",
         "triggerCondition": <trigger>,
         "accountToUse": <account>,
         "outgoingInvite": {"to": "{incoming.to}"<invite>}<notify>}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1<of the pool>, "loader": [{"uri": "sip:a@b.org"}]}}}
      """
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status <status>
    And it prints '<says>'
    And it prints '<and>'

    Examples:
      | what                          | version | name | pool | not found    | trigger                                                  | account                                                        | invite                           | notify                                | of the pool                          | status | says                                                                                             | and |
      | nothing is wrong              | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "uri", "source": "{from}{to}{requestUri}{from.user}{to.hostport}{requestUri.uriParameters}{from.displayName}"} | | , "outgoingNotify": {"outboundProxy": "<sip:a.b>"} | , "outboundProxy": "<sip:a.b;transport=tls>" | 0 | The configuration has | no fault |
      | null where it may stand       | 2 | p | pool | nextProvider | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         | , "outboundProxy": null, "enableAvpf": null, "mediaEncryption": null | |                                  | 0   | The configuration has                                                                                      | no fault |
      | another schema                | 3 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | schemaVersion                                                                                    | write: 2 |
      | no name                       | 2 |   | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | one of your external SIP providers has an empty `name`                                           | providers[0].name |
      | no such pool                  | 2 | p | poll | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | please provide an existing `accountPools` for provider                                           | pool |
      | no such way out               | 2 | p | pool | next         | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | onAccountNotFound                                                                                | nextProvider |
      | no such trigger               | 2 | p | pool | decline      | {"strategy": "Sometimes"}                                | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | Unknown 'triggerCondition/strategy' found in config. Supported strategies are 'MatchRegex' and 'Always', not: Sometimes | Always |
      | no such choice                | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "First"}                                          |                                  |                                       |                                      | 255 | Unknown 'accountToUse/strategy' found in config. Supported strategies are 'Random' and 'FindInPool', not: First | Random |
      | an empty pattern              | 2 | p | pool | decline      | {"strategy": "MatchRegex", "source": "", "pattern": ""}  | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | please provide a `pattern` for provider                                                          | pattern |
      | a pattern that is none        | 2 | p | pool | decline      | {"strategy": "MatchRegex", "source": "", "pattern": "(a"} | {"strategy": "Random"}                                        |                                  |                                       |                                      | 255 | providers[0].triggerCondition.pattern                                                            | write: |
      | a proxy of the pool           | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       | , "outboundProxy": "sip:"            | 255 | invalid outbound proxy SIP URI set in AccountPool(pool)                                          | accountPools.pool.outboundProxy |
      | a registrar of the pool       | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       | , "registrar": "a b"                 | 255 | invalid registrar SIP URI set in AccountPool(pool)                                               | accountPools.pool.registrar |
      | an MWI server                 | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       | , "mwiServerUri": "a b"              | 255 | invalid MWI server URI set in AccountPool(pool)                                                  | accountPools.pool.mwiServerUri |
      | a proxy of the provider       | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         | , "outboundProxy": "nowhere at all" |                                    |                                      | 255 | invalid outbound proxy SIP URI set in provider configuration for outgoing INVITE requests: nowhere at all | outgoingInvite.outboundProxy |
      | one for NOTIFY                | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  | , "outgoingNotify": {"outboundProxy": "nowhere at all"} |                    | 255 | invalid outbound proxy SIP URI set in provider configuration for outgoing NOTIFY requests: nowhere at all | outgoingNotify.outboundProxy |
      | an unknown variable           | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "uri", "source": "{unknown.hostport}"} |                         |                                       |                                      | 255 | Token "unknown" is invalid within this context                                                   | providers[0].accountToUse.source |
      | a name after a leaf           | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "uri", "source": "{to.hostport.what}"} |                         |                                       |                                      | 255 | Token "what" is invalid within this context                                                      | providers[0].accountToUse.source |
      | one of two variables          | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "uri", "source": "{from.uriParameters} is valid, but {from.invalid} is not"} |   |                                       |                                      | 255 | Token "invalid" is invalid within this context                                                   | providers[0].accountToUse.source |
      | incoming. in a source         | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "uri", "source": "{incoming.from}"} |                            |                                       |                                      | 255 | Token "incoming" is invalid within this context                                                  | write: the name without incoming.: from, to, requestUri |
      | an account field that is none | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "{secret}", "source": "{from}"} |                                |                                       |                                      | 255 | Token "secret" is invalid within this context                                                    | providers[0].accountToUse.by |
      | a brace that is not closed    | 2 | p | pool | decline      | {"strategy": "Always"}                                   | {"strategy": "FindInPool", "by": "uri", "source": "sip:{from.hostport"} |                         |                                       |                                      | 255 | Missing closing delimiter. Expected '}' but reached end of string                               | providers[0].accountToUse.source |
      | a comment                     | 2 /* two */ | p | pool | decline | {"strategy": "Always"}                              | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | providers.json:1:21:                                                                             | write: |
      | a comma too many              | 2 | p | pool | decline      | {"strategy": "Always",}                                  | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | providers.json:4:                                                                                | write: |
      | a number with a fraction      | 2.5 | p | pool | decline    | {"strategy": "Always"}                                   | {"strategy": "Random"}                                         |                                  |                                       |                                      | 255 | schemaVersion                                                                                    | write: 2 |

  @4.3 @S-CONF-2
  Scenario: a file of schema 1 decides as the file of schema 2 that it stands for
    Given the file "providers.json"
      """
      [{"name": "Italy", "pattern": "sip:\\+39.*", "outboundProxy": "<sip:proxy.example.org;transport=tcp>", "registrationRequired": false, "maxCallsPerLine": 3,
        "enableAvpf": true, "mediaEncryption": "sdes", "accounts": [{"uri": "sip:line@provider.example.org", "userid": "4711", "password": "secret"}]}]
      """
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    When b2bua is run with "explain sip:+3906@sip.example.org;user=phone --json -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And what it printed is kept in the file "schema1.json"
    Given the file "providers.json"
      """
      {"schemaVersion": 2,
       "providers": [{"name": "Italy", "accountPool": "Account pool - Italy",
         "triggerCondition": {"strategy": "MatchRegex", "pattern": "sip:\\+39.*", "source": "${incoming.requestUri}"},
         "accountToUse": {"strategy": "Random"}, "onAccountNotFound": "decline",
         "outgoingInvite": {"to": "sip:{incoming.requestUri.user}@{account.uri.hostport}{incoming.requestUri.uriParameters}", "enableAvpf": true, "mediaEncryption": "sdes"}}],
       "accountPools": {"Account pool - Italy": {"outboundProxy": "<sip:proxy.example.org;transport=tcp>", "registrationRequired": false, "maxCallsPerLine": 3,
         "loader": [{"uri": "sip:line@provider.example.org", "userid": "4711", "secretType": "clrtxt", "secret": "secret"}]}}}
      """
    When b2bua is run with "explain sip:+3906@sip.example.org;user=phone --json -c {{dir}}/b2bua.conf"
    Then it exits with status 0
    And it printed what is in the file "schema1.json"

  @4.1
  Scenario: a providers file that is not there
    When b2bua is run with "--check -c {{dir}}/b2bua.conf"
    Then it exits with status 255
    And it prints "failed to open external SIP providers JSON configuration file '{{dir}}/providers.json'"
