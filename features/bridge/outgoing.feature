@bridge
Feature: How a bridged call leaves
  Spec 4.5 and 4.13: templates compose the addresses of the second leg, the account or the provider tells where it goes.

  @S-TWEAK-1 @4.13
  Scenario Outline: to <to> and from <from>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "<to>", "from": "<from>"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:%25=expected-account@account.example.org", "alias": "sip:expected-alias@alias.example.org;custom-param=Alias"}]}}}
      """
    When alice invites bob with
      | header      | value                                                              |
      | Request-URI | sip:expected-request-uri@127.0.0.1:5062;custom-param=RequestUri    |
      | To          | <sip:*%23expected-to@to.example.org:666;custom-param=%26$To>       |
      | From        | "Fel\"ix" <sip:expected-from@sip.example.org;custom-param=%40/From> |
    Then trunk is invited
    And the INVITE to trunk has
      | header      | value             |
      | Request-URI | <callee>          |
      | To          | <<callee>>        |
      | From        | /<caller>;tag=.+/ |

    Examples:
      | to                                                                                 | from                                           | callee                                                          | caller                                                           |
      | sip:{incoming.requestUri.user}@stub.example.org{incoming.requestUri.uriParameters} |                                                | sip:expected-request-uri@stub.example.org;custom-param=RequestUri | <sip:%25=expected-account@account.example.org>                  |
      | {incoming.to}                                                                      |                                                | sip:*%23expected-to@to.example.org:666;custom-param=%26$To      | <sip:%25=expected-account@account.example.org>                   |
      | {incoming.requestAddress}                                                          | {account.sipIdentity}                          | sip:expected-request-uri@127.0.0.1:5062;custom-param=RequestUri | <sip:%25=expected-account@account.example.org>                   |
      | sip:{account.uri.user}@{incoming.to.hostport}{incoming.from.uriParameters}         |                                                | sip:%25=expected-account@to.example.org:666;custom-param=%40/From | <sip:%25=expected-account@account.example.org>                  |
      | {account.alias}                                                                    |                                                | sip:expected-alias@alias.example.org;custom-param=Alias         | <sip:%25=expected-account@account.example.org>                   |
      | sip:stub@example.org                                                               | {incoming.from}                                | sip:stub@example.org                                            | <sip:expected-from@sip.example.org;custom-param=%40/From>        |
      | sip:stub@example.org                                                               | {incoming.from.displayName} <sip:{incoming.from.user}@{incoming.from.hostport}{incoming.from.uriParameters}> | sip:stub@example.org | "Fel\\\\"ix" <sip:expected-from@sip.example.org;custom-param=%40/From> |
      | sip:stub@example.org                                                               | {incoming.from.displayName} {account.uri}      | sip:stub@example.org                                            | "Fel\\\\"ix" <sip:%25=expected-account@account.example.org>      |

  @S-SB-5 @4.5
  Scenario: a From that is no address declines the call, and keeps no slot
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{incoming.to}", "from": "{account.alias.user};woops=invalid-uri"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:line@trunk.example.org", "alias": "sip:alias@sip.example.org"}]}}}
      """
    When alice invites bob
    Then alice's call is declined
    And b2bua logs a message /provider "p", account sip:line@trunk.example.org.*invalid URI in its 'From' header: 'alias;woops=invalid-uri'/
    When alice invites bob
    Then alice's call is declined
    And b2bua logs a message /call 2 .*invalid URI in its 'From' header: 'alias;woops=invalid-uri'/

  @4.5
  Scenario: a To that is no address declines the call
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "{account.alias}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:line@trunk.example.org"}]}}}
      """
    When alice invites bob
    Then alice's call is declined
    And b2bua logs a message /provider "p", account sip:line@trunk.example.org.*invalid URI in its 'To' header: ''/

  @seed @4.4
  Scenario Outline: the call goes by the proxy of the <owner>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "sip:bob@trunk.example.org", "outboundProxy": <provider>}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<pool>", "loader": [
         {"uri": "sip:line@trunk.example.org", "outboundProxy": "<account>"}]}}}
      """
    When alice invites bob
    Then trunk is invited
    And the INVITE to trunk has
      | header | value                |
      | Route  | <sip:{{trunk}};lr>   |

    Examples:
      | owner    | provider            | pool                | account             |
      | pool     | null                | <sip:{{trunk}}>     |                     |
      | account  | null                | <sip:127.0.0.1:9>   | {{trunk}}           |
      | provider | "<sip:{{trunk}}>"   | <sip:127.0.0.1:9>   | 127.0.0.1:9         |

  @2.4.3 @4.4
  Scenario: a redirection goes by the outbound proxy, also where the callee was at that proxy before
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "sip:bob@{{trunk}}"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:line@trunk.example.org"}]}}}
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 302 with
      | header  | value                          |
      | Contact | <sip:bob-at-home@127.0.0.1:9>  |
    Then trunk is invited
    And the INVITE to trunk has
      | header      | value                         |
      | Request-URI | sip:bob-at-home@127.0.0.1:9   |
      | Route       | <sip:{{trunk}};lr>            |

  @4.5
  Scenario Outline: a call that the trunk refuses with <status> names provider, account and reason, and the line is free again
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "sip:bob@trunk.example.org"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:line@trunk.example.org"}]}}}
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers <status>
    Then alice's call fails with <told>
    And b2bua logs a message /to sip:bob@trunk.example.org .provider "p", account sip:line@trunk.example.org. failed, leg A got <told>: leg B answered <status>/
    When alice invites bob
    Then trunk is invited
    When trunk accepts
    Then the call between alice and trunk is up

    Examples:
      | status | told |
      | 403    | 403  |
      | 404    | 404  |
      | 486    | 486  |
      | 500    | 500  |
      | 503    | 503  |
      | 603    | 603  |

  @4.5
  Scenario Outline: a call that <fault> names provider, account and reason
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "<to>"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<proxy>", "loader": [
         {"uri": "sip:line@trunk.example.org"}]}}}
      """
    When alice invites bob
    Then alice's call fails with <told>
    And b2bua logs a message /provider "p", account sip:line@trunk.example.org.*<reason>/

    Examples:
      | fault                      | to                        | proxy                       | told | reason                                                |
      | cannot be composed         | not {incoming.to.user} an address | <sip:{{trunk}}>     | 488  | invalid URI in its 'To' header: 'not bob an address'  |
      | finds nobody at the proxy  | sip:bob@trunk.example.org | <sip:127.0.0.1:9;transport=tcp> | 503 | the next hop of leg B, sip:127.0.0.1:9.*connection refused |
      | has a proxy without address | sip:bob@trunk.example.org | <sip:nowhere.invalid>      | 503  | the next hop of leg B, sip:nowhere.invalid            |

  @4.5
  Scenario: a trunk that never answers is named with provider and account
    Given the settings
      | setting          | value |
      | b2bua::timers/t1 | 50ms  |
    And b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "accounts": [{"uri": "sip:line@trunk.example.org"}]}]
      """
    And trunk sends nothing by itself
    When alice invites bob
    Then trunk is invited
    And alice's call fails with 408
    And b2bua logs a message /.provider "p", account sip:line@trunk.example.org. failed, leg A got 408: /

  @S-SB-16 @seed @4.5
  Scenario Outline: mediaEncryption <encryption> and enableAvpf <avpf> of the provider
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "mediaEncryption": <encryption>, "enableAvpf": <avpf>,
        "accounts": [{"uri": "sip:line@trunk.example.org"}]}]
      """
    When alice invites bob with
      | header | value                              |
      | offer  | audio sdes AES_CM_128_HMAC_SHA1_80 |
    Then trunk is invited
    And the offer to trunk is
      | stream | encryption | profile   |
      | audio  | <offered>  | <profile> |

    Examples:
      | encryption  | avpf  | offered   | profile          |
      | "none"      | false | none      | RTP/AVP          |
      | null        | null  | none      | RTP/AVP          |
      | "none"      | true  | none      | RTP/AVPF         |
      | "sdes"      | false | sdes      | RTP/SAVP         |
      | "sdes"      | true  | sdes      | RTP/SAVPF        |
      | "dtls-srtp" | true  | dtls-srtp | UDP/TLS/RTP/SAVPF |
      | "zrtp"      | false | zrtp      | RTP/AVP           |
      | "zrtp"      | true  | zrtp      | RTP/AVPF          |

  @4.8
  Scenario: a proxy that challenges gets the credentials of the account
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>",
        "accounts": [{"uri": "sip:line@trunk.example.org", "userid": "4711", "password": "secret"}]}]
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 407 with
      | header             | value                                                                            |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="abc", qop="auth", algorithm=SHA-256 |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="abc", qop="auth", algorithm=MD5     |
    Then trunk is invited
    And the INVITE to trunk has
      | header              | value                                                                                                         |
      | Proxy-Authorization | /Digest username="4711", realm="trunk.example.org", nonce="abc", .*algorithm=SHA-256.*nc=00000001.*/ |
      | CSeq                | 21 INVITE                                                                                                     |
    When trunk accepts
    Then the call between alice and trunk is up

  @4.8
  Scenario: a challenge that the account cannot answer reaches the caller
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "accounts": [{"uri": "sip:line@trunk.example.org", "password": "secret"}]}]
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 407 with
      | header             | value                                          |
      | Proxy-Authenticate | Digest realm="another.example.org", nonce="abc" |
    Then alice's call fails with 407
    And b2bua logs a message /account sip:line@trunk.example.org has credentials for realm "trunk.example.org".*another.example.org.*set the realm of the account/
