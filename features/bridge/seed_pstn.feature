@bridge
Feature: The PSTN fallback of the documentation, end to end
  The documentation's second example with what its errors say to write instead. Pauline has registered her telephone number as a
  contact of low priority; the proxy tries it when her phone does not answer, and its routes file sends it to b2bua. A provider of
  telephone lines, over TLS, asks for passwords and calls the telephone.

  Background:
    Given the hosts flexisip.example.org and some.provider.example.org
    And the file "routes.conf"
      """
      <sip:{{b2bua}};transport=tcp>     (request.uri.domain == 'example.net' && request.uri.params contains 'user=phone')
      """
    And the file "records.conf"
      """
      <sip:pauline@flexisip.example.org> <sip:+33612345678@example.net;user=phone>;q=0.5
      <sip:london@flexisip.example.org> <sip:+44201234567@example.net;user=phone>;q=0.5
      """
    And the proxy provider at some.provider.example.org over tls, that serves some.provider.example.com with the passwords
      | user             | password            |
      | titdkaLSjWAoYPCt | \|e_Zn+@Oo,LI8W3@4b'd |
      | hrVdbsADrCUkTjdE | %AMC%Vxn8_7/y\\5!k!oM |
      | telephone        | wired               |
    And the file "providers.json"
      """
      {
       "schemaVersion": 2,
       "providers": [
          {
           "name": "French telephone numbers",
           "triggerCondition": {
             "strategy": "MatchRegex",
             "source": "{requestUri}",
             "pattern": "sip:\\+33.*"
            },
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
           "loader": [{
             "uri": "sip:account1@some.provider.example.com",
             "userid": "titdkaLSjWAoYPCt",
             "secretType": "clrtxt",
             "secret": "|e_Zn+@Oo,LI8W3@4b'd"
            },{
             "uri": "sip:account2@some.provider.example.com",
             "userid": "hrVdbsADrCUkTjdE",
             "secretType": "clrtxt",
             "secret": "%AMC%Vxn8_7/y\\5!k!oM"
            }]
          }
        }
      }
      """
    And b2bua bridges by the file "providers.json"
    And sip:account1@some.provider.example.com is available
    And sip:account2@some.provider.example.com is available
    And the phones of the proxy provider
      | name      | address                                    | user      | password |
      | telephone | sip:+33612345678@some.provider.example.com | telephone | wired    |

  @seed
  Scenario Outline: her telephone rings when <what>
    Given the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      static-records-file=records.conf
      [module::Router]
      call-fork-current-branches-timeout=<timeout>
      [module::Forward]
      enabled=true
      routes-config-path=routes.conf
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the phones of the proxy flexisip
      | name    | address                          |
      | marie   | sip:marie@flexisip.example.org   |
      | pauline | sip:pauline@flexisip.example.org |
    When marie dials sip:pauline@flexisip.example.org
    Then pauline's phone rings
    When <what>
    Then telephone's phone rings
    And telephone's call came from '/sip:account[12]@some\.provider\.example\.com/'
    And the proxy provider challenged a INVITE of b2bua
    And the INVITE that b2bua sent to provider has
      | header      | value                                                   |
      | Request-URI | sip:+33612345678@some.provider.example.com;user=phone   |
      | To          | <sip:+33612345678@some.provider.example.com;user=phone> |
    When telephone picks up
    Then marie and telephone are in the call
    And marie and telephone hear each other
    And pauline is free again
    When telephone ends the call
    Then marie is free again

    Examples:
      | what                      | timeout |
      | pauline declines with 486 | 60      |
      | pauline goes on ringing   | 1       |

  @seed
  Scenario: she answers in time, and nobody asks b2bua
    Given the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      static-records-file=records.conf
      [module::Router]
      call-fork-current-branches-timeout=60
      [module::Forward]
      routes-config-path=routes.conf
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the phones of the proxy flexisip
      | name    | address                          |
      | marie   | sip:marie@flexisip.example.org   |
      | pauline | sip:pauline@flexisip.example.org |
    When marie dials sip:pauline@flexisip.example.org
    Then pauline's phone rings
    When pauline picks up
    Then marie and pauline are in the call
    When marie ends the call
    Then pauline is free again
    And b2bua was not called by flexisip

  @seed
  Scenario: a number of another country has no provider
    Given the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      static-records-file=records.conf
      [module::Forward]
      routes-config-path=routes.conf
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the phones of the proxy flexisip
      | name  | address                        |
      | marie | sip:marie@flexisip.example.org |
    When marie dials sip:london@flexisip.example.org
    Then marie's call was refused with 488
    And b2bua logs a message /refused with 488: .*does not match sip:\+44201234567@example\.net;user=phone/

  @S-SB-14 @seed
  Scenario: she has two telephones: both ring, one is answered, and the other one falls silent
    Given the file "records.conf"
      """
      <sip:pauline@flexisip.example.org> <sip:+33612345678@example.net;user=phone>;q=0.5, <sip:+33698765432@example.net;user=phone>;q=0.5
      """
    And the file "flexisip.conf"
      """
      [global]
      transports=sip:flexisip.example.org;transport=tcp
      [module::Registrar]
      reg-domains=flexisip.example.org
      static-records-file=records.conf
      [module::Forward]
      routes-config-path=routes.conf
      """
    And the proxy flexisip with the file "flexisip.conf"
    And the phones of the proxy provider
      | name   | address                                    | user      | password |
      | mobile | sip:+33698765432@some.provider.example.com | telephone | wired    |
    And the phones of the proxy flexisip
      | name  | address                        |
      | marie | sip:marie@flexisip.example.org |
    When marie dials sip:pauline@flexisip.example.org
    Then telephone's phone rings
    And mobile's phone rings
    And the proxy provider got 2 calls of b2bua
    When telephone picks up
    Then marie and telephone are in the call
    And mobile is free again
    And marie and telephone hear each other
    When marie ends the call
    Then telephone is free again
