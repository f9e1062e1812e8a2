@bridge
Feature: Proxies that ask for a password
  Spec 4.8: INVITE, re-INVITE and BYE of the second leg answer with the credentials of the account, whatever the proxy asks and how often it changes its mind.

  @4.8 @2.14
  Scenario: what a call sends once it was challenged, and what is challenged anew
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "accounts": [{"uri": "sip:line@trunk.example.org", "userid": "4711", "password": "secret"}]}]
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 407 with
      | header             | value                                                                      |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="first", qop="auth", algorithm=MD5 |
    Then trunk is invited
    And the INVITE to trunk has
      | header              | value                                                                                                          |
      | Proxy-Authorization | /Digest username="4711", realm="trunk.example.org", nonce="first", .*algorithm=MD5.*nc=00000001.*/ |
      | CSeq                | 21 INVITE                                                                                                      |
    When trunk answers 407 with
      | header             | value                                                                                   |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="second", qop="auth", algorithm=MD5, stale=true |
    Then trunk is invited
    And the INVITE to trunk has
      | header              | value                               |
      | Proxy-Authorization | /.*nonce="second", .*nc=00000001.*/ |
      | CSeq                | 22 INVITE                           |
    When trunk answers 401 with
      | header           | value                                                                           |
      | WWW-Authenticate | Digest realm="trunk.example.org", nonce="behind", qop="auth", algorithm=SHA-256 |
    Then trunk is invited
    And the INVITE to trunk has
      | header              | value                                                  |
      | Proxy-Authorization | /.*nonce="second", .*nc=00000002.*/                    |
      | Authorization       | /.*nonce="behind", .*algorithm=SHA-256.*nc=00000001.*/ |
    When trunk accepts
    Then the call between alice and trunk is up
    When alice sends a re-INVITE with the offer audio sendonly
    And trunk answers the re-INVITE with 407 and
      | header             | value                                                                                  |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="third", qop="auth", algorithm=MD5, stale=true |
    Then trunk gets the re-INVITE again, with
      | header              | value                               |
      | Proxy-Authorization | /.*nonce="third", .*nc=00000001.*/  |
      | Authorization       | /.*nonce="behind", .*nc=0000000.*/  |
    When trunk answers the re-INVITE 200
    Then alice's re-INVITE is answered 200 with SDP
    When trunk does not answer a BYE
    And alice hangs up
    And trunk answers the BYE with 407 and
      | header             | value                                                                                   |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="fourth", qop="auth", algorithm=MD5, stale=true |
    Then trunk gets the BYE again, with
      | header              | value                               |
      | Proxy-Authorization | /.*nonce="fourth", .*nc=00000001.*/ |

  @4.8
  Scenario Outline: challenges of <what>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "sip:bob@trunk.example.org"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:line@trunk.example.org", "secretType": "<type>", "secret": "<secret>"<realm>}]}}}
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 407 with
      | header             | value   |
      | Proxy-Authenticate | <one>   |
      | Proxy-Authenticate | <other> |
    Then trunk is invited
    And the INVITE to trunk has
      | header              | value           |
      | Proxy-Authorization | /Digest <with>/ |
    When trunk accepts
    Then the call between alice and trunk is up

    Examples:
      | what                                            | type    | secret                           | realm               | one                                                                      | other                                                         | with                                                                              |
      | two realms, the account's is the second         | clrtxt  | secret                           |                     | Digest realm="else.example.org", nonce="a", qop="auth", algorithm=MD5    | Digest realm="trunk.example.org", nonce="b", algorithm=MD5    | username="line", realm="trunk.example.org", nonce="b".*                           |
      | two realms, the account has one of its own      | clrtxt  | secret                           | , "realm": "asterisk" | Digest realm="trunk.example.org", nonce="a", algorithm=MD5             | Digest realm="asterisk", nonce="b", algorithm=MD5             | username="line", realm="asterisk", nonce="b".*                                    |
      | an algorithm that nobody knows, and MD5         | clrtxt  | secret                           |                     | Digest realm="trunk.example.org", nonce="a", algorithm=SHA3-1024         | Digest realm="trunk.example.org", nonce="b", algorithm=MD5    | username="line", realm="trunk.example.org", nonce="b".*                           |
      | another scheme, and MD5 without its name        | clrtxt  | secret                           |                     | Bearer authz_server="https://login.example.org"                          | Digest realm="trunk.example.org", nonce="b"                   | username="line", realm="trunk.example.org", nonce="b".*                           |
      | SHA-256 and MD5, the account has a hash of MD5  | ha1     | 5f4dcc3b5aa765d61d8327deb882cf99 |                     | Digest realm="trunk.example.org", nonce="a", algorithm=SHA-256           | Digest realm="trunk.example.org", nonce="b", algorithm=MD5    | username="line", realm="trunk.example.org", nonce="b".*                           |
      | MD5 and SHA-256, the account has one of SHA-256 | sha-256 | 5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8 | | Digest realm="trunk.example.org", nonce="a", algorithm=MD5 | Digest realm="trunk.example.org", nonce="b", algorithm=SHA-256 | username="line", realm="trunk.example.org", nonce="b".*algorithm=SHA-256.* |

  @4.8
  Scenario Outline: the caller is told, and the log tells why: <what>
    Given b2bua bridges calls of alice to trunk by the providers
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "sip:bob@trunk.example.org"}}],
       "accountPools": {"pool": {"registrationRequired": false, "maxCallsPerLine": 1, "outboundProxy": "<sip:{{trunk}}>", "loader": [
         {"uri": "sip:line@trunk.example.org"<secret>}]}}}
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 407 with
      | header             | value       |
      | Proxy-Authenticate | <challenge> |
    Then alice's call fails with 407
    And b2bua logs a message /account sip:line@trunk.example.org.*<log>/
    When alice invites bob
    Then trunk is invited

    Examples:
      | what                           | secret                                            | challenge                                                         | log                                   |
      | the account has no secret      |                                                   | Digest realm="trunk.example.org", nonce="a", algorithm=MD5        | has no secret                         |
      | nobody knows the algorithm     | , "secretType": "clrtxt", "secret": "secret"      | Digest realm="trunk.example.org", nonce="a", algorithm=SHA3-1024  | no digest challenge that can be answered |
      | the hash is of another one     | , "secret": "5f4dcc3b5aa765d61d8327deb882cf99"    | Digest realm="trunk.example.org", nonce="a", algorithm=SHA-256    | realm "trunk.example.org" wants a hash by SHA-256, the secret is one by MD5.*give it a secret that is clrtxt |

  @4.8
  Scenario: a password that is refused is not sent again and again
    Given b2bua bridges calls of alice to trunk by the providers
      """
      [{"name": "p", "pattern": ".*", "outboundProxy": "<sip:{{trunk}}>", "accounts": [{"uri": "sip:line@trunk.example.org", "password": "wrong"}]}]
      """
    When alice invites bob
    Then trunk is invited
    When trunk answers 407 with
      | header             | value                                                      |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="a", algorithm=MD5 |
    Then trunk is invited
    When trunk answers 407 with
      | header             | value                                                      |
      | Proxy-Authenticate | Digest realm="trunk.example.org", nonce="b", algorithm=MD5 |
    Then alice's call fails with 407
    And b2bua logs a message /account sip:line@trunk.example.org.*the credentials were refused/

  @S-SB-6 @4.8
  Scenario Outline: a registrar that asks each request anew, with nonces that are good once: <algorithm>
    Given the registrar of jabiru over <network> with
      | setting    | value       |
      | algorithms | <algorithm> |
      | nonces     | good once   |
      | domains    | jabiru.example.org,other.example.org |
      | realm      | realm.example.org                    |
      | lifetime   | 1s          |
    And b2bua has the accounts at jabiru
      | account  | secret | type      | realm             | domain            |
      | account1 | secret | clrtxt    | realm.example.org |                   |
      | account2 | secret | <hash>    | realm.example.org |                   |
      | account3 | secret | clrtxt    | realm.example.org | other.example.org |
      | account4 | secret | (default) | realm.example.org | other.example.org |
    Then the status of account1 becomes "OK"
    And the status of account2 becomes "OK"
    And the status of sip:account3@other.example.org becomes "OK"
    And the status of sip:account4@other.example.org becomes "OK"
    And the registrar has 4 accounts
    And account1 is registered again by a refresh
    When b2bua is told to stop
    Then b2bua ends
    And the registrar has 0 accounts
    And the registrar had to un-register 4 accounts

    Examples:
      | network | algorithm   | hash |
      | udp     | MD5         | ha1  |
      | tcp     | SHA-256,MD5 | md5  |

  @4.8
  Scenario: a provider that asks for a password whatever is said, with nonces that are good once
    Given the hosts flexisip.example.org and jabiru.example.org
    And the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      [module::B2bua]
      enabled=true
      b2bua-server=sip:{{b2bua}};transport=tcp
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the proxy jabiru is strict, and its nonces are good once
    And the proxy jabiru at jabiru.example.org over tls, that serves jabiru.example.org with the passwords
      | user   | password |
      | felix  | Mellon   |
      | jasper | Galadhon |
    And the file "providers.json"
      """
      {"schemaVersion": 2, "providers": [
        {"name": "p", "accountPool": "pool", "triggerCondition": {"strategy": "Always"}, "onAccountNotFound": "decline",
         "accountToUse": {"strategy": "Random"}, "outgoingInvite": {"to": "sip:{incoming.to.user}@{account.uri.hostport}"}}],
       "accountPools": {"pool": {"registrationRequired": true, "maxCallsPerLine": 1, "outboundProxy": "<sip:jabiru.example.org;transport=tls>", "loader": [
         {"uri": "sip:felix@jabiru.example.org", "secretType": "clrtxt", "secret": "Mellon"}]}}}
      """
    And b2bua bridges by the file "providers.json"
    And sip:felix@jabiru.example.org is available
    And the phones of the proxy flexisip
      | name  | address                        |
      | felix | sip:felix@flexisip.example.org |
    And the phones of the proxy jabiru
      | name   | address                       | password |
      | jasper | sip:jasper@jabiru.example.org | Galadhon |
    When felix dials sip:jasper@flexisip.example.org
    Then jasper's phone rings
    And the proxy jabiru challenged a INVITE of b2bua
    When jasper picks up
    Then felix and jasper are in the call
    And felix and jasper hear each other
    When felix ends the call
    Then jasper is free again
    And the proxy jabiru challenged a BYE of b2bua
    When b2bua is told to stop
    Then b2bua ends
    And the proxy jabiru was asked to un-register 1 accounts
